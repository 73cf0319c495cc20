"""What can be set of AP-CNN's network."""

from dataclasses import field
from typing import Annotated, Literal

from fgcore.config import between, settings

Side = Annotated[float, between(1, 4096)]
Count = Annotated[int, between(0, 64)]
Chance = Annotated[float, between(0, 1)]


@settings
class ROIConfig:
    """How AP-CNN turns spatial gates into boxes. All lengths in pixels of the network input.

    Source: Ding et al., TIP 2021, ROI pyramid and the authors' code (anchors for 448-pixel input).
    """

    anchors: tuple[Side, Side, Side] = (64.0, 128.0, 256.0)  # side of the square anchor, levels 3, 4, 5
    top_k: tuple[Count, Count, Count] = (5, 3, 1)  # boxes kept per level
    nms_iou: Annotated[float, between(0, 1)] = 0.05  # a box overlapping a better one by more than this is removed
    border: Annotated[float, between(0, 0.49)] = 0.1  # share of each side in which no box is centred (CUB: 0.2)
    threshold: Annotated[float, between(0, 100)] = 1.0  # keep cells whose gate exceeds this multiple of the map's mean
    centred: bool = False  # anchors lie around the middle of their cells; as published, around its upper left corner
    drop_probabilities: tuple[Chance, Chance] = (0.3, 0.3)  # of dropping one ROI of level 3, of level 4


@settings
class APSettings:
    """Pyramids, gates and ROIs."""

    pyramid_channels: Annotated[int, between(16, 2048)] = 256
    gate: Literal["published", "standardised"] = "published"  # of the spatial gates; see `pyramids.SpatialGate`
    gate_gain: Annotated[float, between(0, 100)] = 1.0  # on the gates' initial weights; below 1 they start near a half
    roi: ROIConfig = field(default_factory=ROIConfig)


@settings
class GuideSettings:
    """Of the loss that keeps the gates on the evidence."""

    guide_weight: Annotated[float, between(0, 1000)] = 0.3  # beside eight cross-entropies
