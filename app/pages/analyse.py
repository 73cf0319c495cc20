"""Analyse: where models look, over a whole data set, as numbers beside their controls."""

import streamlit as st

from app import analyses, resources, state
from app.analyses import Found
from app.components import analysis_confusion, analysis_new, analysis_sides, analysis_summary
from app.components.analysis_words import models_of
from app.components.text import origin, plain
from fgcore.evaluation.store import Analysis

SUMMARY, CONFUSION, SIDES, NEW = "Summary", "Mistakes", "Two models", "New"
_VIEWS = (SUMMARY, CONFUSION, SIDES, NEW)


def show() -> None:
    """The page."""
    st.title("Analyse", anchor=False)
    st.markdown("Pictures persuade, numbers decide: where the models look, measured on every test picture.")
    found = analyses.listing()
    finished = {item.name: item for item in found if item.finished}
    analysis_new.under_way([item for item in found if not item.finished])
    if not finished:
        st.info("There is no finished analysis yet. Make a small one here; it takes a minute or two.")
        analysis_new.form()
        return
    left, right = st.columns([1, 1.4], gap="medium", vertical_alignment="bottom")
    name = left.selectbox("Analysis", list(finished), key=state.analyse.NAME, bind="query-params")
    view = right.segmented_control(
        "View", list(_VIEWS), default=SUMMARY, required=True, key=state.analyse.VIEW, bind="query-params",
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    if view == NEW:
        analysis_new.form()
        return
    _finished(finished.get(name, next(iter(finished.values()))), view)


def _finished(item: Found, view: str) -> None:
    try:
        analysis = analyses.read(item)
    except resources.EXPECTED as error:
        st.error(plain(str(error)), icon=":material/block:")
        return
    names = models_of(analysis)
    _about(analysis)
    models = list(names)
    if len(models) > 1:
        chosen = st.pills(
            "Models", models, selection_mode="multi", default=models, format_func=lambda name: plain(names[name]),
            key=state.analyse.SHOWN.format(analysis=item.name), label_visibility="collapsed",
        )  # fmt: skip
        models = [name for name in models if name in chosen]
    if not models:
        st.info("Choose a model to see its numbers.", icon=":material/arrow_upward:")
    elif view == CONFUSION:
        analysis_confusion.show(analysis, models, item.name)
    elif view == SIDES:
        analysis_sides.show(analysis, models, item.name)
    else:
        analysis_summary.show(analysis, models)


def _about(analysis: Analysis) -> None:
    about, settings = analysis.about, analysis.about["settings"]
    origins = about.get("origin", {})
    st.caption(f"{plain(about['pictures'])}.")
    with st.expander("How it was measured"):
        curves = "all" if settings["faithfulness"] < 0 else settings["faithfulness"]
        st.html(
            origin(
                {
                    "Near a part": f"within {settings['radius']:g} of the longer side of the object",
                    "Deletion, insertion": f"{curves} pictures, {settings['steps']} steps",
                    "Intervals": f"95 %, bootstrap of {settings['resamples']} resamples, seed {settings['seed']}",
                    "Checkpoints": ", ".join(f"{model['name']} ({model['sha256'][:12]})" for model in about["models"]),
                    "Computed on": str(origins.get("device", "")),
                    "Commit": str(origins.get("commit", "")),
                }
            )
        )
        if origins.get("command"):
            st.code(origins["command"], language=None, wrap_lines=True)
