"""The MC-Loss page's numbers as JSON and as CSV."""

import dataclasses
import json
from typing import Any

import streamlit as st

from app.methods.mc.page.case import Case
from app.methods.mc.sides import Side
from fgcore.methods.mc.channel_groups import wins
from fgcore.records import Prediction
from fgcore.report.tables import csv_text


def downloads(case: Case) -> None:
    """Two buttons; the files are made when one is pressed."""
    left, right, _ = st.columns([1, 1, 1.2])
    left.download_button(
        "Numbers as JSON", icon=":material/download:", file_name="mc-loss.json", mime="application/json",
        on_click="ignore", key="mc-json", width="stretch", data=lambda: json.dumps(document(case), indent=1),
    )  # fmt: skip
    right.download_button(
        "Numbers as CSV", icon=":material/download:", file_name="mc-loss.csv", mime="text/csv", on_click="ignore",
        key="mc-csv", width="stretch", data=lambda: rows_of(document(case)),
    )  # fmt: skip


def document(case: Case) -> dict[str, Any]:
    """All numbers of the page as JSON-able values; maps are left to the figures, which download themselves."""
    mask, number = case.mask(), case.training_draw
    shown, trained = case.loss(case.drawn(number)), case.loss(number)
    return {
        "origin": dict(case.shown.origin),
        "image": {"name": case.image.name, "sha256_of_pixels": case.image.sha256},
        "mask": {"number": case.number, "dropped_channels": [int(n) for n in (~mask).nonzero()[0]]},
        "classes": [_class(case, side) for side in case.sides(mask)],
        "loss": {
            "true_class": case.names[case.target],
            "mask_number": number,
            "shown": dataclasses.asdict(shown),
            "training": dataclasses.asdict(trained),
            "equal": shown == trained,
        },
        "all_classes": {
            "names": list(case.names),
            "group_sizes": list(case.groups.group_sizes),
            "score_all_channels": case.groups.scores.tolist(),
            "score_under_mask": case.scores(mask).scores.tolist(),
            "diversity": case.groups.diversity.tolist(),
            "probability": case.shown.prediction.probabilities.tolist(),
        },
    }


def _class(case: Case, side: Side) -> dict[str, Any]:
    before, after = case.scores(case.drawn(0)), case.scores(case.mask())
    reading, group = case.reading(side.index), side.group
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
