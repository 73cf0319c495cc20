"""AP-CNN on one image, as arrays and boxes; boxes are xyxy in pixels of the network input."""

from dataclasses import dataclass

import numpy as np

from fgcore.methods.ap.output import HEAD_NAMES
from fgcore.outputs import Pyramid
from fgcore.records import Box, FeatureMap, Prediction


@dataclass(frozen=True)
class StageMaps:
    """One pass of AP-CNN on one image."""

    backbone: Pyramid[FeatureMap]  # of the trunk
    features: Pyramid[FeatureMap]  # of the feature pyramid, top-down
    refined: Pyramid[FeatureMap]  # the same after the gates
    spatial_gates: Pyramid[np.ndarray]  # (h, w) in (0, 1)
    channel_gates: Pyramid[np.ndarray]  # (256,) in (0, 1), accumulated bottom-up
    raw_channel_gates: Pyramid[np.ndarray]  # (256,) in (0, 1), each level on its own


@dataclass(frozen=True)
class Candidates:
    """What one level offered to non-maximum suppression."""

    cells: np.ndarray  # (h, w) bool, cells whose gate passed the threshold
    threshold: float  # the gate value they had to exceed
    boxes: np.ndarray  # (N, 4) their anchors, best first, not clipped
    scores: np.ndarray  # (N,)


@dataclass(frozen=True)
class NMSStep:
    """One step of non-maximum suppression."""

    roi: Box  # the box kept, clipped to the image
    kept: int  # its position among the candidates, best first
    suppressed: np.ndarray  # (n,) positions of the candidates that it removed
    left: int  # candidates still there afterwards


@dataclass(frozen=True)
class Suppression:
    """Non-maximum suppression on one level, step by step."""

    level: int
    candidates: Candidates
    centres: np.ndarray  # (N, 2) x and y of the candidates' centres, pixels
    steps: tuple[NMSStep, ...]  # one per ROI


@dataclass(frozen=True)
class Dropped:
    """The ROI that dropblock removed."""

    level: int  # 3, 4 or 5; 0: nothing was dropped
    index: int  # position among that level's ROIs
    box: tuple[float, float, float, float] | None  # xyxy, pixels


@dataclass(frozen=True)
class PyramidAttention:
    """AP-CNN on one image, from the first look to the second."""

    stage1: StageMaps
    stage2: StageMaps
    candidates: Pyramid[Candidates]
    rois: Pyramid[tuple[Box, ...]]  # best first
    zoom_box: tuple[float, float, float, float]  # smallest box around all ROIs
    zoom_cells: tuple[int, int, int, int]  # the cells of level 3 that were really cut out, ends exclusive
    zoom_factor: float  # sqrt(area of the input / area of the cells cut out)
    zoomed: FeatureMap  # level 3 cropped and resized: what stage II starts from
    zoomed_pixels: np.ndarray  # (H, W, 3) uint8, the same crop of the input image, for the eye
    drop: Dropped
    drop_mask: np.ndarray  # (h, w) float32 on level 3, 0 where dropped
    heads: tuple[Prediction, ...]  # eight: stage1/level3 ... stage2/concat
    stage1_mean: Prediction  # softmax of the mean of stage I's four logits
    stage2_mean: Prediction
    dropped_heads: tuple[Prediction, ...] = ()  # the eight heads with that ROI dropped; empty: nothing was drawn
    dropped_mean: Prediction | None = None  # softmax of their mean logits

    @property
    def head_names(self) -> tuple[str, ...]:
        """Names of the eight heads, in order."""
        return HEAD_NAMES


@dataclass(frozen=True)
class DropEffects:
    """What AP-CNN says of one image without each of its ROIs in turn; N of them, level 3 first."""

    dropped: tuple[Dropped, ...]  # N
    masks: np.ndarray  # (N, h, w) float32 on level 3, 0 where dropped
    heads: np.ndarray  # (N, 8, K) probabilities; stage I comes before the drop, so its four rows never change
    means: np.ndarray  # (N, K) softmax of the mean of the eight logits
