"""What a run would be, before it starts."""

import dataclasses
import json
import threading

import streamlit as st

from app.components.text import plain
from app.components.train.form import Request
from app.resources import EXPECTED
from fgcore.config import Experiment, from_dict, to_dict
from fgcore.training.plan import Pace, Plan, measure, plan

_ONE_AT_A_TIME = threading.Lock()  # two measurements at once would measure each other


@st.cache_data(max_entries=64, ttl=60, show_spinner=False)
def _plan(experiment: str) -> Plan:
    return plan(from_dict(Experiment, json.loads(experiment)))


@st.cache_data(max_entries=64, show_spinner=False)
def _pace(experiment: str) -> Pace:
    with _ONE_AT_A_TIME:
        return measure(from_dict(Experiment, json.loads(experiment)))


def show(request: Request) -> bool:
    """Numbers and, on request, the time; returns whether such a run can start."""
    try:
        laid_out = _plan(json.dumps(to_dict(request.experiment)))
    except EXPECTED as error:
        st.error(plain(str(error)), title="This cannot be trained", icon=":material/block:")
        return False
    columns = st.columns(4)
    columns[0].metric("Images to learn from", f"{laid_out.train_images:,}".replace(",", " "))
    columns[1].metric("Images to test on", f"{laid_out.test_images:,}".replace(",", " "))
    columns[2].metric("Classes", len(laid_out.class_names))
    columns[3].metric("Parameters", f"{laid_out.parameters / 1e6:.1f} million")
    if laid_out.method:
        st.markdown(
            ". ".join(f"{name.capitalize()}: **{plain(words)}**" for name, words in laid_out.method.items()) + "."
        )
    steps = laid_out.steps_per_epoch
    st.caption(
        f"{plain(laid_out.data)}. {request.experiment.optim.epochs} epochs of {steps} step{'s' if steps > 1 else ''}."
    )
    for note in laid_out.notes:
        st.caption(plain(f"{note[0].upper()}{note[1:]}."))
    _time(request, laid_out)
    return True


def _time(request: Request, laid_out: Plan) -> None:
    """The time on this machine, measured when it is asked for."""
    experiment = _without_length(request.experiment)
    asked, key = st.session_state, "train_timed"
    if st.button("Measure how long it takes here", icon=":material/timer:", key="train_measure"):
        asked[key] = experiment
    if asked.get(key) != experiment:
        return
    try:
        with st.spinner("A few batches …"):
            pace = _pace(experiment)
    except EXPECTED as error:
        st.error(plain(str(error)), icon=":material/timer_off:")
        return
    speed = min(request.experiment.optim.batch_size, laid_out.train_images) / pace.train_step
    st.markdown(
        f"About **{duration(pace.total(laid_out, request.experiment))}** on this machine as busy as it is now: "
        f"{speed:.0f} images a second in {pace.precision}, measured on a few batches."
    )


def _without_length(experiment: Experiment) -> str:
    """What decides the pace, as text: how long a run is and how it begins do not."""
    optim = dataclasses.replace(experiment.optim, epochs=1, lr=0.0, trunk_lr=0.0)
    return json.dumps(to_dict(dataclasses.replace(experiment, optim=optim, seed=1)))


def duration(seconds: float) -> str:
    """A time in words, such as "45 seconds", "3 minutes" or "2.5 hours"."""
    if seconds < 90:
        whole = max(1, round(seconds))
        return f"{whole} seconds" if whole > 1 else "1 second"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"
