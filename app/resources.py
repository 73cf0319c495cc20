"""What all sessions share: models, what they computed of an image, and drawings; all bounded."""

import logging
import os
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import numpy as np
import streamlit as st
import torch

from app.checkpoints import Entry
from app.state.sidebar import Image
from fgcore.data.synthetic import Sample, draw
from fgcore.inspection.faithfulness import Faithfulness
from fgcore.inspection.inspector import Inspection, Inspector
from fgcore.records import Explanation, Prediction, View

KINDS = {"bird": "birds", "car": "cars"}  # what the program draws
_UNSEEN = 100_000_000  # drawings are numbered from here: no training or test split draws these seeds
torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))  # one core stays with the server and the browser

EXPECTED = (ValueError, TypeError, OSError)  # failures whose message is one sentence for the visitor
T = TypeVar("T")


def attempt(entry: Entry, compute: Callable[[], T]) -> T | str:
    """What `compute` returns, or the sentence that says why this model could not; the log gets it too."""
    try:
        return compute()
    except EXPECTED as error:
        logging.getLogger(__name__).warning("%s: %s", entry.path.name, error)
        return str(error)


@st.cache_resource(max_entries=6, show_spinner=False)
def _inspector(path: str, sha256: str) -> Inspector:
    return Inspector(path)


def inspector(entry: Entry) -> Inspector:
    """The model of a checkpoint, for any number of threads.

    Raises:
        ValueError, TypeError, OSError: `EXPECTED`; one sentence. So do all functions here that ask a model.
    """
    return _inspector(str(entry.path), entry.checkpoint.sha256)


@st.cache_resource(max_entries=4, show_spinner=False)
def _inspection(checkpoint: str, sha256: str, _entry: Entry, _image: Image) -> Inspection:
    return inspector(_entry).set_image(_image.pixels)


def inspection(entry: Entry, image: Image) -> Inspection:
    """An image in front of a model, to be asked again.

    Few are kept, since each holds the network's whole trace: 19 MB of a shipped model, 360 to 440 of a ResNet-50 at 448
    pixels (measured). What they answered is kept apart from them, and is small.
    """
    return _inspection(entry.checkpoint.sha256, image.sha256, entry, image)


@st.cache_data(max_entries=96, show_spinner=False)
def _explanation(checkpoint: str, sha256: str, seed: int | None, _entry: Entry, _image: Image) -> Explanation:
    return inspection(_entry, _image).explanation(cam=False, draw_seed=seed)


def explanation(entry: Entry, image: Image, *, draw_seed: int | None = None) -> Explanation:
    """Everything a model shows of an image but class activation maps; see `Inspection.drawn` for the seed."""
    return _explanation(entry.checkpoint.sha256, image.sha256, draw_seed, entry, image)


@st.cache_data(max_entries=192, show_spinner=False)
def _cam(
    checkpoint: str, sha256: str, kind: str, index: int, contrast: int | None, _entry: Entry, _image: Image
) -> np.ndarray:
    return inspection(_entry, _image).cam(kind, index, contrast)


def cam(entry: Entry, image: Image, kind: str, class_index: int, contrast: int | None = None) -> np.ndarray:
    """A class activation map; see `Inspection.cam`. Only FinerCAM looks at the contrast class."""
    against = contrast if kind == "FinerCAM" else None
    return _cam(entry.checkpoint.sha256, image.sha256, kind, class_index, against, entry, image)


@st.cache_data(max_entries=96, show_spinner=False)
def _prediction(checkpoint: str, sha256: str, _entry: Entry, _image: Image) -> tuple[View, Prediction]:
    return inspector(_entry).predict(_image.pixels)


def prediction(entry: Entry, image: Image) -> tuple[View, Prediction]:
    """What a model says of an image, without anything that explains it."""
    return _prediction(entry.checkpoint.sha256, image.sha256, entry, image)


@st.cache_data(max_entries=64, show_spinner=False)
def _road(
    checkpoint: str, sha256: str, key: bytes, index: int, _entry: Entry, _image: Image, _values: np.ndarray
) -> Faithfulness:
    return inspection(_entry, _image).road(_values, index)


def road(entry: Entry, image: Image, values: np.ndarray, class_index: int) -> Faithfulness:
    """How faithful a map (h, w) is to the prediction of a class; see `Inspection.road`."""
    return _road(entry.checkpoint.sha256, image.sha256, values.tobytes(), class_index, entry, image, values)


@lru_cache(maxsize=64)
def drawing(source: str, class_index: int, number: int) -> Sample:
    """An image drawn by the program that is in no training set. See `fgcore.data.synthetic.draw`."""
    return draw(KINDS[source], class_index, _UNSEEN + number)
