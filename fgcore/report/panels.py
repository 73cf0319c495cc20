"""An explanation as images to keep and as plain numbers, for files and reports."""

from collections.abc import Sequence
from typing import Any

from fgcore.records import Explanation, Panel, Prediction
from fgcore.report import render


def panels(explanation: Explanation, classes: Sequence[int] = ()) -> dict[str, Panel]:
    """Every image of an explanation by a short name that can be a file's stem.

    Args:
        explanation: of one image.
        classes: a class and its contrast class; see `Explanation.asked`.
    """
    pixels = explanation.view.pixels
    result = {"input": Panel(pixels, "The image as the network sees it")}
    if explanation.cam is not None:
        name = explanation.class_names[explanation.cam_class]
        words = f"Grad-CAM of {name}, {explanation.cam_layer}; stretched to 0 to 1"
        result["gradcam"] = Panel(render.overlay(pixels, explanation.cam, low=0, high=1), words)
    own = explanation.detail.panels(explanation.asked(classes))
    return result | {f"{explanation.method}_{name}": panel for name, panel in own.items()}


def numbers(explanation: Explanation, top: int = 5, classes: Sequence[int] = ()) -> dict[str, Any]:
    """The explanation's numbers as JSON-able values, with their origin; maps are left to the panels.

    Args:
        explanation: of one image.
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
        name = explanation.class_names[explanation.cam_class]
        result["gradcam"] = {"class": name, "layer": explanation.cam_layer}
    own = explanation.detail.numbers(explanation.asked(classes), top)
    return result | ({explanation.method: own} if own else {})


def _top(prediction: Prediction, names: tuple[str, ...], count: int) -> list[dict[str, Any]]:
    return [{"class": names[index], "probability": round(value, 6)} for index, value in prediction.top(count)]
