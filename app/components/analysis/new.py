"""Making an analysis: which checkpoints, on which images, as a process that shows how far it is."""

import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from app import checkpoints, places, sets, state
from app.checkpoints import LabelSet
from app.components import cards
from app.components.text import plain, section
from app.jobs import control, jobs, runner
from app.jobs.jobs import Job
from app.jobs.requests import Analysing
from fgcore.evaluation import store

_REFRESH = 2  # seconds
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,59}")


def form() -> None:
    """Choose and begin."""
    section(
        "New analysis",
        "Every test image goes through every chosen checkpoint, and every map is measured beside its controls. "
        "It runs on this machine, survives a closed browser and goes on where it stopped.",
    )
    label_sets = sets.available(checkpoints.catalogue())
    if not label_sets:
        st.info("No data set of these checkpoints lies here; `FG_DATA` names the folder that holds them.")
        if not checkpoints.catalogue().label_sets:
            cards.no_models()
        return
    title = st.selectbox("Trained on", list(label_sets), key=state.analyse.LABEL_SET)
    label_set = label_sets.get(title, next(iter(label_sets.values())))
    paths = {str(entry.path): entry for entry in label_set.entries}
    chosen = st.pills(
        "Checkpoints", list(paths), selection_mode="multi", default=list(paths)[:3],
        key=state.analyse.MODELS.format(label_set=label_set.key),
        format_func=lambda path: plain(label_set.label(paths[path])),
    )  # fmt: skip
    wanted = _wanted(label_set, [path for path in paths if path in chosen])
    words = ["python", "-m", "fgcore", *wanted.arguments(places.analyses() / wanted.name)]
    st.code(shlex.join(words), language="bash", wrap_lines=True)
    st.button(
        "Analyse", type="primary", icon=":material/monitoring:", key="ana_start", disabled=not wanted.checkpoints,
        on_click=_begin, args=(wanted,),
    )  # fmt: skip


def _wanted(label_set: LabelSet, chosen: list[str]) -> Analysing:
    drawn = label_set.dataset.startswith("synthetic_")
    left, middle, right = st.columns(3)
    name = left.text_input("Name", value=_free_name(label_set.dataset), key=state.analyse.NEW, max_chars=60)
    curves = middle.number_input(
        "Images with curves", 0, 10_000, 8, key=state.analyse.CURVES,
        help="Deletion and insertion take a hundred passes over each image, so they are drawn for a few.",
    )  # fmt: skip
    data: tuple[str, ...] = ()
    if drawn:
        per_class = right.number_input("Images per class", 1, 50, 2, key=state.analyse.PER_CLASS)
        data = (f"test_per_class={int(per_class or 1)}",)
    return Analysing(name or "", tuple(str(path_in(label_set, path)) for path in chosen), data, int(curves or 0))


def path_in(label_set: LabelSet, path: str) -> Path:
    """The file of one of a label set's checkpoints."""
    return next(entry.path for entry in label_set.entries if str(entry.path) == path)


def _free_name(stem: str) -> str:
    taken = {job.name for job in jobs.listing(Analysing.kind)}
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _begin(wanted: Analysing) -> None:
    """Callback: put it in the queue, or say why not."""
    if not _NAME.fullmatch(wanted.name):
        state.analyse.tell_problem("a name needs letters, digits, dots, dashes or underscores, and begins with no dot")
        return
    try:
        control.submit(replace(wanted, created=time.time()))
    except OSError as error:
        state.analyse.tell_problem(f"{wanted.name} could not be started: {error.strerror or error}")


def under_way(unfinished: Sequence[Job]) -> None:
    """How far the unfinished analyses are; the page is drawn again when one is ready."""
    if unfinished:
        st.fragment(_progress, run_every=_REFRESH)(tuple(job.name for job in unfinished))


def _progress(names: tuple[str, ...]) -> None:
    runner.tend()
    here = {job.name: job for job in jobs.listing(Analysing.kind)}
    for name in names:
        job = here.get(name)
        if job is None or job.state == "finished":
            st.rerun()
        if job.problem:
            st.error(plain(job.problem), title=f"{plain(name)} ended early", icon=":material/block:")
        with st.container(horizontal=True, vertical_alignment="center"):
            done, chunks = store.progress(job.path) or (0, 1)
            st.progress(done / max(1, chunks), f"{plain(name)}: {_words(job, done)}")
            _buttons(job)


def _words(job: Job, done: int) -> str:
    if job.state == "queued":
        return f"waits, place {job.place}"
    if job.state == "running":
        return "under way" if done else "reading the images and the models"
    return {"stopping": "is stopping", "failed": "failed"}.get(job.state, "stopped; it goes on where it was")


def _buttons(job: Job) -> None:
    if job.request is None:
        return
    if job.live:
        st.button("Stop", icon=":material/stop:", key=f"ana_stop_{job.name}", on_click=_try, args=(control.stop, job))
        return
    st.button(
        "Go on", icon=":material/play_arrow:", key=f"ana_on_{job.name}", on_click=_try, args=(control.resume, job)
    )
    st.button("Delete", icon=":material/delete:", key=f"ana_del_{job.name}", on_click=_try, args=(control.delete, job))


def _try(action: Callable[[Job], None], job: Job) -> None:
    """Callback: do it to the analysis as it is now, or say why not."""
    now = jobs.find(job.kind, job.name)
    try:
        if now is not None:
            action(now)
    except (OSError, ValueError) as error:
        state.analyse.tell_problem(str(error))
