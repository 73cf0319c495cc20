"""Learn: how the two methods work, step by step, on a bird whose parts are known."""

import inspect
import textwrap
from collections.abc import Callable

import streamlit as st

from app import state
from app.components.lesson import problem
from app.components.lesson.step import Step, scene
from app.components.lesson.top import back_to_top
from app.methods import VIEWS

STEPS: tuple[Step, ...] = (*problem.STEPS, *(step for view in VIEWS.values() for step in view.steps))


def show() -> None:
    """The page."""
    with st.container(horizontal=True, vertical_alignment="center", key="lesson-place"):
        number = st.pagination(
            len(STEPS), max_visible_pages=7, key=state.learn.STEP, bind="query-params", persist_state="session"
        )
        step = STEPS[number - 1]
        st.caption(f"{step.part} · step {number} of {len(STEPS)}")
    st.progress(number / len(STEPS))
    back_to_top(number)
    with st.container(key="lesson-words"):
        st.title(step.title, anchor=False)
        st.markdown(step.sentence)
    st.fragment(step.draw)(scene())
    _code(step)
    _buttons(number)


def _code(step: Step) -> None:
    with st.expander("The code that computed this", icon=":material/code:"):
        for function in step.code:
            st.caption(f"`{address(function)}`")
            st.code(source(function))


def address(function: Callable[..., object]) -> str:
    """File and name of a function, as a reader of the repository looks for it."""
    function = inspect.unwrap(function)
    return f"{function.__module__.replace('.', '/')}.py · {function.__qualname__}"


def source(function: Callable[..., object]) -> str:
    """The function's own text, without the margin of its class."""
    return textwrap.dedent(inspect.getsource(function))


def _buttons(number: int) -> None:
    with st.bottom, st.container(key="lesson-buttons"):
        left, right = st.columns(2, wrap=False)
        if number > 1:
            left.button(
                STEPS[number - 2].title, icon=":material/arrow_back:", key="lesson-previous",
                on_click=_go, args=(number - 1,), width="stretch", wrap=True,
            )  # fmt: skip
        if number < len(STEPS):
            right.button(
                STEPS[number].title, icon=":material/arrow_forward:", icon_position="right", key="lesson-next",
                type="primary", on_click=_go, args=(number + 1,), width="stretch", wrap=True,
            )  # fmt: skip
        else:
            right.html('<a class="fg-go" href="./?picture=Photo" target="_self">Now your own photo</a>')


def _go(number: int) -> None:
    st.session_state[state.learn.STEP] = number
