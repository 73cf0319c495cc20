"""The Analyse page: which analysis, which view of it, and what a new one measures. {analysis} is its name."""

from typing import Any

import streamlit as st

NAME = "analysis"  # str, link: which analysis is shown
VIEW = "look"  # str, link: which of its views, see `app.pages.analyse`
MEASURE = "measure"  # str, link: the measure that is drawn
SHOWN = "ana_shown_{analysis}"  # list of str: models that are shown
MODEL = "ana_model_{analysis}"  # str: whose mistakes
PAIRS = "ana_pairs"  # the table of confused pairs
SIDES = "ana_{side}_{analysis}"  # str: the first and the second model of a comparison
MAP = "ana_map_{analysis}"  # str: whose peak names the part that a model looks at
FILTER = "show"  # str, link: which images of a comparison
CLASS = "ana_class_{analysis}"  # str: only images of this class, or ALL
ALL = "all classes"
PICTURES = "ana_pictures"  # the table of images
LABEL_SET = "ana_world"  # str: whose checkpoints a new analysis measures
MODELS = "ana_models_{label_set}"  # list of paths
PER_CLASS = "ana_per_class"  # int: drawn images per class
CURVES = "ana_curves"  # int: images with deletion and insertion curves
NEW = "ana_new"  # str: name of a new analysis

_PROBLEM = "ana_problem"  # str: why the last analysis could not be started
DEFAULTS: dict[str, Any] = {_PROBLEM: ""}


def tell_problem(problem: str) -> None:
    """Have it told on the Analyse page why an analysis could not be started; "" forgets it."""
    st.session_state[_PROBLEM] = problem


def problem() -> str:
    """Why the last analysis could not be started; told once."""
    told, st.session_state[_PROBLEM] = st.session_state[_PROBLEM], ""
    return told
