"""One run: what it is doing, how far it is, and what can be done with it."""

from collections.abc import Callable

import streamlit as st

from app import checkpoints, resources, sets, state
from app.charts import curves, style
from app.charts.curves import Plot
from app.components import picker
from app.components.text import percent, plain, section
from app.components.train.plan import duration
from app.jobs import control, jobs, runner
from app.jobs.jobs import Job
from app.jobs.requests import Training
from fgcore.config import limits
from fgcore.data.images import pixels_sha256
from fgcore.runs.runs import Run
from fgcore.training import probes

POLL = 2.0  # seconds
_STATES = {
    "queued": ("waits", ":material/schedule:", "gray"),
    "running": ("is training", ":material/play_circle:", "blue"),
    "stopping": ("is stopping", ":material/pause_circle:", "orange"),
    "finished": ("has finished", ":material/check_circle:", "green"),
    "stopped": ("was stopped", ":material/stop_circle:", "gray"),
    "failed": ("has failed", ":material/error:", "red"),
    "interrupted": ("was interrupted", ":material/help:", "orange"),
}
_TERMS = {"ce": "Cross-entropy", "discriminality": "L_dis, discriminality", "diversity": "L_div, diversity"}


def head(job: Job) -> None:
    """What the run is, what it is doing, and the buttons."""
    words, icon, colour = _STATES[job.state]
    with st.container(horizontal=True, vertical_alignment="center", key="train_head"):
        st.subheader(plain(job.name), anchor=False, width="content")
        st.badge(words if not job.place else f"waits, place {job.place}", icon=icon, color=colour)
        st.space("stretch")
        if job.live and job.request is not None:
            _stop(job)
        elif not job.live:
            _resume_and_delete(job)
    if job.request is not None:
        st.caption(plain(job.request.title or job.request.preset) + _command(job))
    if job.problem:
        st.error(plain(job.problem), title="Training ended early", icon=":material/error:")


def _command(job: Job) -> str:
    settings = [plain(text) for text in job.request.settings]
    return f" · recipe {plain(job.request.preset)}" + (f" with {', '.join(settings)}" if settings else "")


def _stop(job: Job) -> None:
    st.button(
        "Take out of the queue" if job.state == "queued" else "Stop" if job.state == "running" else "Stopping …",
        icon=":material/stop:", key="train_stop", on_click=_try, args=(control.stop, job),
        help="It stops at once; everything up to the last whole epoch is kept and can be resumed.",
    )  # fmt: skip


def _resume_and_delete(job: Job) -> None:
    if job.state != "finished" and job.request is not None:
        st.button(
            "Resume", icon=":material/play_arrow:", type="primary", key="train_resume", on_click=_try,
            args=(control.resume, job), help="Continues after its last whole epoch, as if it had never stopped.",
        )  # fmt: skip
    so_far = jobs.read_run(job.path) if isinstance(job.request, Training) else None
    if so_far is not None and so_far.epochs:
        with st.popover("Train longer", icon=":material/forward:"):
            _longer(job, so_far)
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"Delete {plain(job.name)} with its checkpoints?")
        st.button("Delete it", type="primary", key="train_delete", on_click=_try, args=(control.delete, job))


def _longer(job: Job, so_far: Run) -> None:
    """More epochs, or other rates, for a run that has ended."""
    done, optim = len(so_far.epochs), so_far.experiment.optim
    st.number_input(
        "Epochs in all", done + 1, int(limits(so_far.experiment, "optim.epochs")[1]),
        max(done + 1, round(1.5 * so_far.total)), key="train_longer_optim.epochs",
    )  # fmt: skip
    for label, name, value in (
        ("Learning rate, new layers", "optim.lr", optim.lr),
        ("Learning rate, trunk", "optim.trunk_lr", optim.trunk_lr),
    ):
        low, high = map(float, limits(so_far.experiment, name))
        st.number_input(label, low, high, value, format="%g", key=f"train_longer_{name}")
    st.caption("The schedule is that of the longer run, so the rate goes up again. The checkpoint says what changed.")
    st.button("Go on", type="primary", key="train_go_on", on_click=_try, args=(_go_on, job))


def _go_on(job: Job) -> None:
    """With what the fields say when the button is pressed."""
    names = ("optim.epochs", "optim.lr", "optim.trunk_lr")
    control.go_on(job, {name: f"{st.session_state[f'train_longer_{name}']:g}" for name in names})


def _try(action: Callable[[Job], None], job: Job) -> None:
    """Callback: do it to the run as it is now, and remember why not if it cannot be done."""
    now = jobs.find(job.kind, job.name)
    try:
        if now is not None:
            action(now)
    except resources.EXPECTED as error:
        state.train.tell_problem(str(error))


def following(job: Job) -> None:
    """How far the run is; while it lives this looks again every `POLL` seconds."""
    st.fragment(_progress, run_every=POLL if job.live else None)(job)


def following_curves(job: Job) -> None:
    """Its curves and its log, likewise."""
    st.fragment(_curves, run_every=POLL if job.live else None)(job)


def _progress(before: Job) -> None:
    job = jobs.find(before.kind, before.name)
    if job is None or (job.state, job.place) != (before.state, before.place):
        st.rerun()
    runner.tend()
    so_far = jobs.read_run(job.path)
    if so_far is None or (not so_far.points and not so_far.epochs):
        if job.state == "queued":
            st.info("Another job is under way. This one starts when its turn comes; you may close this page.")
        elif job.live:
            st.progress(0.0, "Reading the images and making the network …")
        return
    _bar(job, so_far)
    _numbers(so_far)
    if so_far.data:
        st.caption(f"{plain(so_far.data)}.")


