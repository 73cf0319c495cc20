"""What the comparison needs of each model, computed once and kept: answers, maps, how faithful they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from app import resources
from app.checkpoints import Entry
from app.components import question
from app.components.cam import class_map, fresh_class_map
from app.components.question import Question
from fgcore.inspection import agreement as agreements
from fgcore.inspection import cam, compare, evidence
from fgcore.inspection.compare import Answer
from fgcore.inspection.evidence import Evidence
from fgcore.inspection.explain import explain_picture
from fgcore.inspection.faithfulness import Faithfulness, random_map
from fgcore.records import Explanation, Prediction, View

OWN = "each method's own"
KINDS = (OWN, *cam.METHODS)
AP_MAPS = {"ROI coverage": None, "gate 3": 3, "gate 4": 4, "gate 5": 5}  # name -> level
MOST = 3  # models side by side
_SEED = 0  # of ROAD and its control


@dataclass(frozen=True)
class Wish:
    """Which maps to compare."""

    kind: str  # one of `KINDS`
    ap_map: str  # one of `AP_MAPS`
    question: Question  # class and rival; see `components.question`


@dataclass(frozen=True)
class Look:
    """One model on one picture."""

    entry: Entry
    view: View
    prediction: Prediction
    evidence: Evidence
    class_index: int  # the class in question for this model
    rival_index: int  # and its rival


def look(entry: Entry, explanation: Explanation, wish: Wish, pixels: np.ndarray, sha256: str) -> Look:
    """A model's map of the wished kind on a picture whose explanation is known.

    Raises:
        ValueError, TypeError, OSError: `resources.EXPECTED`; one sentence.
    """
    return _look(entry, explanation, wish, partial(class_map, entry, pixels, sha256))


def _look(entry: Entry, explanation: Explanation, wish: Wish, mapped: Callable[[int, str, int], np.ndarray]) -> Look:
    """See `look`; `mapped` computes a map from class, kind and rival."""
    pair = question.pair(explanation, wish.question)
    index, rival = pair[0], pair[-1]  # the same where there is only one class
    shown = evidence.own_map(explanation, index, AP_MAPS[wish.ap_map]) if wish.kind == OWN else None
    if shown is None:
        kind, level = "Grad-CAM" if wish.kind == OWN else wish.kind, explanation.features_level
        shown = evidence.cam_map(mapped(index, kind, rival), kind, level, None if kind == "EigenCAM" else index)
    return Look(entry, explanation.view, explanation.prediction, shown, index, rival)


def answer(entry: Entry, pixels: np.ndarray, sha256: str) -> Answer:
    """What a model says of a picture. See `resources.look` for arguments and errors."""
    return _answer(entry.checkpoint.sha256, sha256, entry, pixels)


@st.cache_data(max_entries=96, show_spinner=False)
def _answer(checkpoint_sha256: str, picture_sha256: str, _entry: Entry, _pixels: np.ndarray) -> Answer:
    shared = resources.shared_model(_entry)
    with shared.lock:
        return compare.answer(shared.loaded, _pixels)


def on_common_grid(looks: Sequence[Look]) -> list[np.ndarray]:
    """Each map on the comparison's grid, over what the first model sees."""
    onto = looks[0].view.photo_box
    return [agreements.on_grid(look.evidence.values, look.view.photo_box, onto) for look in looks]


def pairs(count: int) -> list[tuple[int, int]]:
    """Every two of `count` models."""
    return [(first, second) for first in range(count) for second in range(first + 1, count)]


def road(look: Look, pixels: np.ndarray, sha256: str) -> tuple[Faithfulness, Faithfulness]:
    """How faithful a model's map is to its prediction, and how faithful a map of random numbers."""
    values = look.evidence.values
    control = random_map(look.evidence.cells, _SEED)
    return tuple(
        _road(look.entry.checkpoint.sha256, sha256, values.tobytes(), look.class_index, look.entry, pixels, values)
        for values in (values, control)
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _road(
    checkpoint_sha256: str, picture_sha256: str, key: bytes, index: int, _entry: Entry, _pixels: np.ndarray,
    _values: np.ndarray,
) -> Faithfulness:  # fmt: skip
    shared = resources.shared_model(_entry)
    return compare.road(shared.loaded, _pixels, _values, index, seed=_SEED, lock=shared.lock)


def fresh_look(entry: Entry, wish: Wish, pixels: np.ndarray) -> Look:
    """The same as `look` for one of many pictures: nothing is kept but what is returned."""
    shared = resources.shared_model(entry)
    with shared.lock:
        explanation = explain_picture(shared.loaded, pixels, cam=False)
    return _look(entry, explanation, wish, partial(fresh_class_map, entry, pixels))
