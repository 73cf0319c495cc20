"""Where the pixels of a network input came from: the map between a stored image and its crop."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Geometry:
    """The affine map from the pixels of a stored image to those of the network input.

    Coordinates are continuous: pixel i covers [i, i + 1), its centre is i + 0.5. One map therefore serves
    points and the edges of boxes. input = image * scale + offset, for x and for y.
    """

    scale: tuple[float, float]  # input pixels per image pixel, along x and y
    offset: tuple[float, float]  # input pixels, x and y
    input_size: int  # side of the network input, pixels

    def to_input(self, coordinates: ArrayLike) -> NDArray[np.float64]:
        """Points (..., 2) xy or boxes (..., 4) xyxy of the image, in pixels of the network input.

        What lies outside the crop gets coordinates outside [0, input_size].

        Raises:
            ValueError: the last axis is neither 2 nor 4 long.
        """
        pairs = _pairs(coordinates)
        return (pairs * self.scale + self.offset).reshape(np.shape(coordinates))

    def to_image(self, coordinates: ArrayLike) -> NDArray[np.float64]:
        """The inverse of `to_input`: from pixels of the network input to pixels of the image."""
        pairs = _pairs(coordinates)
        return ((pairs - self.offset) / self.scale).reshape(np.shape(coordinates))

    @property
    def crop_box(self) -> tuple[float, float, float, float]:
        """What the network sees: xyxy in pixels of the image."""
        left, top, right, bottom = self.to_image((0, 0, self.input_size, self.input_size)).tolist()
        return left, top, right, bottom


def _pairs(coordinates: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(coordinates, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] not in (2, 4):
        raise ValueError(f"expected points (..., 2) or boxes (..., 4), got shape {array.shape}; give xy or xyxy last")
    return array.reshape(*array.shape[:-1], array.shape[-1] // 2, 2)
