"""Cover a part of the photo and ask again: what a model loses, it had looked at.

Source: the idea is that of Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, who
slide a grey square; here the reader chooses the place.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from fgcore.records import Prediction, View

FILLS = ("blur", "mean")
_BLUR_SIDE = 24  # pixels of the shorter side of the image that a blur leaves: no detail survives

Corners = tuple[float, float, float, float]  # xyxy


@dataclass(frozen=True)
class Change:
    """The probability of one class before and after."""

    class_index: int
    before: float
    after: float


def occlude(image: np.ndarray, box: Corners, fill: str = "blur") -> np.ndarray:
    """The image with a box covered, in memory of its own.

    Args:
        image: (H, W, 3) uint8.
        box: xyxy in pixels of the image, far edges exclusive; rounded, at least one pixel, cut at the border.
        fill: "blur": the image without its details, as if it were `_BLUR_SIDE` pixels small; "mean": its mean colour.

    Raises:
        ValueError: another fill, or a box that holds nothing of the image.
    """
    if fill not in FILLS:
        raise ValueError(f"fill must be one of {', '.join(FILLS)}, got {fill!r}")
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    if not (x1 < x2 and y1 < y2 and x1 < width and y1 < height and x2 > 0 and y2 > 0):
        raise ValueError(f"expected a box inside the {width} x {height} image, got {box}; draw it from left to right")
    left, top = min(width - 1, max(0, round(x1))), min(height - 1, max(0, round(y1)))
    right, bottom = max(left + 1, min(width, round(x2))), max(top + 1, min(height, round(y2)))
    covered = image.copy()
    cover = _blurred(image)[top:bottom, left:right] if fill == "blur" else mean_colour(image)
    covered[top:bottom, left:right] = cover
    return covered


def mean_colour(image: np.ndarray) -> np.ndarray:
    """(3,) uint8."""
    return np.round(image.reshape(-1, 3).mean(0)).astype(np.uint8)


def _blurred(image: np.ndarray) -> np.ndarray:
    """Small and large again, which is a wide blur at little cost."""
    height, width = image.shape[:2]
    factor = _BLUR_SIDE / min(height, width)
    small = max(1, round(width * factor)), max(1, round(height * factor))
    soft = cv2.GaussianBlur(cv2.resize(image, small, interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    return cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)


def box_in_photo(shares: Corners, view: View) -> Corners:
    """A box given in shares (0 .. 1) of what the network sees, in pixels of the photo."""
    x1, y1, x2, y2 = view.photo_box
    across, down = x2 - x1, y2 - y1
    return x1 + shares[0] * across, y1 + shares[1] * down, x1 + shares[2] * across, y1 + shares[3] * down


def changes(before: Prediction, after: Prediction, count: int = 3) -> tuple[Change, ...]:
    """The `count` most probable classes before, and the first choice after where it is not among them."""
    indices = [index for index, _ in before.top(count)]
    indices += [after.best] if after.best not in indices else []
    return tuple(
        Change(index, float(before.probabilities[index]), float(after.probabilities[index])) for index in indices
    )
