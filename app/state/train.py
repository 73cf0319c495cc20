"""The Train page: what to train, which run is shown, and what could not be done. {recipe} is a preset to change."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from fgcore.data.archives import Unpacked

RUN = "run"  # str, also in the address: name of the run shown, or NEW
NEW = "new"
METHOD = "train_method"  # str: one of METHODS
RECIPE = "train_recipe_{method}"  # str: name of a preset
SETTING = "train_{field}_{recipe}"  # str, int, float or bool: a setting of the experiment
ROOT = "train_root"  # str: a folder of images on this machine
ZIP = "train_zip"  # the uploader of a zip file
PROBES = "train_probes"  # int: how many test images the filmstrip follows
PROBE = "train_probe_{run}"  # int: the probe shown in detail
FOLLOW = "train_follow"  # bool: show each epoch as it comes

_PROBLEM = "train_problem"  # str: why the last run could not be started, stopped or deleted
_UNPACKED = "train_unpacked"  # Brought: what became of the last zip file
_SEEN = "train_seen"  # dict: epochs shown of a run whose training is not followed
DEFAULTS: dict[str, Any] = {_PROBLEM: "", _UNPACKED: None, _SEEN: {}}


@dataclass(frozen=True)
class Brought:
    """A zip file of images, unpacked or refused."""

    file_id: str
    unpacked: Unpacked | None
    refusal: str = ""  # one sentence


def tell_problem(problem: str) -> None:
    """Have it told on the Train page why something could not be done; "" forgets it."""
    st.session_state[_PROBLEM] = problem


def problem() -> str:
    """Why the last run could not be started, stopped or deleted; told once."""
    told, st.session_state[_PROBLEM] = st.session_state[_PROBLEM], ""
    return told


def brought() -> Brought | None:
    """What became of the last zip file of images."""
    return st.session_state[_UNPACKED]


def keep_brought(zipped: Brought) -> None:
    """Remember it."""
    st.session_state[_UNPACKED] = zipped


def seen_epochs(run: str, count: int, *, follow: bool) -> int:
    """How many epochs of a run to show: all of them, or as many as when the visitor stopped following."""
    seen = st.session_state[_SEEN]
    shown = count if follow else min(seen.get(run, count), count)
    st.session_state[_SEEN] = seen | {run: shown}
    return shown
