"""A new step starts at its top: pages scroll back when the step changes."""

import streamlit as st

_JS = """
let shown = null;

export default function ({ data }) {
  if (shown !== null && shown !== data.step) document.querySelector("[data-testid=stMain]")?.scrollTo({ top: 0 });
  shown = data.step;
}
"""

_mount = st.components.v2.component("fg_top", js=_JS)


def back_to_top(step: int) -> None:
    """Scroll the page to its top whenever `step` is another one than before."""
    _mount(key="lesson-top", data={"step": step}, height=1)
