"""ROAD: does a map name the pixels that the prediction rests on? Slow, so only on request."""

import json
from collections.abc import Sequence
from functools import partial

import streamlit as st

from app import state
from app.components.compare_looks import Look, road
from app.components.text import plain, table
from app.state.sidebar import Choice
from fgcore.inspection.faithfulness import REMOVED, Faithfulness

_BUTTON = "road"


def faithfulness(choice: Choice, looks: Sequence[Look]) -> None:
    """A button, and the result of each model's map beside that of a random one."""
    question = (choice.picture.sha256, *_identity(looks))
    if not state.compare.asked(_BUTTON, question):
        st.button(
            "Measure how faithful these maps are", icon=":material/experiment:", key=_BUTTON,
            on_click=state.compare.ask, args=(_BUTTON, question), help="Some seconds for each model.",
        )  # fmt: skip
        return
    with st.spinner("Removing pixels and asking again …"):
        measured = [road(look, choice.picture.pixels, choice.picture.sha256) for look in looks]
    rows = []
    for look, (own, control) in zip(looks, measured, strict=True):
        name = choice.world.label(look.entry)
        class_name = choice.world.class_names[own.class_index]
        rows.append([name, look.evidence.quantity, class_name, _score(own), _score(control)])
    st.html(table(["Model", "Map", "Class", "ROAD", "ROAD of a random map"], rows))
    st.caption(
        "ROAD: the probability of the class while the map's lowest pixels go first, less that while its highest go "
        "first, halved; mean over the removed shares. −0.5 – 0.5; the higher the more faithful, and a map no better "
        "than the random one tells nothing about this prediction."
    )
    st.download_button(
        "Faithfulness (JSON)", icon=":material/download:", file_name="finegrain-lens-faithfulness.json",
        mime="application/json", on_click="ignore", data=partial(_document, choice, looks, measured),
    )  # fmt: skip
    with st.expander("Every step"):
        for look, pair in zip(looks, measured, strict=True):
            st.markdown(f"**{plain(choice.world.label(look.entry))}**")
            st.html(_steps(look, pair))
        st.caption("Probability of the class after that share of the pixels was filled in from its surroundings.")


def _identity(looks: Sequence[Look]) -> tuple:
    """What a measurement goes by: models, maps and classes."""
    return tuple(
        (look.entry.checkpoint.sha256, look.evidence.quantity, look.class_index, look.rival_index) for look in looks
    )


def _document(choice: Choice, looks: Sequence[Look], measured: Sequence[tuple[Faithfulness, Faithfulness]]) -> str:
    models = [
        {
            "model": choice.world.label(look.entry), "sha256": look.entry.checkpoint.sha256,
            "class": choice.world.class_names[own.class_index], "map": look.evidence.quantity,
            "of_the_map": _numbers(own), "of_a_random_map": _numbers(control),
        }
        for look, (own, control) in zip(looks, measured, strict=True)
    ]  # fmt: skip
    picture = {"name": choice.picture.name, "sha256_of_pixels": choice.picture.sha256}
    return json.dumps({"picture": picture, "models": models}, allow_nan=False, indent=1)


def _numbers(found: Faithfulness) -> dict[str, float | list[float]]:
    return {
        "score": round(found.score, 6), "before": round(found.before, 6), "removed": list(found.removed),
        "highest_first": [round(share, 6) for share in found.most],
        "lowest_first": [round(share, 6) for share in found.least],
    }  # fmt: skip


def _score(found: Faithfulness) -> str:
    return f"{found.score:+.3f}".replace("-", "−")


def _steps(look: Look, pair: tuple[Faithfulness, Faithfulness]) -> str:
    own, control = pair
    head = ["Removed", "nothing", *(f"{share:.0%}".replace("%", " %") for share in REMOVED)]
    rows = []
    for name, found in ((look.evidence.quantity, own), ("random map", control)):
        for order, values in (("highest first", found.most), ("lowest first", found.least)):
            rows.append([f"{name}, {order}", f"{found.before:.3f}", *(f"{value:.3f}" for value in values)])
    return table(head, rows)
