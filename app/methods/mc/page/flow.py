"""Small images for the boxes of MC-Loss's overview, as data addresses."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np

from app.charts import style
from fgcore.report import render

CLASS_COLOUR, CONTRAST_COLOUR = "#2a93ab", "#e69f00"  # of the class and its contrast class among the bars
_GROUP_COLOURS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0))
_SIDE = 96  # pixels, about
_TILE = 7  # pixels of a channel among all channels
_MUTED = (128, 138, 142)


def image(pixels: np.ndarray) -> str:
    """The network's input, small."""
    return style.jpeg_source(pixels, side=2 * _SIDE)


def heat(values: np.ndarray, *, high: float | None = None) -> str:
    """A map (h, w) in false colours from 0 to `high`, its maximum by default, with its cells in sight."""
    return style.png_source(render.colour(_enlarged(values), low=0, high=high))


def tiles(maps: np.ndarray, kept: np.ndarray, *, columns: int) -> str:
    """Maps (N, h, w) side by side, each from 0 to its own maximum; where not `kept`, (N,) bool, in flat grey."""
    images = [
        render.colour(channel, low=0) if keep else np.full((*channel.shape, 3), _MUTED, np.uint8)
        for channel, keep in zip(maps, kept, strict=True)
    ]
    empty = np.zeros((*maps.shape[1:], 4), np.uint8)
    opaque = [np.dstack([item, np.full(item.shape[:2], 255, np.uint8)]) for item in images]
    opaque += [empty] * (-len(opaque) % columns)
    grid = [[np.pad(item, ((0, 1), (0, 1), (0, 0))) for item in opaque[at : at + columns]]
            for at in range(0, len(opaque), columns)]  # fmt: skip
    whole = np.vstack([np.hstack(row) for row in grid])[:-1, :-1]
    factor = max(1, round(2 * _SIDE / max(whole.shape[:2])))
    return style.png_source(whole.repeat(factor, 0).repeat(factor, 1))


def all_channels(features: np.ndarray, group_sizes: Sequence[int], frames: Mapping[int, str]) -> str:
    """Every channel as a tiny tile in its group's hue, brighter where it is more active, row by row.

    The brightest 2 % of all cells share the full hue, so that a few peaks do not leave the rest in the dark.

    Args:
        features: (C, h, w), values >= 0.
        group_sizes: channels of each class; six hues take turns.
        frames: channel -> colour of its frame, "#rrggbb".
    """
    count = len(features)
    columns = int(np.ceil((2.2 * count) ** 0.5))  # about twice as wide as high
    rows = -(-count // columns)
    small = np.stack([cv2.resize(channel, (_TILE, _TILE), interpolation=cv2.INTER_AREA) for channel in features])
    light = 0.25 + 0.75 * np.clip(small / (np.quantile(small, 0.98) or 1.0), 0, 1)
    hues = np.repeat(np.resize(_GROUP_COLOURS, (len(group_sizes), 3)), group_sizes, axis=0)  # (C, 3)
    step = _TILE + 2
    canvas = np.zeros((rows * step, columns * step, 4), np.uint8)
    for number in range(count):
        y, x = (number // columns) * step, (number % columns) * step
        if number in frames:
            canvas[y : y + step, x : x + step] = _rgba(frames[number])
        tile = np.round(light[number][..., None] * hues[number]).astype(np.uint8)
        canvas[y + 1 : y + 1 + _TILE, x + 1 : x + 1 + _TILE] = np.dstack([tile, np.full((_TILE, _TILE), 255, np.uint8)])
    return style.png_source(canvas)


def bars(values: np.ndarray, colours: Mapping[int, str]) -> str:
    """One grey bar for each value, up or down from 0; some, by number, in colours of their own ("#rrggbb")."""
    top, bottom = max(float(values.max()), 0.0), min(float(values.min()), 0.0)
    span = (top - bottom) or 1.0
    width = max(2, round(1.5 * _SIDE / len(values)))
    canvas = np.zeros((_SIDE, len(values) * width, 4), np.uint8)
    zero = round(top / span * (_SIDE - 1))
    for number, value in enumerate(values):
        end = round((top - float(value)) / span * (_SIDE - 1))
        start, stop = sorted((zero, end))
        tint = _rgba(colours[number]) if number in colours else (*_MUTED, 255)
        left = number * width
        canvas[start : stop + 1, left : left + max(1, width - 1)] = tint
    return style.png_source(canvas)


def _rgba(colour: str) -> tuple[int, ...]:
    """The numbers of "#rrggbb", opaque."""
    return (*(int(colour[at:to], 16) for at, to in pairwise((1, 3, 5, 7))), 255)


def _enlarged(values: np.ndarray) -> np.ndarray:
    factor = max(1, round(2 * _SIDE / max(values.shape)))
    return values.repeat(factor, 0).repeat(factor, 1)
