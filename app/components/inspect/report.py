"""What a visitor takes home: the inspection as one HTML page, its numbers as JSON, its predictions as CSV."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import streamlit as st

from app.checkpoints import Entry
from app.components import cards
from app.components.classes import Chosen, pair
from app.components.text import section
from app.state.sidebar import Choice
from fgcore.data.synthetic import class_names
from fgcore.records import Explanation
from fgcore.report import tables
from fgcore.report.report import Model, Subject, document, report

_STEM = "finegrain-lens"  # of the files' names


@dataclass
class Shown:
    """What the page shows at the moment; its parts are drawn again one by one and write it here."""

    models: dict[str, tuple[Entry, Explanation]]  # key of the entry -> the model and what it shows
    chosen: Chosen = (None, None)  # the class and the contrast class that the visitor chose

    def keep(self, entry: Entry, explanation: Explanation) -> None:
        """Take this for what a model shows; a Grad-CAM that is known already stays."""
        _, before = self.models[entry.key]
        if explanation.cam is None:
            explanation = replace(explanation, cam=before.cam, cam_class=before.cam_class)
        self.models[entry.key] = entry, explanation


def downloads(choice: Choice, shown: Shown) -> None:
    """Three buttons; a file is made when its button is pressed.

    Args:
        choice: the image, and what to call the models.
        shown: read when a button is pressed.
    """
    subject = _subject(choice)

    def models() -> list[Model]:
        return [
            Model(choice.label_set.label(entry), explained, pair(explained, shown.chosen), _facts(entry))
            for entry, explained in shown.models.values()
        ]

    section("Take it home", "The report is one page with all images and numbers; it opens anywhere, offline.")
    with st.container(horizontal=True):
        st.download_button(
            "Download the report (HTML)", icon=":material/description:", file_name=f"{_STEM}.html", mime="text/html",
            on_click="ignore", key="take-report", data=lambda: report(subject, models()),
        )  # fmt: skip
        st.download_button(
            "Download the numbers (JSON)", icon=":material/download:", file_name=f"{_STEM}.json",
            mime="application/json", on_click="ignore", key="take-json", data=lambda: _json(subject, models()),
        )  # fmt: skip
        st.download_button(
            "Download the predictions (CSV)", icon=":material/download:", file_name=f"{_STEM}.csv", mime="text/csv",
            on_click="ignore", key="take-csv",
            data=lambda: tables.predictions((model.label, model.shown) for model in models()),
        )  # fmt: skip


def _subject(choice: Choice) -> Subject:
    image, notes = choice.image, [f"Asked were models that learned: {choice.label_set.title}."]
    if image.sample is not None:
        relative = class_names(image.sample.kind)[image.sample.relative]
        parts = " and ".join(part.replace("_", " ") for part in image.sample.discriminative_parts)
        notes.append(
            f"Drawn by the program: a {image.sample.class_name}. It differs from its nearest relative, the "
            f"{relative}, in the {parts} only."
        )
    return Subject(image.name, image.sha256, datetime.now(UTC).isoformat(timespec="seconds"), tuple(notes))


def _facts(entry: Entry) -> dict[str, str]:
    """What `Explanation.origin` does not say."""
    facts = cards.origin_facts(entry)
    return {name: facts[name] for name in ("Accuracy", "Made")}


def _json(subject: Subject, models: Sequence[Model]) -> str:
    return json.dumps(document(subject, models), allow_nan=False, indent=1)
