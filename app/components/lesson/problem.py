"""Why look-alikes are hard, and what an ordinary network makes of them."""

import html

import numpy as np
import streamlit as st

from app import state
from app.charts import style
from app.charts.panels import Layer, Panel
from app.components.cam import class_map
from app.components.cards import telling_frames
from app.components.lesson.step import (
    BIRD,
    CONTROL,
    NUMBER,
    Scene,
    Step,
    chart,
    drawn,
    fine_percent,
    origin_line,
    says,
)
from app.components.text import percent, plain
from app.state.sidebar import Picture
from fgcore.data.synthetic import draw, nearest_relative, telling_parts
from fgcore.evaluation.parts import share_on
from fgcore.inspection.cam import class_map as class_activation_map
from fgcore.report.render import draw_zoom, png

_PLACES = ("First", "Second", "Third")
_ODD = 1  # the relative stands second
_OTHER_NUMBER = 0  # another drawing of the bird, as different as can be


def _look_alikes(scene: Scene) -> None:
    bird, relative, again = scene.picture, drawn(scene.relative, NUMBER), drawn(BIRD, _OTHER_NUMBER)
    guess = st.segmented_control("Which one is of another species?", _PLACES, key=state.learn.GUESS)
    with st.container(key="lesson-birds"):
        columns = st.columns(3, gap="small", wrap=False)
    for place, column, picture in zip(_PLACES, columns, (bird, relative, again), strict=True):
        pixels = picture.pixels if guess is None else _spotlight(picture, bird.sample.telling_parts[0])
        alt = f"{place} bird" if guess is None else f"{place} bird, a {picture.sample.class_name}, its telling part lit"
        column.image(png(pixels), output_format="PNG", width="stretch", alt=alt)
        if guess is not None:
            column.markdown(f"**{plain(picture.sample.class_name)}**")
    if guess is None:
        st.caption("Guess: the answer then lights up what matters.")
        return
    area = fine_percent(float(np.mean(bird.sample.part_masks[bird.sample.telling_parts[0]])))
    verdict = "Right" if guess == _PLACES[_ODD] else "It is the second"
    says(
        f"{verdict}: the second bird has no **{plain(scene.part)}**. That part covers {area} of the first picture, "
        "yet the second picture resembles the first far more than the third does."
    )


def _spotlight(picture: Picture, part: str) -> np.ndarray:
    """The picture dark but for the part, or for its place where the bird lacks it."""
    rows, columns = np.nonzero(picture.sample.part_masks[part])
    margin = 8  # pixels
    side = len(picture.pixels)
    box = (columns.min() - margin, rows.min() - margin, columns.max() + 1 + margin, rows.max() + 1 + margin)
    return draw_zoom(picture.pixels, tuple(float(np.clip(edge, 0, side)) for edge in box))


def _cross_entropy(scene: Scene) -> None:
    number = st.slider("Another picture of this species", 1, 12, 1, key=state.learn.PICTURE, width=CONTROL)
    scene = scene.with_drawing(NUMBER + number - 1)
    truth = scene.sample.class_index
    look = scene.look("baseline")
    if look is None:
        return
    picture = scene.picture
    heat = scene.ask(
        "baseline", lambda entry: class_map(entry, picture.pixels, picture.sha256, truth, "Grad-CAM", truth)
    )
    if heat is None:
        return
    mask, best = scene.telling_mask(look.view), look.prediction.best
    share, area = share_on(heat, mask), float(mask.mean())
    marks = telling_frames(scene.picture, look.view)
    left, right = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    with left:
        layer = Layer(heat, "Grad-CAM", 0, 1, style.CAM, digits=2)
        chart(
            [Panel(html.escape(scene.sample.class_name), look.view.pixels, layer, marks)],
            key="cam", alt="Grad-CAM heat map of the ordinary network over the bird, with a frame around the eye ring",
        )  # fmt: skip
    with right:
        says(
            f"**{fine_percent(share)}** of the heat lies on the {plain(scene.part)}, the only part that tells this "
            f"species from the {plain(scene.relative)}; it covers {fine_percent(area)} of the picture."
        )
        sure = percent(float(look.prediction.probabilities[best]))
        st.markdown(f"The network says *{plain(look.class_names[best])}*, {sure}.")
        st.caption(
            "Heat map: Grad-CAM, how much each place of the last feature map raised the score of the species, "
            "stretched to 0 – 1. Dotted frame: the telling part."
        )
        st.caption(origin_line(scene.entries["baseline"]))


STEPS = (
    Step(
        "The problem",
        "Look-alikes",
        "Two of these three birds are of the same species: a small part tells which, while pose, light and background "
        "mislead.",
        _look_alikes,
        (draw, nearest_relative, telling_parts),
    ),
    Step(
        "The problem",
        "What an ordinary network looks at",
        "An ordinary network is trained for one thing, the right name (the *cross-entropy loss*); where it looks is "
        "its own affair, and this heat map shows it.",
        _cross_entropy,
        (class_activation_map, share_on),
    ),
)
