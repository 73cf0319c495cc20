"""What an inspection returns: frozen records of arrays, numbers and boxes; no tensor leaves this package.

Maps keep the values that the model computed. Boxes are xyxy in pixels of the network input.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fgcore.outputs import HEADS, Pyramid


@dataclass(frozen=True)
class View:
    """The picture as the network saw it."""

    pixels: np.ndarray  # (H, W, 3) uint8, the network input before normalisation
    photo_box: tuple[float, float, float, float]  # xyxy, the part of the photo it shows, in photo pixels
    photo_size: tuple[int, int]  # (height, width) of the photo


@dataclass(frozen=True)
class Prediction:
    """The opinion of one classifier head, or of a mean of heads."""

    name: str  # "final", "stage1", "stage1/level3", ...
    probabilities: np.ndarray  # (K,) float32, sums to one

    @property
    def best(self) -> int:
        """Index of the most probable class."""
        return int(self.probabilities.argmax())

    def top(self, count: int = 5) -> list[tuple[int, float]]:
        """The `count` most probable classes as (index, probability), best first."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(int(index), float(self.probabilities[index])) for index in order]


@dataclass(frozen=True)
class ChannelGroups:
    """MC-Loss on one picture: every channel, and who owns it. See `channel_groups.group` for one class."""

    features: np.ndarray  # (C, h, w) float32, >= 0, last feature map
    group_sizes: tuple[int, ...]  # channels of each class, K numbers
    scores: np.ndarray  # (K,) g(F_i): mean over positions of the group's maximum, no mask
    diversity: np.ndarray  # (K,) h(F_i), from 1 (channels alike) to the group's size (disjoint)

    def channels_of(self, class_index: int) -> range:
        """The channel numbers that a class owns."""
        start = sum(self.group_sizes[:class_index])
        return range(start, start + self.group_sizes[class_index])


@dataclass(frozen=True)
class Group:
    """The channels of one class on one picture."""

    class_index: int
    channels: np.ndarray  # (xi, h, w) float32, raw values as in the paper's figures
    mask: np.ndarray  # (xi,) bool, CWA: True where kept
    ccmp: np.ndarray  # (h, w) maximum over the group's channels
    masked_ccmp: np.ndarray  # (h, w) the same after the mask
    winner: np.ndarray  # (h, w) int, which channel (0 .. xi - 1) gives the maximum
    score: float  # g(F_i) without mask
    masked_score: float  # g(F_i) with the mask
    softmax: np.ndarray  # (xi, h, w) each channel as a distribution over positions
    softmax_ccmp: np.ndarray  # (h, w) maximum over these maps; its sum is h
    diversity: float  # h(F_i), 1 .. xi
    overlap: np.ndarray  # (xi, xi) shared mass of two channels' softmax maps, 0 (disjoint) .. 1 (equal)


@dataclass(frozen=True)
class Box:
    """An ROI with its score."""

    x1: float
    y1: float
    x2: float
    y2: float
    score: float  # spatial gate at the cell that centres it, 0 .. 1


@dataclass(frozen=True)
class FeatureMap:
    """A feature map summed up for the eye."""

    strength: np.ndarray  # (h, w) float32, mean over the channels of the absolute value
    channels: int


@dataclass(frozen=True)
class StageMaps:
    """One pass of AP-CNN on one picture."""

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

    roi: Box  # the box kept, clipped to the picture
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
    """AP-CNN on one picture, from the first look to the second."""

    stage1: StageMaps
    stage2: StageMaps
    candidates: Pyramid[Candidates]
    rois: Pyramid[tuple[Box, ...]]  # best first
    zoom_box: tuple[float, float, float, float]  # smallest box around all ROIs
    zoom_cells: tuple[int, int, int, int]  # the cells of level 3 that were really cut out, ends exclusive
    zoom_factor: float  # sqrt(area of the input / area of the cells cut out)
    zoomed: FeatureMap  # level 3 cropped and resized: what stage II starts from
    zoomed_pixels: np.ndarray  # (H, W, 3) uint8, the same crop of the input picture, for the eye
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
        return tuple(f"{stage}/{head}" for stage in ("stage1", "stage2") for head in HEADS)


@dataclass(frozen=True)
class DropEffects:
    """What AP-CNN says of one picture without each of its ROIs in turn; N of them, level 3 first."""

    dropped: tuple[Dropped, ...]  # N
    masks: np.ndarray  # (N, h, w) float32 on level 3, 0 where dropped
    heads: np.ndarray  # (N, 8, K) probabilities; stage I comes before the drop, so its four rows never change
    means: np.ndarray  # (N, K) softmax of the mean of the eight logits


@dataclass(frozen=True)
class Explanation:
    """One model's look at one picture: the object that command line, app and reports all show."""

    method: str  # "baseline", "mc" or "ap"
    class_names: tuple[str, ...]  # K
    view: View
    prediction: Prediction  # softmax of the final logits
    cam_class: int  # the class that the CAM explains
    cam: np.ndarray | None  # (H, W) Grad-CAM in [0, 1], each map stretched to its own range; None if not asked for
    cam_layer: str  # where it was computed, e.g. "trunk level 4"
    features_level: int  # pyramid level of that layer
    groups: ChannelGroups | None = None  # MC-Loss only
    attention: PyramidAttention | None = None  # AP-CNN only
    origin: Mapping[str, str] = field(default_factory=dict)  # checkpoint, sha256, data, seed, command ...
