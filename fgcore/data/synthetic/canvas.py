"""A small painter: anti-aliased fills at twice the final resolution, with a label per pixel beside the colour.

Everything is given in frame units: (0, 0) is the top left corner of the image and (1, 1) the bottom right,
so the same calls give the same image at any size.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np

from fgcore.data.synthetic.geometry import Points
from fgcore.data.synthetic.tones import Colour

SUPERSAMPLE = 2
_SHIFT = 4  # fractional bits of OpenCV's fixed-point coordinates
_GRID = 64  # cells across the frame of soft (blurred) fields, whatever the image size


class Canvas:
    """RGBA pixels (premultiplied) and integer labels, painted back to front.

    Attributes:
        pixels: (2S, 2S, 4) uint8, premultiplied RGB and alpha.
        labels: (2S, 2S, 2) uint8; channel 0 is the label of the topmost labelled fill, 0 for none; channel 1 holds a
            bit for each place marked on top of it.
    """

    def __init__(self, size: int) -> None:
        """An empty, transparent canvas for an image of `size` pixels."""
        self.size = size
        self.side = size * SUPERSAMPLE
        self.pixels = np.zeros((self.side, self.side, 4), np.uint8)
        self.labels = np.zeros((self.side, self.side, 2), np.uint8)
        self._window = (0, 0, self.side, self.side)  # x0, y0, x1, y1 of the open clip

    def fill(self, outline: Points | Sequence[Points], colour: Colour | None, label: int | None = None) -> None:
        """Fills one or several closed outlines.

        Args:
            outline: (N, 2) points in frame units, or a list of such.
            colour: RGB, or None to leave the colour as it is (a region that is only labelled).
            label: written where given; 0 erases the labels underneath (an occluder).

        A labelled fill covers the places marked before it.
        """
        polygons = self._fixed(outline)
        x0, y0, x1, y1 = self._window
        if colour is not None:
            cv2.fillPoly(self.pixels[y0:y1, x0:x1], polygons, (*colour, 255), cv2.LINE_AA, _SHIFT)
        if label is not None:
            cv2.fillPoly(self.labels[y0:y1, x0:x1], polygons, (label, 0), cv2.LINE_8, _SHIFT)

    def mark(self, outline: Points, bit: int) -> None:
        """Marks the place of a part that is not there; colours and labels stay. `bit` is a power of two."""
        polygon = self._fixed(outline)[0]
        x0, y0, x1, y1 = self._window
        left, top = np.clip(polygon.min(0) >> _SHIFT, 0, (x1 - x0, y1 - y0)).tolist()
        right, low = np.clip((polygon.max(0) >> _SHIFT) + 2, 0, (x1 - x0, y1 - y0)).tolist()
        inside = np.zeros((low - top, right - left), np.uint8)
        if inside.size:
            cv2.fillPoly(inside, [polygon - (left << _SHIFT, top << _SHIFT)], 1, cv2.LINE_8, _SHIFT)
            self.labels[y0 + top : y0 + low, x0 + left : x0 + right, 1] |= inside * np.uint8(bit)

    @contextmanager
    def clip(self, outline: Points) -> Iterator[None]:
        """Keeps what is painted inside the block only within the outline."""
        polygon = self._fixed(outline)[0]
        low = np.clip((polygon.min(0) >> _SHIFT) - 2, 0, self.side)
        high = np.clip((polygon.max(0) >> _SHIFT) + 3, 0, self.side)
        x0, y0, x1, y1 = self._window = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        pixels, labels = self.pixels[y0:y1, x0:x1], self.labels[y0:y1, x0:x1]
        before, labels_before = pixels.copy(), labels.copy()
        try:
            yield
        finally:
            mask = np.zeros(labels.shape[:2], np.uint8)
            cv2.fillPoly(mask, self._fixed(outline), 255, cv2.LINE_AA, _SHIFT)
            self._window = (0, 0, self.side, self.side)
            if mask.size:
                outside = (mask < 128).view(np.uint8)
                cv2.copyTo(before, outside, pixels)
                cv2.copyTo(labels_before, outside, labels)

    def wash(self, base: Colour, areas: Sequence[tuple[Points, Colour]], blur: float, label: int | None = None) -> None:
        """Covers the open clip with a soft blend of colours, like wet paint.

        Args:
            base: colour where no area is.
            areas: (outline, colour) pairs, painted in turn before blurring.
            blur: standard deviation of the blur in frame units.
            label: written over the whole clip where given.
        """
        field = np.full((_GRID, _GRID, 4), (*base, 255), np.uint8)
        for outline, colour in areas:
            cv2.fillPoly(
                field, [np.round(outline * (_GRID * 16) - 8).astype(np.int32)], (*colour, 255), cv2.LINE_AA, _SHIFT
            )
        field = cv2.GaussianBlur(field, (0, 0), blur * _GRID)
        x0, y0, x1, y1 = self._window
        self.pixels[y0:y1, x0:x1] = self._window_of(field)
        if label is not None:
            cv2.rectangle(self.labels[y0:y1, x0:x1], (0, 0), (x1 - x0, y1 - y0), (label, 0), cv2.FILLED)

    def shade(self, field: np.ndarray) -> None:
        """Multiplies the colours in the open clip by a coarse field, (G, G) float around 1, enlarged smoothly."""
        gain = np.clip(field * 128, 0, 255).astype(np.uint8)
        x0, y0, x1, y1 = self._window
        window = self.pixels[y0:y1, x0:x1]
        large = self._window_of(cv2.merge([gain, gain, gain, np.full_like(gain, 128)]))
        cv2.multiply(window, large, window, scale=1 / 128)

    def shadow(self, outline: Points | Sequence[Points], blur: float, strength: float) -> None:
        """Darkens the open clip softly over the outline; `strength` 1 is black."""
        self.shade(1 - strength * soft_mask(outline, blur))

    def flattened(self) -> tuple[np.ndarray, np.ndarray]:
        """The image at its final size: (S, S, 3) premultiplied RGB and (S, S) alpha, uint8."""
        small = cv2.resize(self.pixels, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(small, cv2.COLOR_RGBA2RGB), cv2.extractChannel(small, 3)

    def small_labels(self) -> np.ndarray:
        """The labels so far at the image's final size, (S, S, 2) uint8, a copy."""
        return cv2.resize(self.labels, (self.size, self.size), interpolation=cv2.INTER_NEAREST)

    def _fixed(self, outline: Points | Sequence[Points]) -> list[np.ndarray]:
        """Frame units to OpenCV's fixed-point pixels of the open clip."""
        outlines = [outline] if isinstance(outline, np.ndarray) else outline
        scale, origin = self.side << _SHIFT, (1 << _SHIFT) // 2
        x0, y0 = self._window[:2]
        shift = (origin + (x0 << _SHIFT), origin + (y0 << _SHIFT))
        return [np.round(points * scale - shift).astype(np.int32) for points in outlines]

    def _window_of(self, field: np.ndarray) -> np.ndarray:
        """The part of a coarse field of the whole frame that the open clip shows, at canvas resolution."""
        x0, y0, x1, y1 = self._window
        step = self.side / _GRID
        left, top = max(0, int(x0 / step) - 1), max(0, int(y0 / step) - 1)
        cells = field[top : int(y1 / step) + 2, left : int(x1 / step) + 2]
        large = cv2.resize(cells, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
        x, y = x0 - round(left * step), y0 - round(top * step)
        return large[y : y + y1 - y0, x : x + x1 - x0]


def soft_mask(outline: Points | Sequence[Points], blur: float) -> np.ndarray:
    """A blurred coverage of the outline on the coarse grid, (G, G) float32 in [0, 1]; blur in frame units."""
    outlines = [outline] if isinstance(outline, np.ndarray) else outline
    mask = np.zeros((_GRID, _GRID), np.uint8)
    polygons = [np.round(points * (_GRID * 16) - 8).astype(np.int32) for points in outlines]
    cv2.fillPoly(mask, polygons, 255, cv2.LINE_AA, _SHIFT)
    return cv2.GaussianBlur(mask.astype(np.float32) * np.float32(1 / 255), (0, 0), blur * _GRID)
