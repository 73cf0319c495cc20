"""The page of checkpoints: what is brought, and what became of it."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

UPLOAD = "own_checkpoint_{number}"  # the uploader of checkpoints; another number is an empty one
DATASET = "own_dataset"  # str: which data set an official file was trained on
NAMES = "own_names"  # str: names of an official file's own classes, one a line
FILE = "own_file"  # str: path of an official file in the server's folders

_NEWS = "own_news"  # News: what became of the last checkpoint brought or deleted
_COUNT = "own_count"  # int: how many files were brought
DEFAULTS: dict[str, Any] = {_NEWS: None, _COUNT: 0}


@dataclass(frozen=True)
class News:
    """What became of a checkpoint that was brought or deleted."""

    good: bool
    sentence: str


def tell_news(news: News | None) -> None:
    """Have it told until there are other news or an image is looked at; None forgets it."""
    st.session_state[_NEWS] = news


def news() -> News | None:
    """What became of the checkpoint that was brought or deleted last."""
    return st.session_state[_NEWS]


def own_upload() -> str:
    """Key of the present uploader of checkpoints."""
    return UPLOAD.format(number=st.session_state[_COUNT])


def empty_own_upload() -> None:
    """Put an empty uploader in its place, which frees the memory of the file."""
    st.session_state[_COUNT] += 1
