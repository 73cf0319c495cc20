"""What AP-CNN returns: both passes, and everything that leads from the first to the second."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from fgcore.methods.ap.settings import ROIConfig
from fgcore.outputs import LEVELS, Evidence, Pyramid

HEADS = ("level3", "level4", "level5", "concat")  # the classifiers, in the order of `Stage.logits`
HEAD_NAMES = tuple(f"{stage}/{head}" for stage in ("stage1", "stage2") for head in HEADS)  # of both stages


@dataclass(frozen=True)
class Stage:
    """One pass through trunk, feature pyramid and attention pyramid (AP-CNN, framework figure)."""

    backbone: Pyramid[Tensor]  # (B, C_n, H/2^n, W/2^n)
    features: Pyramid[Tensor]  # (B, 256, H/2^n, W/2^n)  top-down, signed
    spatial_gates: Pyramid[Tensor]  # (B, 1, H/2^n, W/2^n)  in (0, 1)
    channel_gates: Pyramid[Tensor]  # (B, 256, 1, 1)  in (0, 1), accumulated bottom-up
    raw_channel_gates: Pyramid[Tensor]  # (B, 256, 1, 1)  in (0, 1), before accumulation
    refined: Pyramid[Tensor]  # (B, 256, H/2^n, W/2^n)  gated features
    logits: Tensor  # (B, 4, K)  heads 3, 4, 5 and concat


class ROIs(NamedTuple):
    """The boxes of one level, padded to k per image so that a batch needs no loop and no synchronisation."""

    boxes: Tensor  # (B, k, 4) xyxy, pixels of the network input, best first; 0 where not valid
    scores: Tensor  # (B, k) spatial gate at the anchor's cell; 0 where not valid
    valid: Tensor  # (B, k) bool; valid boxes come first


class Drop(NamedTuple):
    """Which ROI dropblock removes from each image."""

    level: Tensor  # (B,) int64: 3, 4 or 5; 0 drops nothing
    index: Tensor  # (B,) int64: position among that level's ROIs of the image


@dataclass(frozen=True)
class APCNNOutput:
    """Both passes of AP-CNN and everything that leads from the first to the second."""

    stage1: Stage
    rois: Pyramid[ROIs]
    zoom_boxes: Tensor  # (B, 4) xyxy, pixels: smallest box around all ROIs; the whole input where there is none
    zoom_cells: Tensor  # (B, 4) int64 xyxy, cells of level 3, end exclusive: what is really cut out
    drop: Drop | None  # None in evaluation unless asked for
    drop_mask: Tensor | None  # (B, 1, H/8, W/8), 0 where dropped
    zoomed: Tensor  # (B, C_3, H/8, W/8) level 3 masked, cropped, resized
    stage2: Stage
    roi: ROIConfig  # how the ROIs were chosen
    last_level: int  # the deepest level of the trunk that has weights of its own

    @property
    def head_logits(self) -> Tensor:
        """(B, 8, K): heads 3, 4, 5, concat of stage I, then of stage II."""
        return torch.cat([self.stage1.logits, self.stage2.logits], dim=1)

    @property
    def logits(self) -> Tensor:
        """(B, K): mean of the eight heads."""
        return self.head_logits.mean(dim=1)

    def heads(self) -> dict[str, Tensor]:
        """The eight heads: `stage1/level3` to `stage2/concat`."""
        return dict(zip(HEAD_NAMES, self.head_logits.unbind(1), strict=True))

    def scored(self) -> dict[str, Tensor]:
        """The heads of each stage, each stage's mean, and the mean of all eight."""
        stages = {"stage I": self.stage1.logits, "stage II": self.stage2.logits}  # (B, 4, K)
        heads = {f"{stage} {head}": x[:, i] for stage, x in stages.items() for i, head in enumerate(HEADS)}
        means = {f"{stage} mean": x.mean(dim=1) for stage, x in stages.items()}
        return heads | means | {"mean": self.logits}

    def evidence(self) -> dict[str, Evidence]:
        """Stage I at the deepest level of the trunk; stage II looks at a crop, so its map lies elsewhere."""
        features = self.stage1.backbone[self.last_level - LEVELS[0]]
        return {"stage I": Evidence(features, self.stage1.logits.mean(1), self.last_level)}
