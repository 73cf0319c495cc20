"""What the models and losses return: a typed record of every waypoint in the papers' figures.

Fields hold live tensors, neither detached nor moved; `fgcore.records` holds what is shown them into arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
S = TypeVar("S")

LEVELS = (3, 4, 5)  # a level n has stride 2^n
HEADS = ("level3", "level4", "level5", "concat")  # AP-CNN's classifiers, in the order of `Stage.logits`


class Pyramid(NamedTuple, Generic[T]):
    """One value per pyramid level, finest first: strides 8, 16, 32."""

    level3: T
    level4: T
    level5: T

    def map(self, function: Callable[[T], S]) -> "Pyramid[S]":
        """The pyramid of `function(value)`."""
        return Pyramid(function(self.level3), function(self.level4), function(self.level5))


def group_sizes(channels: int, classes: int) -> tuple[int, ...]:
    """How many consecutive channels each class owns when `channels` are shared out as evenly as possible.

    With f = floor(channels / classes), the first classes own f channels and the last `channels - classes * f` own
    f + 1: 2048 channels for 200 classes are 152 groups of 10 and 48 of 11.

    Raises:
        ValueError: fewer channels than classes.

    Source: the authors' ResNet-50 script (first the smaller groups).
    """
    if classes < 1:
        raise ValueError(f"expected at least one class, got {classes}")
    if channels < classes:
        raise ValueError(
            f"each class needs at least one channel: got {channels} channels for {classes} classes; "
            "use a wider layer or fewer classes"
        )
    size, larger = divmod(channels, classes)
    return (size,) * (classes - larger) + (size + 1,) * larger


@dataclass(frozen=True)
class BaselineOutput:
    """Trunk and dense head."""

    features: Tensor  # (B, C, h, w) last feature map, non-negative
    logits: Tensor  # (B, K)


@dataclass(frozen=True)
class MCOutput:
    """Trunk and dense head, with the channels divided among the classes."""

    features: Tensor  # (B, C, h, w) last feature map, non-negative, C = sum(group_sizes)
    logits: Tensor  # (B, K)
    group_sizes: tuple[int, ...]  # channels of each class, K numbers, consecutive


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

    @property
    def head_logits(self) -> Tensor:
        """(B, 8, K): heads 3, 4, 5, concat of stage I, then of stage II."""
        return torch.cat([self.stage1.logits, self.stage2.logits], dim=1)

    @property
    def logits(self) -> Tensor:
        """(B, K): mean of the eight heads."""
        return self.head_logits.mean(dim=1)


ModelOutput = BaselineOutput | MCOutput | APCNNOutput


@dataclass(frozen=True)
class LossTerms:
    """A loss and the named parts it was made of."""

    total: Tensor  # scalar, to be minimised
    parts: dict[str, Tensor]  # name -> scalar, unweighted; see the loss that made it
