"""Compare: two or three models on one image, or on many: where they look, where they agree, what they rest on."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from app import resources, state
from app.charts.panels import Outline
from app.components import cards, classes
from app.components.compare import many, maps, occlude, road
from app.components.compare.answers import KINDS, MOST, OWN, Answer, Wish, answer, several
from app.components.text import section
from app.state.sidebar import Choice
from fgcore.methods import METHODS
from fgcore.records import Explanation


def show() -> None:
    """The page."""
    choice = state.sidebar.choice()
    st.title("Compare", anchor=False)
    st.markdown("Two or three models on one image: do they look at the same places, and do these places matter?")
    if choice.label_set is None:
        cards.image_head(choice.image, None)
        cards.no_models()
        return
    if len(choice.entries) < 2:
        cards.image_head(choice.image, None)
        st.info("Choose two or three models in the sidebar; a model needs another to be compared with.",
                icon=":material/arrow_back:")  # fmt: skip
        return
    if len(choice.entries) > MOST:
        st.info(f"{len(choice.entries)} models are chosen; the first {MOST} are compared.", icon=":material/filter_3:")
        choice = dataclasses.replace(choice, entries=choice.entries[:MOST])
    head = st.container()
    section("Where each model looks", "Drag to zoom: all images follow. The sliders below work at once.")
    place = st.skeleton(height=380)
    explanations = _explanations(choice)
    with place.container():
        wish = _wish(choice, explanations)
        answers = _answers(choice, explanations, wish)
    with head:
        cards.image_head(choice.image, answers[0].view if answers else None)
    if len(answers) >= 2:
        marks = cards.discriminative_frames(choice.image, answers[0].view) if choice.marks else []
        maps.maps(answers, choice.label_set, marks, cells=choice.cells)
        _agreement(choice, answers, marks)
        _occlusion(choice, answers)
        _faithfulness(choice, answers)
    section("Many images", "The same question on a set: is what you saw above the rule or the exception?")
    many.many(choice, wish)


def _explanations(choice: Choice) -> dict[str, Explanation | str]:
    """What each model shows of the image, or the sentence that says why it could not: key of the entry -> it."""
    return {
        entry.key: resources.attempt(entry, lambda entry=entry: resources.explanation(entry, choice.image))
        for entry in choice.entries
    }


def _wish(choice: Choice, explanations: Mapping[str, Explanation | str]) -> Wish:
    """Which map of every model, and which class it is about."""
    names = list(choice.label_set.class_names)
    chosen = classes.choose(names, cards.truth_in(choice.image, names))
    kind = st.segmented_control(
        "Map", KINDS, default=OWN, required=True, key=state.compare.MAP, bind="query-params"
    )  # fmt: skip
    kind, own = kind if kind in KINDS else OWN, {}
    answered = {key: shown for key, shown in explanations.items() if not isinstance(shown, str)}
    for method, offered in several(choice.entries, answered).items() if kind == OWN else ():
        titles = {title: name for name, title in offered.items()}
        title = st.segmented_control(
            f"{METHODS[method].title}'s map", list(titles), default=next(iter(titles)), required=True,
            key=state.compare.OWN_MAP.format(method=method), bind="query-params",
        )  # fmt: skip
        own[method] = titles.get(title, next(iter(titles.values())))
    return Wish(kind, tuple(own.items()), chosen)


def _answers(choice: Choice, explanations: Mapping[str, Explanation | str], wish: Wish) -> list[Answer]:
    """Each model's map; a sentence where one has none."""
    answers = []
    for entry in choice.entries:
        found = explanations[entry.key]
        if not isinstance(found, str):
            found = resources.attempt(entry, lambda e=entry, shown=found: answer(e, shown, wish, choice.image))
        if isinstance(found, str):
            cards.failure(entry, choice.label_set, found)
        else:
            answers.append(found)
    if answers:
        st.markdown(maps.words(wish, answers))
    if len(answers) == 1:
        st.info("One model answered; a comparison needs two.", icon=":material/info:")
    return answers


def _agreement(choice: Choice, answers: Sequence[Answer], marks: Sequence[Outline]) -> None:
    section("Do they agree?", "Two models may give the same answer for different reasons.")
    facts = maps.agree(answers, choice.label_set, marks)
    left, right, _ = st.columns([1, 1, 1.2])
    left.download_button(
        "Agreement (CSV)", icon=":material/download:", file_name="finegrain-lens-agreement.csv", mime="text/csv",
        on_click="ignore", data=lambda: pd.DataFrame(facts).to_csv(index=False), width="stretch",
    )  # fmt: skip
    right.download_button(
        "Numbers (JSON)", icon=":material/download:", file_name="finegrain-lens-comparison.json",
        mime="application/json", on_click="ignore", data=lambda: _document(choice, answers, facts), width="stretch",
    )  # fmt: skip


@st.fragment
def _occlusion(choice: Choice, answers: Sequence[Answer]) -> None:
    """Another box reruns only this."""
    section(
        "Cover something and ask again",
        "A map says where a model looks; covering the place says whether it matters. Drag a box on the image, or "
        "type its sides.",
    )
    occlude.occlusion(choice, answers)


@st.fragment
def _faithfulness(choice: Choice, answers: Sequence[Answer]) -> None:
    """The measurement reruns only this."""
    section(
        "Are the maps faithful?",
        "ROAD removes the pixels that a map calls important and fills them in from their surroundings. If the "
        "prediction does not suffer, the map does not explain it.",
    )
    road.faithfulness(choice, answers)


def _document(choice: Choice, answers: Sequence[Answer], agreement: maps.Facts) -> str:
    """Predictions, maps and agreement as JSON; the maps' values are left to the figures, which download themselves."""
    names = choice.label_set.class_names
    models = [
        {
            "model": choice.label_set.label(each.entry), "checkpoint": each.entry.path.name,
            "sha256": each.entry.checkpoint.sha256, "class": names[each.class_index],
            "map": {"quantity": each.map.quantity, "cells": list(each.map.cells),
                    "low": each.map.low, "high": each.map.high},
            "probabilities": dict(zip(names, each.prediction.probabilities.round(6).tolist(), strict=True)),
        }
        for each in answers
    ]  # fmt: skip
    values = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "image": {"name": choice.image.name, "sha256_of_pixels": choice.image.sha256},
        "models": models,
        "agreement": agreement,
    }
    return json.dumps(values, allow_nan=False, indent=1)
