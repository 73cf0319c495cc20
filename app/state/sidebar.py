"""The sidebar: the image, the models, and how both are shown."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app.checkpoints import Entry, LabelSet
from app.state import checkpoints
from fgcore.data.synthetic import Sample

SOURCE = "picture"  # str, link: "bird", "car", "photo" or "set"
SPECIES = {"bird": "bird", "car": "car"}  # source -> str, link: the class drawn
DRAWING = "drawing"  # int, link: number of the drawing, 0 ..
UPLOAD = "upload"  # the file uploader
LABEL_SET = "knows_{source}"  # str: what the models were trained on, one choice for each source
MODELS = "models_{label_set}"  # list of paths
MODELS_LINK = "models"  # str, of the address only: names of the chosen models; see `app.components.links`
SET = "set"  # str, link: title of the data set whose test images are shown
SET_PICTURE = "test_picture"  # int, link: which of them, 0 ..
CAMERA_ON = "use_camera"  # bool: photograph instead of uploading
CAMERA = "camera"  # the camera
CELLS = "cells"  # bool: show the maps' cells instead of smooth maps
MARKS = "marks"  # bool: mark the discriminative parts of drawn images

_SHOWN = "shown_image"  # Image: the last one that could be shown
_PHOTO = "photo"  # Photo: what became of the last upload
_CHOICE = "choice"  # Choice: what the sidebar says
_LINKED = "linked_models"  # str: the address's models, last read or written
DEFAULTS: dict[str, Any] = {_SHOWN: None, _PHOTO: None, _CHOICE: None, _LINKED: None}


@dataclass(frozen=True)
class Image:
    """What is being inspected."""

    pixels: np.ndarray  # (H, W, 3) uint8 RGB
    sha256: str  # of the pixels
    name: str  # a stranger's file name, cleaned but never Markdown; or what was drawn
    source: str  # "bird", "car" or "photo"
    sample: Sample | None = None  # of drawn images
    label: str = ""  # its true class, where it comes from a data set
    about: str = ""  # where it comes from, one sentence; "": drawn here, or a visitor's


@dataclass(frozen=True)
class Photo:
    """An upload, accepted or refused."""

    file_id: str
    image: Image | None
    refusal: str = ""  # one sentence


@dataclass(frozen=True)
class Choice:
    """What the sidebar says, for the pages to read."""

    image: Image
    label_set: LabelSet | None  # None: no checkpoints
    entries: tuple[Entry, ...]
    cells: bool
    marks: bool


def shown() -> Image | None:
    """The last image that could be shown, so that a bad file loses nothing."""
    return st.session_state[_SHOWN]


def photo() -> Photo | None:
    """What became of the last upload."""
    return st.session_state[_PHOTO]


def keep_photo(photo: Photo) -> None:
    """Remember an upload; a refused one keeps the image of the one before."""
    previous = st.session_state[_PHOTO]
    if photo.image is None and previous is not None:
        photo = Photo(photo.file_id, previous.image, photo.refusal)
    st.session_state[_PHOTO] = photo


def choose(choice: Choice) -> None:
    """Remember what the sidebar says."""
    st.session_state[_SHOWN] = choice.image
    st.session_state[_CHOICE] = choice
    checkpoints.tell_news(None)


def choice() -> Choice:
    """What the sidebar says."""
    return st.session_state[_CHOICE]


def linked() -> str | None:
    """The models that the page's address named when it was last read or written."""
    return st.session_state[_LINKED]


def keep_link(models: str | None) -> None:
    """Remember what the page's address says of the models."""
    st.session_state[_LINKED] = models
