"""Compare: two or three models on one picture, or on many: where they look, where they agree, what they rest on."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from app import resources, state
from app.charts.panels import Outline
from app.checkpoints import Entry
from app.components import cards, compare_many, compare_maps, compare_occlude, compare_road, question
from app.components.compare_looks import AP_MAPS, KINDS, MOST, OWN, Look, Wish, look
from app.components.text import section
from app.state.sidebar import Choice, Picture


def show() -> None:
    """The page."""
    choice = state.sidebar.choice()
    st.title("Compare", anchor=False)
    st.markdown("Two or three models on one picture: do they look at the same places, and do these places matter?")
    if choice.world is None:
        cards.picture_head(choice.picture, None)
        cards.no_models()
        return
    if len(choice.entries) < 2:
        cards.picture_head(choice.picture, None)
        st.info("Choose two or three models in the sidebar; a model needs another to be compared with.",
                icon=":material/arrow_back:")  # fmt: skip
        return
    if len(choice.entries) > MOST:
        st.info(f"{len(choice.entries)} models are chosen; the first {MOST} are compared.", icon=":material/filter_3:")
        choice = dataclasses.replace(choice, entries=choice.entries[:MOST])
    head = st.container()
    wish = _wish(choice)
    looks = _looks(choice, wish)
    with head:
        cards.picture_head(choice.picture, looks[0].view if looks else None)
    if len(looks) >= 2:
        marks = cards.telling_frames(choice.picture, looks[0].view) if choice.marks else []
        compare_maps.maps(looks, choice.world, marks, wish, cells=choice.cells)
        _agreement(choice, looks, marks)
        _occlusion(choice, looks)
        _faithfulness(choice, looks)
    section("Many pictures", "The same question on a set: is what you saw above the rule or the exception?")
    compare_many.many(choice, wish)


def _wish(choice: Choice) -> Wish:
    """Which map of every model, and which class it is about."""
    section("Where each model looks", "Drag to zoom: all pictures follow. The sliders below work at once.")
    names = list(choice.world.class_names)
    has_ap = any(entry.method == "ap" for entry in choice.entries)
    asked = question.class_and_rival(names, cards.truth_in(choice.picture, names))
    kind = st.segmented_control(
        "Map", KINDS, default=OWN, required=True, key=state.compare.MAP, bind="query-params"
    )  # fmt: skip
    ap_map = next(iter(AP_MAPS))
    if has_ap and kind == OWN:
        ap_map = st.segmented_control(
            "AP-CNN's map", list(AP_MAPS), default=ap_map, required=True, key=state.compare.AP_MAP, bind="query-params",
        )  # fmt: skip
    return Wish(kind if kind in KINDS else OWN, ap_map if ap_map in AP_MAPS else next(iter(AP_MAPS)), asked)


def _looks(choice: Choice, wish: Wish) -> list[Look]:
    """Each model's map; a sentence where one has none."""
    looks, picture = [], choice.picture
    with st.skeleton(height=380):
        for entry in choice.entries:
            found = resources.attempt(entry, lambda entry=entry: _look(entry, picture, wish))
            if isinstance(found, str):
                cards.failure(entry, choice.world, found)
            else:
                looks.append(found)
    if looks:
        st.markdown(compare_maps.story(wish, looks))
    if len(looks) == 1:
        st.info("One model answered; a comparison needs two.", icon=":material/info:")
    return looks


def _look(entry: Entry, picture: Picture, wish: Wish) -> Look:
    explanation = resources.look(entry, picture.pixels, picture.sha256)
    return look(entry, explanation, wish, picture.pixels, picture.sha256)


def _agreement(choice: Choice, looks: Sequence[Look], marks: Sequence[Outline]) -> None:
    section("Do they agree?", "Two models may give the same answer for different reasons.")
    facts = compare_maps.agree(looks, choice.world, marks)
    left, right, _ = st.columns([1, 1, 1.2])
    left.download_button(
        "Agreement (CSV)", icon=":material/download:", file_name="finegrain-lens-agreement.csv", mime="text/csv",
        on_click="ignore", data=lambda: pd.DataFrame(facts).to_csv(index=False), width="stretch",
    )  # fmt: skip
    right.download_button(
        "Numbers (JSON)", icon=":material/download:", file_name="finegrain-lens-comparison.json",
        mime="application/json", on_click="ignore", data=lambda: _document(choice, looks, facts), width="stretch",
    )  # fmt: skip


@st.fragment
def _occlusion(choice: Choice, looks: Sequence[Look]) -> None:
    """Another box reruns only this."""
    section(
        "Cover something and ask again",
        "A map says where a model looks; covering the place says whether it matters. Drag a box on the picture, or "
        "type its sides.",
    )
    compare_occlude.occlusion(choice, looks)


@st.fragment
def _faithfulness(choice: Choice, looks: Sequence[Look]) -> None:
    """The measurement reruns only this."""
    section(
        "Are the maps faithful?",
        "ROAD removes the pixels that a map calls important and fills them in from their surroundings. If the "
        "prediction does not suffer, the map does not explain it.",
    )
    compare_road.faithfulness(choice, looks)


def _document(choice: Choice, looks: Sequence[Look], agreement: compare_maps.Facts) -> str:
    """Predictions, maps and agreement as JSON; the maps' values are left to the figures, which download themselves."""
    names = choice.world.class_names
    models = [
        {
            "model": choice.world.label(look.entry), "checkpoint": look.entry.path.name,
            "sha256": look.entry.checkpoint.sha256, "class": names[look.class_index],
            "map": {"quantity": look.evidence.quantity, "cells": list(look.evidence.cells),
                    "low": look.evidence.low, "high": look.evidence.high},
            "probabilities": dict(zip(names, look.prediction.probabilities.round(6).tolist(), strict=True)),
        }
        for look in looks
    ]  # fmt: skip
    values = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "picture": {"name": choice.picture.name, "sha256_of_pixels": choice.picture.sha256},
        "models": models,
        "agreement": agreement,
    }
    return json.dumps(values, allow_nan=False, indent=1)
