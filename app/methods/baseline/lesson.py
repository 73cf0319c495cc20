"""The baseline's step of the lesson: what an ordinary network makes of look-alikes."""

import html

import streamlit as st

from app import resources
from app.charts import style
from app.charts.panels import Layer, Panel
from app.components.cards import discriminative_frames
from app.components.lesson.step import CONTROL, NUMBER, Scene, Step, chart, fine_percent, says
from app.components.text import percent, plain
from fgcore.evaluation.parts import share_on
from fgcore.inspection.cams import class_maps
from fgcore.methods.baseline import BASELINE as METHOD

ANOTHER = "lesson_image"  # int: another drawing of the lesson's bird


def _cross_entropy(scene: Scene) -> None:
    number = st.slider("Another image of this species", 1, 12, 1, key=ANOTHER, width=CONTROL)
    scene = scene.with_drawing(NUMBER + number - 1)
    truth = scene.sample.class_index
    shown = scene.shown(METHOD)
    if shown is None:
        return
    heat = scene.ask(METHOD, lambda entry: resources.cam(entry, scene.image, "Grad-CAM", truth))
    if heat is None:
        return
    mask, best = scene.discriminative_mask(shown.view), shown.prediction.best
    share, area = share_on(heat, mask), float(mask.mean())
    marks = discriminative_frames(scene.image, shown.view)
    left, right = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    with left:
        layer = Layer(heat, "Grad-CAM", 0, 1, style.CAM, digits=2)
        chart(
            [Panel(html.escape(scene.sample.class_name), shown.view.pixels, layer, marks)],
            key="cam", alt="Grad-CAM heat map of the ordinary network over the bird, with a frame around the eye ring",
        )  # fmt: skip
    with right:
        says(
            f"**{fine_percent(share)}** of the heat lies on the {plain(scene.part)}, the only part that tells this "
            f"species from the {plain(scene.relative)}; it covers {fine_percent(area)} of the image."
        )
        sure = percent(float(shown.prediction.probabilities[best]))
        st.markdown(f"The network says *{plain(shown.class_names[best])}*, {sure}.")
        st.caption(
            "Heat map: Grad-CAM, how much each place of the last feature map raised the score of the species, "
            "stretched to 0 – 1. Dotted frame: the discriminative part."
        )
        st.caption(scene.origin_line(METHOD))


STEPS = (
    Step(
        "The problem",
        "What an ordinary network looks at",
        "An ordinary network is trained for one thing, the right name (the *cross-entropy loss*); where it looks is "
        "its own affair, and this heat map shows it.",
        _cross_entropy,
        (class_maps, share_on),
    ),
)
