"""The filmstrip of a run: what its network shows, epoch by epoch."""

import streamlit as st

from app import state
from app.charts import filmstrip, style
from app.components.text import plain, section
from app.components.train.run import POLL
from app.jobs import jobs
from app.jobs.jobs import Job
from app.methods import view_of
from app.methods.base import Film
from fgcore.methods import METHODS
from fgcore.training import film, probes
from fgcore.training.probes import Strip


def following(job: Job) -> None:
    """The filmstrip; while the run lives new epochs appear by themselves."""
    st.fragment(_film, run_every=POLL if job.live else None)(job)


def _film(job: Job) -> None:
    strip = probes.load(job.path)
    if strip is None or not strip.epochs:
        if job.live and job.request is not None and job.request.probes:
            section("The filmstrip", "It begins before the first epoch: what the untrained network shows.")
        return
    view = view_of(strip.method).film
    section("The filmstrip", view.lesson)
    left, right = st.columns([4, 1], vertical_alignment="center")
    key = state.train.PROBE.format(run=job.name)
    chosen = left.pills(
        "In detail", list(range(len(strip.probes))), format_func=lambda p: plain(strip.name_of(p)), default=0,
        required=True, key=key, label_visibility="collapsed",
    )  # fmt: skip
    follow = not job.live or right.toggle(
        "Follow", value=True, key=state.train.FOLLOW, help="Off: new epochs wait, so that nothing moves by itself."
    )
    count = state.train.seen_epochs(job.name, len(strip.epochs), follow=follow)
    shown = Strip(**{**vars(strip), "epochs": strip.epochs[:count], "frames": strip.frames[:count]})
    with st.container(key="strip-film"):
        st.plotly_chart(
            _figure(str(job.path), shown.epochs, chosen or 0, shown, view), config=style.CONFIG,
            key=f"film_{job.name}", alt="What the network shows on a few test images, epoch by epoch, with a slider",
        )  # fmt: skip
    if note := view.note(shown):
        st.caption(note)
    if told := view.told(shown):
        st.markdown(told)
    st.download_button(
        "Save as an animation (GIF)", lambda: film.gif(strip, _title(job, strip), _last_epoch(job, strip)),
        f"{job.name}.gif", "image/gif", on_click="ignore", icon=":material/movie:", key="train_gif",
    )  # fmt: skip


@st.cache_data(max_entries=16, show_spinner=False)
def _figure(path: str, epochs: tuple[int, ...], chosen: int, _strip: Strip, _view: Film) -> object:
    return filmstrip.filmstrip(_strip, chosen, _view.detail, _view.curves(_strip))


def _title(job: Job, strip: Strip) -> str:
    run = jobs.read_run(job.path)
    seed = run.experiment.seed if run else "unknown"
    return f"{job.name} · {METHODS[strip.method].title} · seed {seed}"


def _last_epoch(job: Job, strip: Strip) -> int:
    run = jobs.read_run(job.path)
    return run.total if run else strip.epochs[-1]
