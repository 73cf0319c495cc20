"""One run: what it is doing, how far it is, and what can be done with it."""

from collections.abc import Callable

import streamlit as st

from app import checkpoints, progress, resources, sets, state
from app.charts import curves, style
from app.charts.curves import Plot
from app.components import picker
from app.components.text import percent, plain, section
from app.components.train_plan import duration
from app.jobs import control, runner, runs
from app.jobs.runs import Run
from app.progress import Progress
from fgcore.data.images import pixels_sha256
from fgcore.outputs import HEADS
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
_HEADS = dict(zip(HEADS, ("3", "4", "5", "all"), strict=True))


def head(run: Run) -> None:
    """What the run is, what it is doing, and the buttons."""
    words, icon, colour = _STATES[run.state]
    with st.container(horizontal=True, vertical_alignment="center", key="train_head"):
        st.subheader(plain(run.name), anchor=False, width="content")
        st.badge(words if not run.place else f"waits, place {run.place}", icon=icon, color=colour)
        st.space("stretch")
        if run.live and run.job is not None:
            _stop(run)
        elif not run.live:
            _resume_and_delete(run)
    if run.job is not None:
        st.caption(plain(run.job.title or run.job.preset) + _command(run))
    if run.problem:
        st.error(plain(run.problem), title="Training ended early", icon=":material/error:")


def _command(run: Run) -> str:
    settings = [plain(text) for text in run.job.settings]
    return f" · recipe {plain(run.job.preset)}" + (f" with {', '.join(settings)}" if settings else "")


def _stop(run: Run) -> None:
    st.button(
        "Take out of the queue" if run.state == "queued" else "Stop" if run.state == "running" else "Stopping …",
        icon=":material/stop:", key="train_stop", on_click=_try, args=(control.stop, run),
        help="It stops at once; everything up to the last whole epoch is kept and can be resumed.",
    )  # fmt: skip


def _resume_and_delete(run: Run) -> None:
    if run.state != "finished" and run.job is not None:
        st.button(
            "Resume", icon=":material/play_arrow:", type="primary", key="train_resume", on_click=_try,
            args=(control.resume, run), help="Continues after its last whole epoch, as if it had never stopped.",
        )  # fmt: skip
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"Delete {plain(run.name)} with its checkpoints?")
        st.button("Delete it", type="primary", key="train_delete", on_click=_try, args=(control.delete, run))


def _try(action: Callable[[Run], None], run: Run) -> None:
    """Callback: do it to the run as it is now, and remember why not if it cannot be done."""
    now = runs.find(run.name)
    try:
        if now is not None:
            action(now)
    except resources.EXPECTED as error:
        state.train.tell_problem(str(error))


def following(run: Run) -> None:
    """How far the run is; while it lives this looks again every `POLL` seconds."""
    st.fragment(_progress, run_every=POLL if run.live else None)(run)


def following_curves(run: Run) -> None:
    """Its curves and its log, likewise."""
    st.fragment(_curves, run_every=POLL if run.live else None)(run)


def _progress(before: Run) -> None:
    run = runs.find(before.name)
    if run is None or (run.state, run.place) != (before.state, before.place):
        st.rerun()
    runner.tend()
    so_far = progress.read(run.path)
    if so_far is None or (not so_far.points and not so_far.epochs):
        if run.state == "queued":
            st.info("Another run is training. This one starts when its turn comes; you may close this page.")
        elif run.live:
            st.progress(0.0, "Reading the pictures and making the network …")
        return
    _bar(run, so_far)
    _numbers(so_far)
    if so_far.data:
        st.caption(f"{plain(so_far.data)}.")


def _curves(run: Run) -> None:
    so_far = progress.read(run.path)
    if so_far is None or not so_far.points:
        if run.job is not None:
            _log(run)
        return
    section("Curves", "Bold: means of whole epochs. Faint: within the epochs.")
    with st.container(key="strip-curves"):
        st.plotly_chart(
            curves.curves(plots(so_far), so_far.total), config=style.CONFIG, key="train_curves",
            alt="Loss terms, accuracy, learning rate and speed over the epochs",
        )  # fmt: skip
    _log(run)


