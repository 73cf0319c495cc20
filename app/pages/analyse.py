"""Analyse: where models look, over a whole data set, as numbers beside their controls."""

from pathlib import Path

import streamlit as st

from app import resources, state
from app.components.analysis import confusion, new, sides, summary
from app.components.analysis.words import models_of
from app.components.text import origin, plain
from app.jobs import jobs
from app.jobs.jobs import Job
from app.jobs.requests import Analysing
from fgcore.evaluation import store
from fgcore.evaluation.store import Analysis

SUMMARY, CONFUSION, SIDES, NEW = "Summary", "Mistakes", "Two models", "New"
_VIEWS = (SUMMARY, CONFUSION, SIDES, NEW)


def show() -> None:
    """The page."""
    st.title("Analyse", anchor=False)
    st.markdown("Images persuade, numbers decide: where the models look, measured on every test image.")
    if problem := state.analyse.problem():
        st.error(plain(problem), icon=":material/block:")
    found = jobs.listing(Analysing.kind)
    finished = {job.name: job for job in found if job.state == "finished"}
    new.under_way([job for job in found if job.state != "finished"])
    if not finished:
        st.info("There is no finished analysis yet. Make a small one here; it takes a minute or two.")
        new.form()
        return
    left, right = st.columns([1, 1.4], gap="medium", vertical_alignment="bottom")
    name = left.selectbox("Analysis", list(finished), key=state.analyse.NAME, bind="query-params")
    view = right.segmented_control(
        "View", list(_VIEWS), default=SUMMARY, required=True, key=state.analyse.VIEW, bind="query-params",
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    if view == NEW:
        new.form()
        return
    _finished(finished.get(name, next(iter(finished.values()))), view)


def _finished(job: Job, view: str) -> None:
    try:
        analysis = _read(str(job.path), (job.path / "summary.csv").stat().st_mtime_ns)
    except resources.EXPECTED as error:
        st.error(plain(str(error)), icon=":material/block:")
        return
    names = models_of(analysis)
    _about(analysis)
    models = list(names)
    if len(models) > 1:
        chosen = st.pills(
            "Models", models, selection_mode="multi", default=models, format_func=lambda name: plain(names[name]),
            key=state.analyse.SHOWN.format(analysis=job.name), label_visibility="collapsed",
        )  # fmt: skip
        models = [name for name in models if name in chosen]
    if not models:
        st.info("Choose a model to see its numbers.", icon=":material/arrow_upward:")
    elif view == CONFUSION:
        confusion.show(analysis, models, job.name)
    elif view == SIDES:
        sides.show(analysis, models, job.name)
    else:
        summary.show(analysis, models)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(path: str, stamp: int) -> Analysis:
    return store.read(Path(path))


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
                    "Deletion, insertion": f"{curves} images, {settings['steps']} steps",
                    "Intervals": f"95 %, bootstrap of {settings['resamples']} resamples, seed {settings['seed']}",
                    "Checkpoints": ", ".join(f"{model['name']} ({model['sha256'][:12]})" for model in about["models"]),
                    "Computed on": str(origins.get("device", "")),
                    "Commit": str(origins.get("commit", "")),
                }
            )
        )
        if origins.get("command"):
            st.code(origins["command"], language=None, wrap_lines=True)
