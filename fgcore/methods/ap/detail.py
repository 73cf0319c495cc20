"""What AP-CNN shows of one image: maps, panels, numbers and tables of its two passes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from fgcore.methods.ap.output import APCNNOutput
from fgcore.methods.ap.pyramid_attention import pyramid_attention
from fgcore.methods.ap.records import PyramidAttention
from fgcore.outputs import LEVELS
from fgcore.records import Asked, Box, Detail, Map, Panel, Prediction, Table
from fgcore.report import render

_STRIDE = 8  # pixels of the network input per cell of a coverage map, the cells in which AP-CNN zooms


@dataclass(frozen=True)
class APDetail(PyramidAttention, Detail):
    """Both passes on one image, and what a reader asks of them."""

    def maps(self, size: tuple[int, int], class_index: int) -> dict[str, Map]:
        """How many ROIs cover each cell; the spatial gates of stage I in (0, 1). No map speaks for a class."""
        covered = roi_coverage([box for boxes in self.rois for box in boxes], size)
        result = {"rois": Map("ROI coverage", covered, 0.0, float(covered.max()), covered.shape)}
        for level, gate in zip(LEVELS, self.stage1.spatial_gates, strict=True):
            result[f"gate{level}"] = Map(f"gate {level}", gate, float(gate.min()), float(gate.max()), gate.shape)
        return result

    def panels(self, asked: Asked) -> dict[str, Panel]:
        """Gates of both passes, ROIs of each level, zoom box and crop, and the dropblock if one was drawn."""
        result: dict[str, Panel] = {}
        for level, first, second, rois in zip(
            LEVELS, self.stage1.spatial_gates, self.stage2.spatial_gates, self.rois, strict=True
        ):
            for stage, gate, pixels, place in (
                (1, first, asked.pixels, "the image"),
                (2, second, self.zoomed_pixels, "the zoomed crop"),
            ):
                words = f"Stage {'I' * stage}, level {level} (stride {2**level}): spatial gate over {place}, own range"
                result[f"stage{stage}_gate{level}"] = Panel(render.overlay(pixels, gate), words)
            boxes = render.draw_boxes(asked.pixels, rois, level)
            result[f"rois{level}"] = Panel(boxes, f"Level {level}: regions kept, with their scores")
        zoom = render.draw_zoom(asked.pixels, self.zoom_box)
        result["zoom_box"] = Panel(zoom, "Zoom box: the smallest one around all regions")
        words = "The zoomed crop: the part of the image that stage II looks at"
        result["zoomed"] = Panel(self.zoomed_pixels, words)
        if self.dropped_mean is not None:
            dropped = render.drop_overlay(asked.pixels, self.drop_mask)
            result["dropped"] = Panel(dropped, "Dropblock as drawn in training: the grey part is removed")
        return result

    def numbers(self, asked: Asked, top: int) -> dict[str, Any]:
        """ROIs, zoom, what each head and mean says, and what was dropped."""
        names, dropped = asked.class_names, None
        if self.dropped_mean is not None:
            dropped = {"level": self.drop.level, "index": self.drop.index, "top": _top(self.dropped_mean, names, top)}
        return {
            "rois": {
                f"level{level}": [{"box": [b.x1, b.y1, b.x2, b.y2], "score": round(b.score, 6)} for b in boxes]
                for level, boxes in zip(LEVELS, self.rois, strict=True)
            },
            "zoom_box": list(self.zoom_box),
            "zoom_factor": round(self.zoom_factor, 4),
            "heads": {head.name: _top(head, names, 1)[0] for head in self.heads},
            "means": {mean.name: _top(mean, names, top) for mean in (self.stage1_mean, self.stage2_mean)},
            "dropped": dropped,
        }

    def tables(self, asked: Asked) -> list[Table]:
        """What each head says, and which boxes led from the first pass to the second."""
        said = [(p.name, asked.class_names[p.best], f"{p.probabilities[p.best]:.6f}") for p in self.predictions()]
        boxes = [
            (str(level), *(f"{side:.1f}" for side in (box.x1, box.y1, box.x2, box.y2)), f"{box.score:.6f}")
            for level, rois in zip(LEVELS, self.rois, strict=True)
            for box in rois
        ]
        boxes.append(("zoom", *(f"{side:.1f}" for side in self.zoom_box), f"zoom factor {self.zoom_factor:.4f}"))
        head = ("Level", "Left", "Top", "Right", "Bottom", "Score, 0 to 1")
        return [
            Table("Heads and stages", ("Head", "Says", "Probability"), tuple(said)),
            Table("Regions, in pixels of the network input", head, tuple(boxes)),
        ]

    def predictions(self) -> list[Prediction]:
        """Each stage's mean, the eight heads, and the mean with an ROI dropped where one was drawn."""
        dropped = [] if self.dropped_mean is None else [self.dropped_mean]
        return [self.stage1_mean, self.stage2_mean, *self.heads, *dropped]


def detail(network: nn.Module, output: APCNNOutput, pixels: np.ndarray, draw_seed: int | None = None) -> APDetail:
    """The detail of the first image of a batch. See `pyramid_attention`."""
    shown = pyramid_attention(network, output, pixels, draw_seed)
    return APDetail(**{name: getattr(shown, name) for name in shown.__dataclass_fields__})


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


def _top(prediction: Prediction, names: tuple[str, ...], count: int) -> list[dict[str, Any]]:
    return [{"class": names[index], "probability": round(value, 6)} for index, value in prediction.top(count)]
