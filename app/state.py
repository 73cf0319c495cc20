"""What one visitor's session remembers: every key, its type and its default, in one place."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app.resources import Entry, World
from fgcore.data.synthetic import Sample

# Keys of widgets. Those marked "link" are also parameters of the page's address.
SOURCE = "picture"  # str, link: "bird", "car" or "photo"
SPECIES = {"bird": "bird", "car": "car"}  # source -> str, link: the class drawn
DRAWING = "drawing"  # int, link: number of the drawing, 0 ..
UPLOAD = "upload"  # the file uploader
WORLD = "knows_{source}"  # str: what the models were trained on, one choice for each source
MODELS = "models_{world}"  # list of paths
CLASS = "class"  # str, link: the class in question, or FIRST_CHOICE
RIVAL = "rival"  # str, link: the class beside it, or SECOND_CHOICE
CELLS = "cells"  # bool: show the maps' cells instead of smooth maps
MARKS = "marks"  # bool: mark the telling parts of drawn pictures

# Keys that no widget owns.
MASK_SEED = "mask_seed"  # int: draw of the channel mask
DROP_SEED = "drop_seed"  # int: draw of the dropblock
_SHOWN = "shown_picture"  # Picture: the last one that could be shown
_PHOTO = "photo"  # Photo: what became of the last upload
_CHOICE = "choice"  # Choice: what the sidebar says

FIRST_CHOICE = "each model's first choice"
SECOND_CHOICE = "the second choice"
_DEFAULTS: dict[str, Any] = {MASK_SEED: 0, DROP_SEED: 0, _SHOWN: None, _PHOTO: None, _CHOICE: None}


@dataclass(frozen=True)
class Picture:
    """What is being inspected."""

    pixels: np.ndarray  # (H, W, 3) uint8 RGB
    sha256: str  # of the pixels
    name: str  # a stranger's file name, cleaned but never Markdown; or what was drawn
    source: str  # "bird", "car" or "photo"
    sample: Sample | None = None  # of drawn pictures


@dataclass(frozen=True)
class Photo:
    """An upload, accepted or refused."""

    file_id: str
    picture: Picture | None
    refusal: str = ""  # one sentence


@dataclass(frozen=True)
class Choice:
    """What the sidebar says, for the pages to read."""

    picture: Picture
    world: World | None  # None: no checkpoints
    entries: tuple[Entry, ...]
    cells: bool
    marks: bool


def prepare() -> None:
    """Give every key that no widget owns its default."""
    for key, default in _DEFAULTS.items():
        st.session_state.setdefault(key, default)


def shown() -> Picture | None:
    """The last picture that could be shown, so that a bad file loses nothing."""
    return st.session_state[_SHOWN]


def photo() -> Photo | None:
    """What became of the last upload."""
    return st.session_state[_PHOTO]


def keep_photo(photo: Photo) -> None:
    """Remember an upload; a refused one keeps the picture of the one before."""
    previous = st.session_state[_PHOTO]
    if photo.picture is None and previous is not None:
        photo = Photo(photo.file_id, previous.picture, photo.refusal)
    st.session_state[_PHOTO] = photo


def choose(choice: Choice) -> None:
    """Remember what the sidebar says."""
    st.session_state[_SHOWN] = choice.picture
    st.session_state[_CHOICE] = choice


def choice() -> Choice:
    """What the sidebar says."""
    return st.session_state[_CHOICE]


def advance(key: str, limit: int = 1_000_000) -> None:
    """Callback of "another one" buttons: the next number."""
    st.session_state[key] = (int(st.session_state.get(key) or 0) + 1) % limit
