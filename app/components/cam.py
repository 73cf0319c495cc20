"""Class activation maps: computed once and kept, and Grad-CAM of every model beside the picture."""

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from app import resources
from app.charts import style
from app.charts.panels import Layer, Outline, Panel, panels
from app.checkpoints import Entry
from app.components.cards import frames_told
from app.components.text import percent
from fgcore.inspection import compare
from fgcore.records import Explanation, View

_COLUMNS = 4


def class_map(entry: Entry, pixels: np.ndarray, sha256: str, index: int, kind: str, rival: int) -> np.ndarray:
    """A class activation map of a picture with this sha256, kept. See `compare.class_map`.

    Args:
        entry: whose model.
        pixels: (H, W, 3) uint8.
        sha256: of the pixels.
        index: the class.
        kind: one of `fgcore.inspection.cam.METHODS`.
        rival: the class that FinerCAM tells it from; the others do not look at it.

    Raises:
        ValueError, TypeError, OSError: `resources.EXPECTED`; one sentence.
    """
    return _kept_map(entry.checkpoint.sha256, sha256, index, kind, rival if kind == "FinerCAM" else None, entry, pixels)


@st.cache_data(max_entries=192, show_spinner=False)
def _kept_map(
    checkpoint_sha256: str, picture_sha256: str, index: int, kind: str, rival: int | None, _entry: Entry,
    _pixels: np.ndarray,
) -> np.ndarray:  # fmt: skip
    return fresh_class_map(_entry, _pixels, index, kind, rival)


def fresh_class_map(entry: Entry, pixels: np.ndarray, index: int, kind: str, rival: int | None) -> np.ndarray:
    """The same for one of many pictures: it is not kept."""
    shared = resources.shared_model(entry)
    with shared.lock:
        return compare.class_map(shared.loaded, pixels, index, kind, rival if kind == "FinerCAM" else None)


def cam_figure(view: View, looks: Sequence[tuple[str, Explanation]], marks: Sequence[Outline], *, cells: bool) -> None:
    """The picture, then each model's Grad-CAM over it; they zoom together.

    Args:
        view: the picture as the networks see it.
        looks: name of the model -> its explanation with Grad-CAM.
        marks: frames to draw on each.
        cells: show the map as it is, not interpolated.
    """
    items = [Panel("Picture", view.pixels, outlines=marks)]
    for name, look in looks:
        share = percent(float(look.prediction.probabilities[look.cam_class]))
        title = f"<b>{html.escape(name)}</b><br>{html.escape(look.class_names[look.cam_class])}, {html.escape(share)}"
        layer = Layer(look.cam, "Grad-CAM", 0, 1, style.CAM, smooth=not cells, digits=2)
        items.append(Panel(title, look.view.pixels, layer, marks, linked=look.view.photo_box == view.photo_box))
    figure = panels(items, columns=_COLUMNS, side=205)
    with st.container(key="strip-cam"):
        st.plotly_chart(
            figure, config=style.CONFIG, key="cam",
            alt="Grad-CAM heat maps over the picture: " + ", ".join(name for name, _ in looks),
        )  # fmt: skip
    places = "; ".join(f"{name}, {look.cam_layer}" for name, look in looks)
    st.caption(
        f"Each map {_shape(looks[0][1])}, without unit, stretched to 0 – 1 on its own: compare places, not strengths. "
        f"Layers: {places}.{frames_told(marks)}"
    )


def _shape(look: Explanation) -> str:
    height, width = look.cam.shape
    return f"{height} × {width}"
