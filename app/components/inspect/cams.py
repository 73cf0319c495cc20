"""Grad-CAM of every model beside the image."""

import html
from collections.abc import Sequence

import streamlit as st

from app.charts import style
from app.charts.panels import Layer, Outline, Panel, panels
from app.components.cards import frames_told
from app.components.text import percent
from fgcore.records import Explanation, View

_COLUMNS = 4


def cam_figure(view: View, models: Sequence[tuple[str, Explanation]], marks: Sequence[Outline], *, cells: bool) -> None:
    """The image, then each model's Grad-CAM over it; they zoom together.

    Args:
        view: the image as the networks see it.
        models: name of the model, and its explanation with Grad-CAM.
        marks: frames to draw on each.
        cells: show the map as it is, not interpolated.
    """
    items = [Panel("Image", view.pixels, outlines=marks)]
    for name, shown in models:
        share = percent(float(shown.prediction.probabilities[shown.cam_class]))
        title = f"<b>{html.escape(name)}</b><br>{html.escape(shown.class_names[shown.cam_class])}, {html.escape(share)}"
        layer = Layer(shown.cam, "Grad-CAM", 0, 1, style.CAM, smooth=not cells, digits=2)
        items.append(Panel(title, shown.view.pixels, layer, marks, linked=shown.view.photo_box == view.photo_box))
    with st.container(key="strip-cam"):
        st.plotly_chart(
            panels(items, columns=_COLUMNS, side=205), config=style.CONFIG, key="cam",
            alt="Grad-CAM heat maps over the image: " + ", ".join(name for name, _ in models),
        )  # fmt: skip
    places = "; ".join(f"{name}, {shown.cam_layer}" for name, shown in models)
    height, width = models[0][1].cam.shape
    st.caption(
        f"Each map {height} × {width}, without unit, stretched to 0 – 1 on its own: compare places, not strengths. "
        f"Layers: {places}.{frames_told(marks)}"
    )
