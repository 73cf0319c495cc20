"""The class in question and its contrast class: one choice, shared by the pages and by links."""

from collections.abc import Sequence

import streamlit as st

from app import state
from fgcore.records import Explanation

Chosen = tuple[int | None, int | None]  # class and contrast class; None: each model's own first or second choice


def choose(names: Sequence[str], truth: str | None = None) -> Chosen:
    """The two select boxes.

    Args:
        names: the classes to choose from.
        truth: the true class, if known: one click chooses it.
    """
    left, right, shortcut = st.columns([3, 3, 1.7], gap="medium", vertical_alignment="bottom")
    chosen = left.selectbox("Class", [state.classes.FIRST_CHOICE, *names], key=state.classes.CLASS, bind="query-params")
    contrast = right.selectbox(
        "Contrast class", [state.classes.SECOND_CHOICE, *names], key=state.classes.CONTRAST, bind="query-params"
    )
    if truth is not None:
        predicted = chosen != truth
        shortcut.button(
            "The true class" if predicted else "What it predicts", key="other-class", on_click=_choose,
            args=(truth if predicted else state.classes.FIRST_CHOICE,), width="stretch",
        )  # fmt: skip
    return tuple(names.index(name) if name in names else None for name in (chosen, contrast))


def _choose(name: str) -> None:
    st.session_state[state.classes.CLASS] = name


def pair(shown: Explanation, chosen: Chosen) -> tuple[int, ...]:
    """Class and contrast class for one model, never the same; a model of one class has no contrast class."""
    order = [index for index, _ in shown.prediction.top(3)]
    wanted, contrast = chosen
    index = order[0] if wanted is None else wanted
    others = [other for other in (contrast, *order) if other not in (None, index)]
    return (index, *others[:1])
