"""What all sessions share: models with their locks, explanations, and drawings; all bounded."""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
import streamlit as st
import torch

from app.checkpoints import Entry
from fgcore.config import ROIConfig
from fgcore.data.synthetic import Sample, draw
from fgcore.inspection import explain
from fgcore.methods.ap import what_if
from fgcore.methods.ap.what_if import Corners, FirstLook
from fgcore.methods.mc import mc_detail
from fgcore.methods.mc.losses import build_loss
from fgcore.methods.mc.mc_detail import HeadReading, LossParts
from fgcore.records import ChannelGroups, DropEffects, Explanation

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


@dataclass(frozen=True)
class _Shared:
    """A model and its lock: Grad-CAM puts hooks on it, so one thread at a time may use it."""

    loaded: explain.Loaded
    lock: threading.Lock


@st.cache_resource(max_entries=6, show_spinner=False)
def _model(path: str, sha256: str) -> _Shared:
    return _Shared(explain.load_model(path), threading.Lock())


def shared_model(entry: Entry) -> _Shared:
    """The model of a checkpoint; take its lock, and call nothing of Streamlit while holding it."""
    return _model(str(entry.path), entry.checkpoint.sha256)


@st.cache_data(max_entries=96, show_spinner=False)
def _explanation(
    checkpoint_sha256: str,
    picture_sha256: str,
    drop_seed: int | None,
    _path: str,
    _pixels: np.ndarray,
) -> Explanation:
    shared = _model(_path, checkpoint_sha256)
    with shared.lock:  # no Streamlit call in here: it could stop the thread while others wait
        return explain.explain_picture(shared.loaded, _pixels, drop_seed=drop_seed, cam=False)


def look(entry: Entry, pixels: np.ndarray, sha256: str, *, drop_seed: int | None = None) -> Explanation:
    """Everything a model shows on a picture but Grad-CAM.

    Args:
        entry: whose model.
        pixels: (H, W, 3) uint8.
        sha256: of the pixels; what the cache goes by.
        drop_seed: AP-CNN: the draw of its dropblock.

    Raises:
        ValueError, TypeError, OSError: `EXPECTED`; one sentence.
    """
    seed = drop_seed if entry.method == "ap" else None
    return _explanation(entry.checkpoint.sha256, sha256, seed, str(entry.path), pixels)


@st.cache_data(max_entries=256, show_spinner=False)
def _head_reading(
    checkpoint_sha256: str, picture_sha256: str, class_index: int, _path: str, _groups: ChannelGroups
) -> HeadReading:
    shared = _model(_path, checkpoint_sha256)
    with shared.lock:
        return mc_detail.read_head(shared.loaded.model.head, _groups, class_index)


def head_reading(entry: Entry, groups: ChannelGroups, sha256: str, class_index: int) -> HeadReading:
    """How an MC-Loss model's classifier uses the groups of a picture with this sha256. See `mc_detail.read_head`."""
    return _head_reading(entry.checkpoint.sha256, sha256, class_index, str(entry.path), groups)


@st.cache_data(max_entries=256, show_spinner=False)
def _mc_loss(
    checkpoint_sha256: str, picture_sha256: str, target: int, mask: int | bytes, _entry: Entry, _groups: ChannelGroups
) -> LossParts:
    shared = _model(str(_entry.path), checkpoint_sha256)
    loss, head = build_loss(_entry.checkpoint.experiment.loss, "mc"), shared.loaded.model.head
    with shared.lock:
        if isinstance(mask, int):
            return mc_detail.training_loss(loss, head, _groups, target, mask)
        return mc_detail.loss_parts(loss, head, _groups, target, np.frombuffer(mask, bool))


def mc_loss(entry: Entry, groups: ChannelGroups, sha256: str, target: int, mask: int | np.ndarray) -> LossParts:
    """An MC-Loss model's loss of one picture: as training computes it, or rebuilt. See `mc_detail`.

    Args:
        entry: whose model and loss.
        groups: of the picture.
        sha256: of the picture.
        target: the class that counts as true.
        mask: a seed, for the training's own loss, which draws it; or (C,) bool, for the loss rebuilt under it.
    """
    mask = mask if isinstance(mask, int) else mask.tobytes()
    return _mc_loss(entry.checkpoint.sha256, sha256, target, mask, entry, groups)


@st.cache_resource(max_entries=6, show_spinner=False)
def _first_look(checkpoint_sha256: str, picture_sha256: str, _path: str, _pixels: np.ndarray) -> FirstLook:
    shared = _model(_path, checkpoint_sha256)
    with shared.lock:
        return explain.first_look(shared.loaded, _pixels)


@st.cache_data(max_entries=64, show_spinner=False)
def _look_again(
    checkpoint_sha256: str,
    picture_sha256: str,
    roi: ROIConfig | None,
    zoom_box: Corners | None,
    _path: str,
    _pixels: np.ndarray,
) -> Explanation:
    first = _first_look(checkpoint_sha256, picture_sha256, _path, _pixels)
    shared = _model(_path, checkpoint_sha256)
    with shared.lock:
        return explain.explain_again(shared.loaded, first, roi=roi, zoom_box=zoom_box)


def look_again(
    entry: Entry, pixels: np.ndarray, sha256: str, *, roi: ROIConfig | None = None, zoom_box: Corners | None = None
) -> Explanation:
    """What AP-CNN shows, also with other ROI settings or another zoom box; stage I is computed once per picture.

    Args:
        entry: whose model.
        pixels: (H, W, 3) uint8.
        sha256: of the pixels; what the caches go by.
        roi: see `fgcore.inspection.explain.explain_again`.
        zoom_box: see there.

    Raises:
        ValueError, TypeError, OSError: `EXPECTED`; one sentence.
    """
    return _look_again(entry.checkpoint.sha256, sha256, roi, zoom_box, str(entry.path), pixels)


@st.cache_data(max_entries=32, show_spinner=False)
def _drop_effects(checkpoint_sha256: str, picture_sha256: str, _path: str, _pixels: np.ndarray) -> DropEffects:
    first = _first_look(checkpoint_sha256, picture_sha256, _path, _pixels)
    shared = _model(_path, checkpoint_sha256)
    with shared.lock:
        return what_if.drop_effects(shared.loaded.model, first)


def drop_effects(entry: Entry, pixels: np.ndarray, sha256: str) -> DropEffects:
    """What AP-CNN says without each of its ROIs in turn. See `look_again` and `what_if.drop_effects`."""
    return _drop_effects(entry.checkpoint.sha256, sha256, str(entry.path), pixels)


@lru_cache(maxsize=64)
def drawing(source: str, class_index: int, number: int) -> Sample:
    """A picture drawn by the program that is in no training set. See `fgcore.data.synthetic.draw`."""
    return draw(KINDS[source], class_index, _UNSEEN + number)