def _bar(run: Run, so_far: Progress) -> None:
    text = f"Epoch {min(int(so_far.at) + 1, so_far.total)} of {so_far.total}"
    if run.state == "running" and so_far.seconds_left is not None:
        text += f" · about {duration(so_far.seconds_left)} left"
    if not run.live:
        text = f"{len(so_far.epochs)} of {so_far.total} epochs"
    st.progress(min(1.0, so_far.at / so_far.total), text)


def _numbers(so_far: Progress) -> None:
    columns = st.columns(4)
    last = so_far.epochs[-1] if so_far.epochs else None
    share = last["train_top1"] if last else so_far.points[-1].top1
    points = so_far.points[-1:]
    columns[0].metric("Test accuracy", percent(last["test"]["top1"]) if last else "–")
    columns[1].metric(
        f"Best, epoch {last['best_epoch']}" if last else "Best", percent(last["best_top1"]) if last else "–"
    )
    columns[2].metric("On training pictures", percent(share))
    columns[3].metric("Pictures a second", f"{points[0].images_per_second:.0f}" if points else "–")


def plots(so_far: Progress) -> list[Plot]:
    """Loss terms, AP-CNN's eight heads by stage; accuracy, learning rates, speed."""
    at = [point.at for point in so_far.points]
    ends = [report["epoch"] for report in so_far.epochs]
    names = [name for name in so_far.points[0].terms if name != "total"] if so_far.points else []
    within = {name: (at, [point.terms[name] for point in so_far.points]) for name in names}
    means = {name: (ends, [report["terms"][name] for report in so_far.epochs]) for name in names}
    shown = [
        Plot(_TERMS.get(name, name), {name: means[name]}, {name: within[name]}) for name in names if "/" not in name
    ]
    for stage, title in (("stage1", "Cross-entropy, stage I, levels"), ("stage2", "Stage II, levels")):
        heads = {_HEADS[name.partition("/")[2]]: means[name] for name in names if name.startswith(f"{stage}/")}
        if heads:
            shown.append(Plot(title, heads))
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
    return [*shown, Plot("Pictures a second", speed)]


def _log(run: Run) -> None:
    shown = st.expander("Log", key="train_log", on_change="rerun")
    if shown.open:
        with shown:
            st.code(runs.log(run) or "Nothing yet.", language=None, wrap_lines=True, height=320)


def results(run: Run) -> None:
    """What to do with a run that has a checkpoint: inspect, compare, download."""
    best = run.path / "best.safetensors"
    found = [
        (world, entry) for world in checkpoints.catalogue().worlds for entry in world.entries if entry.path == best
    ]
    if not found:
        return
    world, entry = found[0]
    with st.container(horizontal=True, key="train_results"):
        if st.button("Inspect it", icon=":material/search:", type="primary", key="train_inspect"):
            st.switch_page(state.page("inspect"), query_params=picker.address(world, entry) | _fitting(run, world))
        if st.button("Compare it", icon=":material/compare:", key="train_compare"):
            names = ",".join(other.name for other in (entry, *(e for e in world.entries if e != entry))[:3])
            asked = picker.address(world, entry) | _fitting(run, world) | {state.sidebar.MODELS_LINK: names}
            st.switch_page(state.page("compare"), query_params=asked)
        st.download_button(
            "Download the checkpoint", best.read_bytes, f"{run.name}.safetensors", "application/octet-stream",
            on_click="ignore", icon=":material/download:", key="train_download",
        )  # fmt: skip


def _fitting(run: Run, world: checkpoints.World) -> dict[str, str]:
    """A picture of the kind that the run learned, where the address has none: a drawing, or one of its filmstrip."""
    strip = probes.load(run.path)
    if world.dataset.startswith("synthetic_"):
        kind = "bird" if world.dataset.endswith("birds") else "car"
        name = strip.name_of(0) if strip else world.class_names[0]
        return {state.sidebar.SPECIES[kind]: name, state.sidebar.DRAWING: "0"}
    if strip is not None and sets.pictures(world) is None:
        probe = strip.probes[0]
        picture = state.sidebar.Picture(probe.pixels, pixels_sha256(probe.pixels), strip.name_of(0), "photo")
        state.sidebar.keep_photo(state.sidebar.Photo(f"probe of {run.name}", picture))
    return {}
