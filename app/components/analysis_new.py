"""Making an analysis: which checkpoints, on which pictures, as a process that shows how far it is."""

import re
import shlex
from pathlib import Path

import streamlit as st

from app import analyses, checkpoints, sets, state
from app.analyses import Found, Wanted
from app.checkpoints import World
from app.components import cards
from app.components.text import plain, section

_REFRESH = 2  # seconds
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,59}")


def form() -> None:
    """Choose and begin."""
    section(
        "New analysis",
        "Every test picture goes through every chosen checkpoint, and every map is measured beside its controls. "
        "It runs on this machine, survives a closed browser and goes on where it stopped.",
    )
    if problem := state.analyse.problem():
        st.error(plain(problem), icon=":material/block:")
    worlds = sets.available(checkpoints.catalogue())
    if not worlds:
        st.info("No data set of these checkpoints lies here; `FG_DATA` names the folder that holds them.")
        if not checkpoints.catalogue().worlds:
            cards.no_models()
        return
    title = st.selectbox("Trained on", list(worlds), key=state.analyse.WORLD)
    world = worlds.get(title, next(iter(worlds.values())))
    paths = {str(entry.path): entry for entry in world.entries}
    chosen = st.pills(
        "Checkpoints", list(paths), selection_mode="multi", default=list(paths)[:3],
        key=state.analyse.MODELS.format(world=world.key), format_func=lambda path: plain(world.label(paths[path])),
    )  # fmt: skip
    wanted = _wanted(world, [path for path in paths if path in chosen])
    st.code(shlex.join(["python", *analyses.command(wanted)]), language="bash", wrap_lines=True)
    st.button(
        "Analyse", type="primary", icon=":material/monitoring:", key="ana_start", disabled=not wanted.checkpoints,
        on_click=_begin, args=(wanted,),
    )  # fmt: skip


def _wanted(world: World, chosen: list[str]) -> Wanted:
    drawn = world.dataset.startswith("synthetic_")
    left, middle, right = st.columns(3)
    name = left.text_input("Name", value=_free_name(world.dataset), key=state.analyse.NEW, max_chars=60)
    curves = middle.number_input(
        "Pictures with curves", 0, 10_000, 8, key=state.analyse.CURVES,
        help="Deletion and insertion take a hundred looks at each picture, so they are drawn for a few.",
    )  # fmt: skip
    data: tuple[str, ...] = ()
    if drawn:
        per_class = right.number_input("Pictures per class", 1, 50, 2, key=state.analyse.PER_CLASS)
        data = (f"test_per_class={int(per_class or 1)}",)
    return Wanted(name or "", tuple(world_path(world, path) for path in chosen), data, int(curves or 0))


def world_path(world: World, path: str) -> Path:
    """The file of one of a world's checkpoints."""
    return next(entry.path for entry in world.entries if str(entry.path) == path)


def _free_name(stem: str) -> str:
    taken = {found.name for found in analyses.listing()}
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _begin(wanted: Wanted) -> None:
    """Callback: start it, or say why not."""
    if not _NAME.fullmatch(wanted.name):
        state.analyse.tell_problem("a name needs letters, digits, dots, dashes or underscores, and begins with no dot")
        return
    try:
        analyses.start(wanted)
    except OSError as error:
        state.analyse.tell_problem(f"{wanted.name} could not be started: {error.strerror or error}")


def under_way(unfinished: list[Found]) -> None:
    """How far the unfinished analyses are; the page is drawn again when one is ready."""
    if unfinished:
        _progress(tuple(found.name for found in unfinished))


@st.fragment(run_every=_REFRESH)
def _progress(names: tuple[str, ...]) -> None:
    here = {found.name: found for found in analyses.listing()}
    for name in names:
        found = here.get(name)
        if found is None or found.finished:
            st.rerun()
        if problem := analyses.problem(name):
            st.error(plain(problem), title=f"{plain(name)} ended early", icon=":material/block:")
            continue
        words = "" if analyses.running(name) else ": not running here; the same command goes on where it stopped"
        st.progress(found.done / max(1, found.chunks), f"{plain(name)}{words}")