def _curves(job: Job) -> None:
    so_far = jobs.read_run(job.path)
    if so_far is None or not so_far.points:
        if job.request is not None:
            _log(job)
        return
    section("Curves", "Bold: means of whole epochs. Faint: within the epochs.")
    with st.container(key="strip-curves"):
        st.plotly_chart(
            curves.curves(plots(so_far), so_far.total), config=style.CONFIG, key="train_curves",
            alt="Loss terms, accuracy, learning rate and speed over the epochs",
        )  # fmt: skip
    _log(job)


def _bar(job: Job, so_far: Run) -> None:
    text = f"Epoch {min(int(so_far.at) + 1, so_far.total)} of {so_far.total}"
    if job.state == "running" and so_far.seconds_left is not None:
        text += f" · about {duration(so_far.seconds_left)} left"
    if not job.live:
        text = f"{len(so_far.epochs)} of {so_far.total} epochs"
    st.progress(min(1.0, so_far.at / so_far.total), text)


def _numbers(so_far: Run) -> None:
    columns = st.columns(4)
    last = so_far.epochs[-1] if so_far.epochs else None
    share = last["train_top1"] if last else so_far.points[-1].top1
    points = so_far.points[-1:]
    columns[0].metric("Test accuracy", percent(last["test"]["top1"]) if last else "–")
    columns[1].metric(
        f"Best, epoch {last['best_epoch']}" if last else "Best", percent(last["best_top1"]) if last else "–"
    )
    columns[2].metric("On training images", percent(share))
    columns[3].metric("Images a second", f"{points[0].images_per_second:.0f}" if points else "–")


def plots(so_far: Run) -> list[Plot]:
    """Loss terms, heads by stage; accuracy, learning rates, speed."""
    at = [point.at for point in so_far.points]
    ends = [report["epoch"] for report in so_far.epochs]
    names = [name for name in so_far.points[0].terms if name != "total"] if so_far.points else []
    within = {name: (at, [point.terms[name] for point in so_far.points]) for name in names}
    means = {name: (ends, [report["terms"][name] for report in so_far.epochs]) for name in names}
    groups_of = {name: name.partition("/")[0] for name in names if "/" in name}  # heads of several stages
    shown = [
        Plot(_TERMS.get(name, name), {name: means[name]}, {name: within[name]})
        for name in names
        if name not in groups_of
    ]
    for group in dict.fromkeys(groups_of.values()):
        heads = {name.partition("/")[2]: means[name] for name, of in groups_of.items() if of == group}
        shown.append(Plot(f"Cross-entropy, {group}", heads))
    accuracy = {
        "test": (ends, [100 * report["test"]["top1"] for report in so_far.epochs]),
        "training": (ends, [100 * report["train_top1"] for report in so_far.epochs]),
    }
    steps = {"training": (at, [100 * point.top1 for point in so_far.points])}
    groups = so_far.epochs[-1]["learning_rates"] if so_far.epochs else {}
    rates = {name: (ends, [report["learning_rates"][name] for report in so_far.epochs]) for name in groups}
    if not so_far.experiment.optim.trunk_prefixes:
        rates.pop("trunk", None)
    speed = {"speed": (at, [point.images_per_second for point in so_far.points])}
    shown += [Plot("Accuracy, %", accuracy, steps, percent=True), Plot("Learning rate", rates)]
    return [*shown, Plot("Images a second", speed)]


def _log(job: Job) -> None:
    shown = st.expander("Log", key="train_log", on_change="rerun")
    if shown.open:
        with shown:
            st.code(jobs.log(job) or "Nothing yet.", language=None, wrap_lines=True, height=320)


def results(job: Job) -> None:
    """What to do with a run that has a checkpoint: inspect, compare, download."""
    best = job.path / "best.safetensors"
    found = [
        (label_set, entry)
        for label_set in checkpoints.catalogue().label_sets
        for entry in label_set.entries
        if entry.path == best
    ]
    if not found:
        return
    label_set, entry = found[0]
    with st.container(horizontal=True, key="train_results"):
        if st.button("Inspect it", icon=":material/search:", type="primary", key="train_inspect"):
            st.switch_page(
                state.page("inspect"), query_params=picker.address(label_set, entry) | _fitting(job, label_set)
            )
        if st.button("Compare it", icon=":material/compare:", key="train_compare"):
            names = ",".join(other.name for other in (entry, *(e for e in label_set.entries if e != entry))[:3])
            asked = picker.address(label_set, entry) | _fitting(job, label_set) | {state.sidebar.MODELS_LINK: names}
            st.switch_page(state.page("compare"), query_params=asked)
        st.download_button(
            "Download the checkpoint", best.read_bytes, f"{job.name}.safetensors", "application/octet-stream",
            on_click="ignore", icon=":material/download:", key="train_download",
        )  # fmt: skip


def _fitting(job: Job, label_set: checkpoints.LabelSet) -> dict[str, str]:
    """An image of the kind that the run learned, where the address has none: a drawing, or one of its filmstrip."""
    strip = probes.load(job.path)
    if label_set.dataset.startswith("synthetic_"):
        kind = "bird" if label_set.dataset.endswith("birds") else "car"
        name = strip.name_of(0) if strip else label_set.class_names[0]
        return {state.sidebar.SPECIES[kind]: name, state.sidebar.DRAWING: "0"}
    if strip is not None and sets.images(label_set) is None:
        probe = strip.probes[0]
        image = state.sidebar.Image(probe.pixels, pixels_sha256(probe.pixels), strip.name_of(0), "photo")
        state.sidebar.keep_photo(state.sidebar.Photo(f"probe of {job.name}", image))
    return {}
