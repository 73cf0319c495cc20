"""Why look-alikes are hard."""

import numpy as np
import streamlit as st

from app import state
from app.components.lesson.step import (
    BIRD,
    NUMBER,
    Scene,
    Step,
    drawn,
    fine_percent,
    says,
)
from app.components.text import plain
from app.state.sidebar import Image
from fgcore.data.synthetic import discriminative_parts, draw, nearest_relative
from fgcore.report.render import draw_zoom, png

_PLACES = ("First", "Second", "Third")
_ODD = 1  # the relative stands second
_OTHER_NUMBER = 0  # another drawing of the bird, as different as can be


def _look_alikes(scene: Scene) -> None:
    bird, relative, again = scene.image, drawn(scene.relative, NUMBER), drawn(BIRD, _OTHER_NUMBER)
    guess = st.segmented_control("Which one is of another species?", _PLACES, key=state.learn.GUESS)
    with st.container(key="lesson-birds"):
        columns = st.columns(3, gap="small", wrap=False)
    for place, column, image in zip(_PLACES, columns, (bird, relative, again), strict=True):
        pixels = image.pixels if guess is None else _spotlight(image, bird.sample.discriminative_parts[0])
        alt = (
            f"{place} bird"
            if guess is None
            else f"{place} bird, a {image.sample.class_name}, its discriminative part lit"
        )
        column.image(png(pixels), output_format="PNG", width="stretch", alt=alt)
        if guess is not None:
            column.markdown(f"**{plain(image.sample.class_name)}**")
    if guess is None:
        st.caption("Guess: the answer then lights up what matters.")
        return
    area = fine_percent(float(np.mean(bird.sample.part_masks[bird.sample.discriminative_parts[0]])))
    verdict = "Right" if guess == _PLACES[_ODD] else "It is the second"
    says(
        f"{verdict}: the second bird has no **{plain(scene.part)}**. That part covers {area} of the first image, "
        "yet the second image resembles the first far more than the third does."
    )


def _spotlight(image: Image, part: str) -> np.ndarray:
    """The image dark but for the part, or for its place where the bird lacks it."""
    rows, columns = np.nonzero(image.sample.part_masks[part])
    margin = 8  # pixels
    side = len(image.pixels)
    box = (columns.min() - margin, rows.min() - margin, columns.max() + 1 + margin, rows.max() + 1 + margin)
    return draw_zoom(image.pixels, tuple(float(np.clip(edge, 0, side)) for edge in box))


STEPS = (
    Step(
        "The problem",
        "Look-alikes",
        "Two of these three birds are of the same species: a small part tells which, while pose, light and background "
        "mislead.",
        _look_alikes,
        (draw, nearest_relative, discriminative_parts),
    ),
)
