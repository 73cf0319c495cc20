"""Controls: maps and boxes that know nothing of the image, for every measure to be held against.

A measure on which they win says nothing about the model.
"""

import numpy as np

from fgcore.records import Corners


def random_map(cells: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A uniform random number for each cell. (h, w) float32 in [0, 1)."""
    return rng.random(cells, np.float32)


def centre_map(cells: tuple[int, int]) -> np.ndarray:
    """The centre bias: a Gaussian at the middle, its standard deviation a quarter of each side. (h, w) float32.

    Photographers put what they photograph in the middle, so this map is hard to beat and has never seen the image.

    Source: the centre prior of saliency benchmarks, as in Judd et al., MIT-CSAIL-TR-2012-001.
    """
    down, across = (np.exp(-(((np.arange(count) + 0.5) / count - 0.5) ** 2) / (2 * 0.25**2)) for count in cells)
    return np.outer(down, across).astype(np.float32)


def random_places(count: int, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """So many uniform random points of the input (H, W). (N, 2) x and y."""
    return rng.random((count, 2)) * (size[1], size[0])


def centre_places(count: int, size: tuple[int, int]) -> np.ndarray:
    """So many points, all in the middle. (N, 2)."""
    return np.tile((size[1] / 2, size[0] / 2), (count, 1))


def random_box(box: Corners, size: tuple[int, int], rng: np.random.Generator) -> Corners:
    """A box of the same sides at a random place within the input (H, W)."""
    width, height = box[2] - box[0], box[3] - box[1]
    x, y = rng.random(2) * (size[1] - width, size[0] - height)
    return float(x), float(y), float(x + width), float(y + height)


def centre_box(box: Corners, size: tuple[int, int]) -> Corners:
    """A box of the same sides in the middle of the input (H, W)."""
    width, height = box[2] - box[0], box[3] - box[1]
    x, y = (size[1] - width) / 2, (size[0] - height) / 2
    return x, y, x + width, y + height
