"""ROAD: does a map name the pixels that the prediction rests on? Slow, so only on request."""

import json
from collections.abc import Sequence
from functools import partial

import streamlit as st

from app import state
from app.components.compare.answers import Answer, road
from app.components.text import plain, table
from app.state.sidebar import Choice
from fgcore.inspection.faithfulness import REMOVED, Faithfulness

_BUTTON = "road"


def faithfulness(choice: Choice, answers: Sequence[Answer]) -> None:
    """A button, and the result of each model's map beside that of a random one."""
    question = (choice.image.sha256, *_identity(answers))
    if not state.compare.asked(_BUTTON, question):
        st.button(
            "Measure how faithful these maps are", icon=":material/experiment:", key=_BUTTON,
            on_click=state.compare.ask, args=(_BUTTON, question), help="Some seconds for each model.",
        )  # fmt: skip
        return
    with st.spinner("Removing pixels and asking again …"):
        measured = [road(each, choice.image) for each in answers]
    rows = []
    for each, (own, control) in zip(answers, measured, strict=True):
        name = choice.label_set.label(each.entry)
        class_name = choice.label_set.class_names[own.class_index]
        rows.append([name, each.map.quantity, class_name, _score(own), _score(control)])
    st.html(table(["Model", "Map", "Class", "ROAD", "ROAD of a random map"], rows))
    st.caption(
        "ROAD: the probability of the class while the map's lowest pixels go first, less that while its highest go "
        "first, halved; mean over the removed shares. −0.5 – 0.5; the higher the more faithful, and a map no better "
        "than the random one tells nothing about this prediction."
    )
    st.download_button(
        "Faithfulness (JSON)", icon=":material/download:", file_name="finegrain-lens-faithfulness.json",
        mime="application/json", on_click="ignore", data=partial(_document, choice, answers, measured),
    )  # fmt: skip
    with st.expander("Every step"):
        for each, pair in zip(answers, measured, strict=True):
            st.markdown(f"**{plain(choice.label_set.label(each.entry))}**")
            st.html(_steps(each, pair))
        st.caption("Probability of the class after that share of the pixels was filled in from its surroundings.")


def _identity(answers: Sequence[Answer]) -> tuple:
    """What a measurement goes by: models, maps and classes."""
    return tuple((each.entry.checkpoint.sha256, each.map.quantity, each.class_index, each.contrast) for each in answers)


def _document(choice: Choice, answers: Sequence[Answer], measured: Sequence[tuple[Faithfulness, Faithfulness]]) -> str:
    models = [
        {
            "model": choice.label_set.label(each.entry), "sha256": each.entry.checkpoint.sha256,
            "class": choice.label_set.class_names[own.class_index], "map": each.map.quantity,
            "of_the_map": _numbers(own), "of_a_random_map": _numbers(control),
        }
        for each, (own, control) in zip(answers, measured, strict=True)
    ]  # fmt: skip
    image = {"name": choice.image.name, "sha256_of_pixels": choice.image.sha256}
    return json.dumps({"image": image, "models": models}, allow_nan=False, indent=1)


def _numbers(found: Faithfulness) -> dict[str, float | list[float]]:
    return {
        "score": round(found.score, 6), "before": round(found.before, 6), "removed": list(found.removed),
        "highest_first": [round(share, 6) for share in found.most],
        "lowest_first": [round(share, 6) for share in found.least],
    }  # fmt: skip


def _score(found: Faithfulness) -> str:
    return f"{found.score:+.3f}".replace("-", "−")


def _steps(each: Answer, pair: tuple[Faithfulness, Faithfulness]) -> str:
    own, control = pair
    head = ["Removed", "nothing", *(f"{share:.0%}".replace("%", " %") for share in REMOVED)]
    rows = []
    for name, found in ((each.map.quantity, own), ("random map", control)):
        for order, values in (("highest first", found.most), ("lowest first", found.least)):
            rows.append([f"{name}, {order}", f"{found.before:.3f}", *(f"{value:.3f}" for value in values)])
    return table(head, rows)
