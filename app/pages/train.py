"""Train: set up a run, watch it learn, and take its checkpoint along."""

from typing import Any

import streamlit as st

from app import methods, resources, state
from app.components.text import plain, section
from app.components.train import film, form, plan, run
from app.jobs import control, jobs, runner
from app.jobs.jobs import Job
from app.jobs.requests import Training
from app.methods.base import FirstRun
from fgcore.config import to_dict


def show() -> None:
    """The page."""
    st.title("Train", anchor=False)
    st.markdown(
        "Teach a network and watch where it learns to look. Training goes on when you close this page or the app."
    )
    if not runner.available():
        st.info(
            "Training from the browser needs Linux or macOS. The command line works here: `python -m fgcore train`."
        )
        return
    problem = state.train.problem()
    if problem:
        st.error(plain(problem), icon=":material/error:")
    runner.tend()
    listed = jobs.listing(Training.kind)
    job = _choose(listed)
    if job is None:
        _new(listed)
        return
    run.head(job)
    if job.state in ("finished", "stopped", "interrupted"):
        run.results(job)
    run.following(job)
    film.following(job)
    run.following_curves(job)


def _choose(listed: tuple[Job, ...]) -> Job | None:
    """Which run to show; None: a new one."""
    if not listed:
        return None
    names = {job.name: job for job in listed}
    options = [state.train.NEW, *names]
    live = next((job.name for job in listed if job.live), state.train.NEW)
    if st.session_state.get(state.train.RUN, state.train.NEW) not in options:
        del st.session_state[state.train.RUN]  # deleted a moment ago
    if state.train.RUN not in st.session_state:
        asked = st.query_params.get(state.train.RUN, live)
        st.session_state[state.train.RUN] = asked if asked in options else state.train.NEW
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Run", options, key=state.train.RUN, persist_state="session",
            format_func=lambda name: "A new run" if name == state.train.NEW else name,
        )  # fmt: skip
        if chosen != state.train.NEW:
            st.button(
                "New run", icon=":material/add:", on_click=_show_run, args=(state.train.NEW,), key="train_another"
            )
    _tell(chosen)
    return names.get(chosen)


def _tell(chosen: str) -> None:
    """Write the run into the page's address, so that a reload or a link shows it again."""
    if chosen != state.train.NEW:
        st.query_params[state.train.RUN] = chosen
    elif state.train.RUN in st.query_params:
        del st.query_params[state.train.RUN]


def _show_run(name: str) -> None:
    """Callback: show this run, or the form of a new one."""
    st.session_state[state.train.RUN] = name


def _new(listed: tuple[Job, ...]) -> None:
    """The first run, ready to start; then a form for any other."""
    busy = next((job for job in listed if job.live), None)
    if busy is not None:
        st.caption(f"{plain(busy.name)} is under way; what you start now waits for its turn.")
    first = methods.first_run()
    if first is not None:
        _offer(first)
    section("Or set up your own", "A recipe, your images, and what you want to change.")
    request = form.form()
    if request is None:
        st.info("Choose the images to learn from.", icon=":material/arrow_upward:")
        return
    ready = plan.show(request)
    st.button(
        "Start training", icon=":material/play_arrow:", type="primary", disabled=not ready, key="train_start",
        on_click=_start, args=(request.preset, request.settings, request.probes, request.title),
    )  # fmt: skip
    with st.expander("The same on the command line, and all settings"):
        settings = " ".join(f"'{text}'" if " " in text else text for text in request.settings)
        st.code(f"python -m fgcore train {request.preset} {settings}".strip(), language="bash", wrap_lines=True)
        if ready:
            st.json(to_dict(request.experiment), expanded=False)


def _start(*asked: Any) -> None:
    """Callback: put the run in the queue and show it."""
    try:
        st.session_state[state.train.RUN] = control.submit(Training(*asked)).name
    except resources.EXPECTED as error:
        state.train.tell_problem(str(error))


def _offer(first: FirstRun) -> None:
    with st.container(border=True, key="train_first"):
        left, right = st.columns([3, 1], vertical_alignment="center")
        with left:
            section("A first run", first.words)
        right.button(
            "Start the first run", icon=":material/play_arrow:", type="primary", width="stretch",
            key="train_start_first", on_click=_start, args=(first.recipe, (), first.probes, first.title),
        )  # fmt: skip
