"""An explanation as picture panels and as plain numbers, for files and reports."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fgcore.methods.mc.channel_groups import group
from fgcore.outputs import LEVELS
from fgcore.records import Explanation, Group, Prediction, PyramidAttention
from fgcore.report import render

TILE = 160  # pixels, side of a channel map in a mosaic


def class_pair(explanation: Explanation, classes: Sequence[int] = ()) -> tuple[int, int]:
    """A class and its rival: those given, and where one is missing the model's first choice and its second.

    A model of a single class is its own rival.
    """
    order = [*classes, *(index for index, _ in explanation.prediction.top(3))]
    rivals = [index for index in order[1:] if index != order[0]]
    return order[0], rivals[0] if rivals else order[0]


def panels(explanation: Explanation, classes: Sequence[int] = ()) -> dict[str, np.ndarray]:
    """Every picture of an explanation by a short name that can be a file's stem; (H, W, 3) uint8 each.

    Args:
        explanation: of one picture.
        classes: MC-Loss: whose channels to show, a class and its rival; see `class_pair`.
    """
    pixels = explanation.view.pixels
    result = {"input": pixels}
    if explanation.cam is not None:
        result["gradcam"] = render.overlay(pixels, explanation.cam, low=0, high=1)
    if explanation.groups is not None:
        best, rival = class_pair(explanation, classes)
        result |= _group_panels(pixels, "class", group(explanation.groups, best))
        result |= _group_panels(pixels, "rival", group(explanation.groups, rival))
    if explanation.attention is not None:
        result |= _attention_panels(pixels, explanation.attention)
    return result


def _group_panels(pixels: np.ndarray, name: str, shown: Group) -> dict[str, np.ndarray]:
    """Raw channels share one colour scale, from 0 to their common maximum."""
    high = float(shown.channels.max())
    size = (TILE, TILE * shown.channels.shape[2] // shown.channels.shape[1])
    maps = [render.colour(render.resize_map(m, size, smooth=False), low=0, high=high) for m in shown.channels]
    return {
        f"mc_{name}_channels": render.tiles(maps, columns=min(len(maps), 5)),
        f"mc_{name}_ccmp": render.overlay(pixels, shown.ccmp, low=0, high=high),
    }


def _attention_panels(pixels: np.ndarray, shown: PyramidAttention) -> dict[str, np.ndarray]:
    result = {}
    for level, first, second, rois in zip(
        LEVELS, shown.stage1.spatial_gates, shown.stage2.spatial_gates, shown.rois, strict=True
    ):
        result[f"ap_stage1_gate{level}"] = render.overlay(pixels, first)
        result[f"ap_stage2_gate{level}"] = render.overlay(shown.zoomed_pixels, second)
        result[f"ap_rois{level}"] = render.draw_boxes(pixels, rois, level)
    result["ap_zoom_box"] = render.draw_zoom(pixels, shown.zoom_box)
    result["ap_zoomed"] = shown.zoomed_pixels
    if shown.dropped_mean is not None:
        result["ap_dropped"] = render.drop_overlay(pixels, shown.drop_mask)
    return result


def numbers(explanation: Explanation, top: int = 5, classes: Sequence[int] = ()) -> dict[str, Any]:
    """The explanation's numbers as JSON-able values, with their origin; maps are left to the panels.

    Args:
        explanation: of one picture.
        top: how many of the most probable classes.
        classes: see `panels`.
    """
    view = explanation.view
    result: dict[str, Any] = {
        "origin": dict(explanation.origin),
        "method": explanation.method,
        "photo_size": {"height": view.photo_size[0], "width": view.photo_size[1]},
        "seen_box": [round(side, 2) for side in view.photo_box],
        "input_size": {"height": view.pixels.shape[0], "width": view.pixels.shape[1]},
        "top": _top(explanation.prediction, explanation.class_names, top),
    }
    if explanation.cam is not None:
        result["gradcam"] = {
            "class": explanation.class_names[explanation.cam_class],
            "layer": explanation.cam_layer,
        }
    if explanation.groups is not None:
        result["mc"] = [
            _group_numbers(group(explanation.groups, index), explanation.class_names)
            for index in dict.fromkeys(class_pair(explanation, classes))
        ]
    if explanation.attention is not None:
        result["ap"] = _attention_numbers(explanation.attention, explanation.class_names, top)
    return result


def _top(prediction: Prediction, names: tuple[str, ...], count: int) -> list[dict[str, Any]]:
    return [{"class": names[index], "probability": round(value, 6)} for index, value in prediction.top(count)]


def _group_numbers(shown: Group, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "class": names[shown.class_index],
        "channels": len(shown.channels),
        "score": round(shown.score, 6),
        "diversity": round(shown.diversity, 6),
        "overlap": np.round(shown.overlap, 4).tolist(),
    }


def _attention_numbers(shown: PyramidAttention, names: tuple[str, ...], top: int) -> Mapping[str, Any]:
    means = (shown.stage1_mean, shown.stage2_mean)
    return {
        "rois": {
            f"level{level}": [{"box": [box.x1, box.y1, box.x2, box.y2], "score": round(box.score, 6)} for box in boxes]
            for level, boxes in zip(LEVELS, shown.rois, strict=True)
        },
        "zoom_box": list(shown.zoom_box),
        "zoom_factor": round(shown.zoom_factor, 4),
        "heads": {head.name: _top(head, names, 1)[0] for head in shown.heads},
        "means": {mean.name: _top(mean, names, top) for mean in means},
        "dropped": None
        if shown.dropped_mean is None
        else {"level": shown.drop.level, "index": shown.drop.index, "top": _top(shown.dropped_mean, names, top)},
    }
