"""The page that compares: which maps and images, and what was asked for by a button."""

from collections.abc import Hashable
from typing import Any

import streamlit as st

MAP = "map"  # str, link: which map of every model
OWN_MAP = "{method}_map"  # str, link: which of a method's own maps, where it has several
FILL = "fill"  # str, link: what an occluded box is filled with
SIDES = ("left", "top", "right", "bottom")  # int, link: sides of the occluded box, per cent of the image
PHOTO = "occlude"  # the chart to drag a box on
PICTURES = "pictures"  # str, link: which set of images: drawings or files
COUNT = "drawings"  # int, link: how many drawings
FILES = "compared_files"  # the uploader of several images
NUMBER = "agreement"  # str, link: which number of agreement the table shows
TABLE = "compared"  # the table of images

_ASKED = "compare_asked"  # dict: what was asked for by a button, name of the button -> what it was asked of
DEFAULTS: dict[str, Any] = {_ASKED: {}}


def ask(button: str, question: Hashable) -> None:
    """Callback of buttons that start something long: answer this question from now on."""
    st.session_state[_ASKED] = st.session_state[_ASKED] | {button: question}


def asked(button: str, question: Hashable) -> bool:
    """Whether a button was pressed for just this question."""
    return st.session_state[_ASKED].get(button) == question
