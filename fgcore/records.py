"""What is shown: frozen records of arrays, numbers and boxes; no tensor leaves the core.

Maps keep the values that the model computed. Boxes are xyxy in pixels of the network input. What a method adds is a
`Detail` of its own, in `fgcore/methods/<name>/detail.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Corners = tuple[float, float, float, float]  # xyxy


@dataclass(frozen=True)
class View:
    """The image as the network sees it."""

    pixels: np.ndarray  # (H, W, 3) uint8, the network input before normalisation
    photo_box: Corners  # the part of the image it shows, in pixels of the image
    photo_size: tuple[int, int]  # (height, width) of the image


@dataclass(frozen=True)
class Prediction:
    """The answer of one classifier head, or of a mean of heads."""

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
class Box:
    """A region with its score."""

    x1: float
    y1: float
    x2: float
    y2: float
    score: float  # of the method that chose it


@dataclass(frozen=True)
class FeatureMap:
    """A feature map summed up in one channel."""

    strength: np.ndarray  # (h, w) float32, mean over the channels of the absolute value
    channels: int


@dataclass(frozen=True)
class Map:
    """One map of one model on one image; it covers the network input."""

    quantity: str  # "CCMP", "spatial gate", "Grad-CAM", ...: maps of one quantity share their unit
    values: np.ndarray  # (h, w) float32, finite
    low: float  # least value of a colour scale of its own
    high: float  # greatest
    cells: tuple[int, int]  # rows and columns of the grid that the network computed it on
    class_index: int | None = None  # the class it speaks for; None: for none in particular


@dataclass(frozen=True)
class Panel:
    """An image to keep, with its caption."""

    image: np.ndarray  # (H, W, 3) uint8
    caption: str  # what it shows, with range and unit


@dataclass(frozen=True)
class Table:
    """Numbers to read."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False  # of interest to few


@dataclass(frozen=True)
class Asked:
    """What is asked of a detail."""

    pixels: np.ndarray  # (H, W, 3) uint8, the network input
    class_names: tuple[str, ...]  # K
    class_index: int
    contrast: int  # the class to hold against it; the same one where there is no other

    @property
    def both(self) -> tuple[int, ...]:
        """Class and contrast class, once if they are the same."""
        return tuple(dict.fromkeys((self.class_index, self.contrast)))


class Detail:
    """What a method shows of one image beyond the prediction; this one, of a method without, shows nothing."""

    def maps(self, size: tuple[int, int], class_index: int) -> dict[str, Map]:
        """Maps read from the network without gradients, by name; the first is the method's own answer to "where".

        Args:
            size: (H, W) of the network input.
            class_index: the class that they speak for, where they speak for one.
        """
        return {}

    def panels(self, asked: Asked) -> dict[str, Panel]:
        """Images to keep, by a short name that can be a file's stem."""
        return {}

    def numbers(self, asked: Asked, top: int) -> dict[str, Any]:
        """Numbers as JSON-able values; the `top` most probable classes of each classifier."""
        return {}

    def tables(self, asked: Asked) -> list[Table]:
        """The numbers that a reader wants to see."""
        return []

    def predictions(self) -> list[Prediction]:
        """What single classifiers say, besides the final prediction."""
        return []


@dataclass(frozen=True)
class Explanation:
    """One model's look at one image: what the command line, the app and reports all show."""

    method: str  # a name of `fgcore.methods.METHODS`
    class_names: tuple[str, ...]  # K
    view: View
    prediction: Prediction  # softmax of the final logits
    detail: Detail  # the method's own
    cam_level: int  # pyramid level of the features that class activation maps weigh
    cam_layer: str  # the same in words, such as "stage I, stride 32"
    cam_class: int | None = None  # the class that `cam` explains
    cam: np.ndarray | None = None  # (H, W) Grad-CAM in [0, 1], stretched to its own range; None if not asked for
    origin: Mapping[str, str] = field(default_factory=dict)  # checkpoint, sha256, data, seed, command ...

    def asked(self, classes: Sequence[int] = ()) -> Asked:
        """The class in question and a contrast class: those given, else the first and second most probable."""
        order = [*classes, *(index for index, _ in self.prediction.top(3))]
        others = [index for index in order[1:] if index != order[0]]
        return Asked(self.view.pixels, self.class_names, order[0], others[0] if others else order[0])
