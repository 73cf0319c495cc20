"""Where a model looked, as one map per model whatever its method: what a comparison lays side by side."""

from dataclasses import dataclass

import numpy as np

from fgcore.methods.mc.channel_groups import group
from fgcore.outputs import LEVELS
from fgcore.records import Box, Explanation

_STRIDE = 8  # pixels of the network input per cell of a coverage map, the cells in which AP-CNN zooms


@dataclass(frozen=True)
class Evidence:
    """One map of one model on one picture; it covers the network input."""

    quantity: str  # "CCMP", "spatial gate", "ROI coverage", "Grad-CAM": maps of one quantity share their unit
    values: np.ndarray  # (h, w) float32, finite
    low: float  # least value of a colour scale of its own
    high: float  # greatest
    cells: tuple[int, int]  # rows and columns of the grid that the network computed it on
    class_index: int | None  # the class it speaks for; None: for none in particular


def own_map(explanation: Explanation, class_index: int, level: int | None = None) -> Evidence | None:
    """The map that belongs to the method itself, read from the network without gradients.

    Args:
        explanation: of one model, with the method's own maps.
        class_index: MC-Loss: the class whose channels are asked.
        level: AP-CNN: the spatial gate of stage I at pyramid level 3, 4 or 5; None: the coverage by its ROIs.

    Returns:
        MC-Loss: the CCMP of the class, >= 0; AP-CNN: a gate in (0, 1), or a number of ROIs; None: the baseline has no
        map of its own.
    """
    if explanation.groups is not None:
        values = group(explanation.groups, class_index).ccmp
        return Evidence("CCMP", values, 0.0, float(values.max()), values.shape, class_index)
    if explanation.attention is None:
        return None
    if level is not None:
        values = explanation.attention.stage1.spatial_gates[LEVELS.index(level)]
        return Evidence(f"gate {level}", values, float(values.min()), float(values.max()), values.shape, None)
    boxes = [box for boxes in explanation.attention.rois for box in boxes]
    values = roi_coverage(boxes, explanation.view.pixels.shape[:2])
    return Evidence("ROI coverage", values, 0.0, float(values.max()), values.shape, None)


def cam_map(values: np.ndarray, quantity: str, level: int, class_index: int | None) -> Evidence:
    """A class activation map as evidence.

    Args:
        values: (H, W) in [0, 1], as `cam.class_map` returns it.
        quantity: name of its kind.
        level: pyramid level of the layer it comes from.
        class_index: the class it explains.
    """
    cells = values.shape[0] // 2**level, values.shape[1] // 2**level
    return Evidence(quantity, values, 0.0, 1.0, cells, class_index)


def roi_coverage(boxes: list[Box], size: tuple[int, int]) -> np.ndarray:
    """How many boxes cover each cell of stride 8, parts of a cell counted as parts.

    Args:
        boxes: in pixels of the network input.
        size: (H, W) of the network input, multiples of 8.

    Returns:
        (H / 8, W / 8) float32, 0 .. number of boxes.
    """
    rows, columns = (np.arange(0, side, _STRIDE) for side in size)
    total = np.zeros((len(rows), len(columns)), np.float32)
    for box in boxes:
        down, across = _covered(rows, box.y1, box.y2), _covered(columns, box.x1, box.x2)
        total += np.outer(down, across).astype(np.float32)
    return total


def _covered(starts: np.ndarray, first: float, last: float) -> np.ndarray:
    """The share of each cell [start, start + 8) that lies between `first` and `last`."""
    return np.clip(np.minimum(starts + _STRIDE, last) - np.maximum(starts, first), 0, None) / _STRIDE
