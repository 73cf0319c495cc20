"""AP-CNN's page as files: everything as JSON, and the probabilities of every head as a table (CSV)."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from app.state.ap_cnn import Tried
from app.state.sidebar import Picture
from fgcore.config import ROIConfig, to_dict
from fgcore.methods.ap.suppression import suppression
from fgcore.outputs import LEVELS
from fgcore.records import DropEffects, Explanation
from fgcore.report.panels import numbers
from fgcore.report.tables import csv_text

Row = tuple[str, str, str, str, float]


def document(
    picture: Picture, look: Explanation, roi: ROIConfig, effects: DropEffects, tried: Tried | None, changed: Explanation
) -> str:
    """The page's numbers as JSON, the gates' maps among them.

    Args:
        picture: what was looked at.
        look: with the model's own settings.
        roi: those settings.
        effects: of dropping each ROI.
        tried: the settings to try; None: none were.
        changed: what they led to.
    """
    values = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "picture": {"name": picture.name, "sha256_of_pixels": picture.sha256},
        "look": _look(look, roi),
        "without_each_roi": [
            {
                "level": which.level,
                "index": which.index,
                "box": which.box,
                "heads": {head.name: _rounded(row) for head, row in zip(look.attention.heads, heads, strict=True)},
                "mean": _rounded(mean),
            }
            for which, heads, mean in zip(effects.dropped, effects.heads, effects.means, strict=True)
        ],
    }
    if tried is not None:
        values["what_if"] = _look(changed, tried.roi) | {"own_zoom_box": tried.zoom_box}
    return json.dumps(values, allow_nan=False, indent=1)


def _look(look: Explanation, roi: ROIConfig) -> Mapping[str, Any]:
    attention = look.attention
    return numbers(look, top=len(look.class_names)) | {
        "settings": to_dict(roi),
        "zoom_cells": list(attention.zoom_cells),
        "levels": {
            f"level{level}": {
                "threshold": attention.candidates[place].threshold,
                "candidates": len(attention.candidates[place].scores),
                "suppressed": [
                    len(step.suppressed)
                    for step in suppression(attention.stage1.spatial_gates[place], level, roi).steps
                ],
                "stage1_spatial_gate": _rounded(attention.stage1.spatial_gates[place]),
                "stage2_spatial_gate": _rounded(attention.stage2.spatial_gates[place]),
                "stage1_channel_gate": _rounded(attention.stage1.channel_gates[place]),
                "stage1_channel_gate_alone": _rounded(attention.stage1.raw_channel_gates[place]),
            }
            for place, level in enumerate(LEVELS)
        },
        "probabilities": {head.name: _rounded(head.probabilities) for head in attention.heads},
    }


def _rounded(values: np.ndarray) -> list:
    return np.round(values.astype(float), 6).tolist()


def table(look: Explanation, effects: DropEffects, changed: Explanation | None) -> str:
    """CSV with a line for each probability: look, stage, head, class, probability.

    Args:
        look: with the model's own settings.
        effects: of dropping each ROI.
        changed: with other settings; None: none were tried.
    """
    head = ("look", "stage", "head", "class", "probability")
    return csv_text(head, _table_rows(look, effects, changed))


def _table_rows(look: Explanation, effects: DropEffects, changed: Explanation | None) -> Iterator[Row]:
    yield from _rows("own settings", look)
    if changed is not None:
        yield from _rows("what if", changed)
    heads = [head.name for head in look.attention.heads]
    for which, probabilities, means in zip(effects.dropped, effects.heads, effects.means, strict=True):
        name = f"without ROI {which.index + 1} of level {which.level}"
        for head, row in zip(heads, probabilities, strict=True):
            yield from _lines(name, head, row, look.class_names)
        yield from _lines(name, "both/mean of eight", means, look.class_names)


def _rows(name: str, look: Explanation) -> Iterator[Row]:
    attention = look.attention
    for head in attention.heads:
        yield from _lines(name, head.name, head.probabilities, look.class_names)
    for mean in (attention.stage1_mean, attention.stage2_mean):
        yield from _lines(name, f"{mean.name}/mean of four", mean.probabilities, look.class_names)
    yield from _lines(name, "both/mean of eight", look.prediction.probabilities, look.class_names)


def _lines(name: str, head: str, probabilities: np.ndarray, classes: tuple[str, ...]) -> Iterator[Row]:
    stage, _, which = head.partition("/")
    for label, value in zip(classes, probabilities, strict=True):
        yield name, stage, which, label, round(float(value), 6)
