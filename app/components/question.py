"""The class in question and its rival: one choice, shared by the pages and by links."""

from collections.abc import Sequence

import streamlit as st

from app import state
from fgcore.records import Explanation

Question = tuple[int | None, int | None]


def class_and_rival(names: Sequence[str], truth: str | None = None) -> Question:
    """The two select boxes.

    Args:
        names: the classes to choose from.
        truth: the true class, if known: one click chooses it.

    Returns:
        Class and rival; None where each model's own first or second choice counts.
    """
    left, right, shortcut = st.columns([3, 3, 1.7], gap="medium", vertical_alignment="bottom")
    chosen = left.selectbox(
        "Class", [state.question.FIRST_CHOICE, *names], key=state.question.CLASS, bind="query-params"
    )
    rival = right.selectbox(
        "Rival", [state.question.SECOND_CHOICE, *names], key=state.question.RIVAL, bind="query-params"
    )
    if truth is not None:
        predicted = chosen != truth
        shortcut.button(
            "The true class" if predicted else "What it predicts", key="other-class", on_click=_choose,
            args=(truth if predicted else state.question.FIRST_CHOICE,), width="stretch",
        )  # fmt: skip
    return tuple(names.index(name) if name in names else None for name in (chosen, rival))


def _choose(name: str) -> None:
    st.session_state[state.question.CLASS] = name


def pair(look: Explanation, question: Question) -> tuple[int, ...]:
    """Class and rival for one model, never the same; a model of one class has no rival."""
    order = [index for index, _ in look.prediction.top(3)]
    chosen, rival = question
    index = order[0] if chosen is None else chosen
    others = [other for other in (rival, *order) if other not in (None, index)]
    return (index, *others[:1])
