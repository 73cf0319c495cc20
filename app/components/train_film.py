"""The filmstrip of a run: what its network looks at, epoch by epoch."""

import streamlit as st

from app import progress, state
from app.charts import filmstrip, style
from app.checkpoints import METHOD_NAMES
from app.components.text import plain, section
from app.components.train_run import POLL
from app.jobs.runs import Run
from fgcore.training import film, probes
from fgcore.training.probes import Strip

_LESSONS = {
    "mc": "Every class owns a few channels. Here the channels of the right class lie over each test picture, each in "
    "its own colour: **grey where they look at the same place, colours where each has found its own**. Play it, or "
    "drag the slider through the epochs.",
    "ap": "The regions that AP-CNN takes from its spatial gates, and in light the part that it zooms into. Play it, or "
    "drag the slider, and see **whether its attention settles**: the left curve tells how much of the zoom box stayed.",
    "baseline": "Grad-CAM of the right class on a few test pictures after every epoch. Play it, or drag the slider.",
}
_NOTES = {
    "mc": "Above: softmax maps of the channels, mixed by their share at each place. Below them: the same channels raw, "
    "on one scale for all epochs, their maximum (CCMP), and the mass that each pair shares. h counts the places that "
    "the channels look at, from 1 (all alike) to their number (all apart).",
    "ap": "Boxes: level 3 blue, level 4 orange, level 5 pink. Gates lie in (0, 1), on one scale for all levels and "
    "epochs. The left curve compares each zoom box with that of the epoch before.",
    "baseline": "Each map is stretched to 0 – 1 on its own: compare places, not strengths.",
}


def following(run: Run) -> None:
    """The filmstrip; while the run lives new epochs appear by themselves."""
    st.fragment(_film, run_every=POLL if run.live else None)(run)


def _film(run: Run) -> None:
    strip = probes.load(run.path)
    if strip is None or not strip.epochs:
        if run.live and run.job is not None and run.job.probes:
            section("The filmstrip", "It begins before the first epoch: what the untrained network looks at.")
        return
    section("The filmstrip", _LESSONS[strip.method])
    left, right = st.columns([4, 1], vertical_alignment="center")
    key = state.train.PROBE.format(run=run.name)
    chosen = left.pills(
        "In detail", list(range(len(strip.probes))), format_func=lambda p: plain(strip.name_of(p)), default=0,
        required=True, key=key, label_visibility="collapsed",
    )  # fmt: skip
    follow = not run.live or right.toggle(
        "Follow", value=True, key=state.train.FOLLOW, help="Off: new epochs wait, so that nothing moves by itself."
    )
    count = state.train.seen_epochs(run.name, len(strip.epochs), follow=follow)
    shown = Strip(**{**vars(strip), "epochs": strip.epochs[:count], "frames": strip.frames[:count]})
    with st.container(key="strip-film"):
        st.plotly_chart(
            _figure(str(run.path), shown.epochs, chosen or 0, shown), config=style.CONFIG, key=f"film_{run.name}",
            alt="What the network looks at in a few test pictures, epoch by epoch, with a slider",
        )  # fmt: skip
    owned = max((len(numbers) for numbers in strip.channels), default=0)
    some = f" One by one: the {filmstrip.CHANNELS} of {owned} that answer most." if owned > filmstrip.CHANNELS else ""
    st.caption(_NOTES[strip.method] + some)
    if strip.method == "mc":
        st.markdown(_separation(shown))
    st.download_button(
        "Save as an animation (GIF)", lambda: film.gif(strip, _title(run, strip), _last_epoch(run, strip)),
        f"{run.name}.gif", "image/gif", on_click="ignore", icon=":material/movie:", key="train_gif",
    )  # fmt: skip


@st.cache_data(max_entries=16, show_spinner=False)
def _figure(path: str, epochs: tuple[int, ...], chosen: int, _strip: Strip) -> object:
    return filmstrip.filmstrip(_strip, chosen)


def _separation(strip: Strip) -> str:
    """How far the channels of the probes' classes have moved apart, in words."""

    def mean(epoch: int) -> float:
        pairs = zip(strip.probes, strip.frames[epoch], strict=True)
        return sum(float(frame.diversity[probe.target]) for probe, frame in pairs) / len(strip.probes)

    most = max(len(owned) for owned in strip.channels)
    return (
        f"On these pictures the channels of the right class looked at **{mean(0):.2f}** places "
        f"{'before training' if strip.epochs[0] == 0 else f'after epoch {strip.epochs[0]}'}, and look at "
        f"**{mean(-1):.2f}** of at most {most} after epoch {strip.epochs[-1]}."
    )


def _title(run: Run, strip: Strip) -> str:
    seed = run.name.rpartition("-")[2] if run.job is None else _seed(run)
    return f"{run.name} · {METHOD_NAMES[strip.method]} · seed {seed}"


def _seed(run: Run) -> str:
    return next((text.partition("=")[2] for text in run.job.settings if text.startswith("seed=")), "1")


def _last_epoch(run: Run, strip: Strip) -> int:
    so_far = progress.read(run.path)
    return so_far.total if so_far else strip.epochs[-1]
