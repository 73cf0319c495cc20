"""An explanation as a piece of HTML for notebooks: the image, the five most probable classes, the maps."""

import base64
import html

import numpy as np

from fgcore.records import Explanation
from fgcore.report import render

_SIDE = 224  # pixels


def page(shown: Explanation) -> str:
    """HTML without script and without requests. Names are escaped."""
    rows = "".join(
        f"<tr><td>{html.escape(shown.class_names[index])}</td><td>{value:.1%}</td></tr>"
        for index, value in shown.prediction.top(5)
    )
    figures = [_figure(shown.view.pixels, "the image as the network sees it")]
    if shown.cam is not None:
        name = shown.class_names[shown.cam_class]
        overlay = render.overlay(shown.view.pixels, shown.cam, low=0, high=1)
        figures.append(_figure(overlay, f"Grad-CAM of {name}, {shown.cam_layer}"))
    for found in shown.detail.maps(shown.view.pixels.shape[:2], shown.prediction.best).values():
        overlay = render.overlay(shown.view.pixels, found.values, low=found.low, high=found.high)
        figures.append(_figure(overlay, found.quantity))
    origin = ", ".join(shown.origin[key] for key in ("checkpoint", "data") if key in shown.origin)
    return (
        f"<div style='display:flex;flex-wrap:wrap;gap:12px'>{''.join(figures)}</div>"
        f"<table>{rows}</table><small>{html.escape(origin)}</small>"
    )


def _figure(pixels: np.ndarray, caption: str) -> str:
    data = base64.b64encode(render.png(pixels)).decode("ascii")
    words = html.escape(caption)
    return (
        f"<figure style='margin:0'><img width='{_SIDE}' alt='{words}' src='data:image/png;base64,{data}'>"
        f"<figcaption>{words}</figcaption></figure>"
    )
