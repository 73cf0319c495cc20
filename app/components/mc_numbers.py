"""The MC-Loss page's numbers as JSON and as CSV."""

import dataclasses
import json
from typing import Any

import streamlit as st

from app.components.mc import Side
from app.components.mc_story import Story
from fgcore.methods.mc.channel_groups import wins
from fgcore.records import Prediction
from fgcore.report.tables import csv_text


def downloads(story: Story) -> None:
    """Two buttons; the files are made when one is pressed."""
    left, right, _ = st.columns([1, 1, 1.2])
    left.download_button(
        "Numbers as JSON", icon=":material/download:", file_name="mc-loss.json", mime="application/json",
        on_click="ignore", key="mc-json", width="stretch", data=lambda: json.dumps(document(story), indent=1),
    )  # fmt: skip
    right.download_button(
        "Numbers as CSV", icon=":material/download:", file_name="mc-loss.csv", mime="text/csv", on_click="ignore",
        key="mc-csv", width="stretch", data=lambda: rows_of(document(story)),
    )  # fmt: skip


def document(story: Story) -> dict[str, Any]:
    """All numbers of the page as JSON-able values; maps are left to the figures, which download themselves."""
    mask, number = story.mask(), story.training_draw
    rebuilt, trained = story.loss(story.drawn(number)), story.loss(number)
    return {
        "origin": dict(story.look.origin),
        "picture": {"name": story.picture.name, "sha256_of_pixels": story.picture.sha256},
        "mask": {"number": story.number, "dropped_channels": [int(n) for n in (~mask).nonzero()[0]]},
        "classes": [_class(story, side) for side in story.sides(mask)],
        "loss": {
            "true_class": story.names[story.target],
            "mask_number": number,
            "rebuilt": dataclasses.asdict(rebuilt),
            "training": dataclasses.asdict(trained),
            "equal": rebuilt == trained,
        },
        "all_classes": {
            "names": list(story.names),
            "group_sizes": list(story.groups.group_sizes),
            "score_all_channels": story.groups.scores.tolist(),
            "score_under_mask": story.scores(mask).scores.tolist(),
            "diversity": story.groups.diversity.tolist(),
            "probability": story.look.prediction.probabilities.tolist(),
        },
    }


def _class(story: Story, side: Side) -> dict[str, Any]:
    before, after = story.scores(story.drawn(0)), story.scores(story.mask())
    reading, group = story.reading(side.index), side.group
    return {
        "class": side.name,
        "role": side.role,
        "first_channel": side.numbers.start,
        "channels": len(side.numbers),
        "score": {"all_channels": float(before.scores[side.index]), "under_mask": float(after.scores[side.index])},
        "rank": {"all_channels": before.rank(side.index), "under_mask": after.rank(side.index)},
        "diversity": group.diversity,
        "share_of_cells_won": wins(group).tolist(),
        "overlap": group.overlap.tolist(),
        "weight_mass_inside": float(reading.weight_mass[side.index]),
        "contribution_mass_inside": float(reading.contribution_mass[side.index]),
        "probability": {
            name: _of(prediction, side.index)
            for name, prediction in (
                ("all_channels", reading.whole), ("only_its_group", reading.alone),
                ("without_its_group", reading.without),
            )
        },
    }  # fmt: skip


def _of(prediction: Prediction, index: int) -> float:
    return float(prediction.probabilities[index])


def rows_of(values: dict[str, Any]) -> str:
    """The same numbers as lines of `quantity,value`; a name such as `classes.0.score.under_mask` says where from."""
    return csv_text(("quantity", "value"), _flat("", values))


def _flat(name: str, value: Any) -> list[tuple[str, Any]]:  # noqa: ANN401  (any JSON value)
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [row for key, item in items for row in _flat(f"{name}.{key}" if name else str(key), item)]
    return [(name, value)]
