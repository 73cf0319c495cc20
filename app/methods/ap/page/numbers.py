"""AP-CNN's page as files: everything as JSON, and the probabilities of every head as a table (CSV)."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from app.methods.ap.session import Tried
from app.state.sidebar import Image
from fgcore.config import to_dict
from fgcore.methods.ap.records import DropEffects
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.ap.suppression import suppression
from fgcore.outputs import LEVELS
from fgcore.records import Explanation
from fgcore.report.panels import numbers
from fgcore.report.tables import csv_text

Row = tuple[str, str, str, str, float]


def document(
    image: Image,
    shown: Explanation,
    roi: ROIConfig,
    effects: DropEffects,
    tried: Tried | None,
    changed: Explanation | None,
) -> str:
    """The page's numbers as JSON, the gates' maps among them.

    Args:
        image: what was shown to the model.
        shown: with the model's own settings.
        roi: those settings.
        effects: of dropping each ROI.
        tried: the settings to try; None: none were.
        changed: what they led to; None: as before.
    """
    values = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "image": {"name": image.name, "sha256_of_pixels": image.sha256},
        "explanation": _of(shown, roi),
        "without_each_roi": [
            {
                "level": which.level,
                "index": which.index,
                "box": which.box,
                "heads": {head.name: _rounded(row) for head, row in zip(shown.detail.heads, heads, strict=True)},
                "mean": _rounded(mean),
            }
            for which, heads, mean in zip(effects.dropped, effects.heads, effects.means, strict=True)
        ],
    }
    if tried is not None and changed is not None:
        values["what_if"] = _of(changed, tried.roi) | {"own_zoom_box": tried.zoom_box}
    return json.dumps(values, allow_nan=False, indent=1)


def _of(shown: Explanation, roi: ROIConfig) -> Mapping[str, Any]:
    detail = shown.detail
    return numbers(shown, top=len(shown.class_names)) | {
        "settings": to_dict(roi),
        "zoom_cells": list(detail.zoom_cells),
        "levels": {
            f"level{level}": {
                "threshold": detail.candidates[place].threshold,
                "candidates": len(detail.candidates[place].scores),
                "suppressed": [
                    len(step.suppressed) for step in suppression(detail.stage1.spatial_gates[place], level, roi).steps
                ],
                "stage1_spatial_gate": _rounded(detail.stage1.spatial_gates[place]),
                "stage2_spatial_gate": _rounded(detail.stage2.spatial_gates[place]),
                "stage1_channel_gate": _rounded(detail.stage1.channel_gates[place]),
                "stage1_channel_gate_alone": _rounded(detail.stage1.raw_channel_gates[place]),
            }
            for place, level in enumerate(LEVELS)
        },
        "probabilities": {head.name: _rounded(head.probabilities) for head in detail.heads},
    }


def _rounded(values: np.ndarray) -> list:
    return np.round(values.astype(float), 6).tolist()


def table(shown: Explanation, effects: DropEffects, changed: Explanation | None) -> str:
    """CSV with a line for each probability: case, stage, head, class, probability.

    Args:
        shown: with the model's own settings.
        effects: of dropping each ROI.
        changed: with other settings; None: none were tried.
    """
    head = ("case", "stage", "head", "class", "probability")
    return csv_text(head, _table_rows(shown, effects, changed))


def _table_rows(shown: Explanation, effects: DropEffects, changed: Explanation | None) -> Iterator[Row]:
    yield from _rows("own settings", shown)
    if changed is not None:
        yield from _rows("what if", changed)
    heads = [head.name for head in shown.detail.heads]
    for which, probabilities, means in zip(effects.dropped, effects.heads, effects.means, strict=True):
        name = f"without ROI {which.index + 1} of level {which.level}"
        for head, row in zip(heads, probabilities, strict=True):
            yield from _lines(name, head, row, shown.class_names)
        yield from _lines(name, "both/mean of eight", means, shown.class_names)


def _rows(name: str, shown: Explanation) -> Iterator[Row]:
    detail = shown.detail
    for head in detail.heads:
        yield from _lines(name, head.name, head.probabilities, shown.class_names)
    for mean in (detail.stage1_mean, detail.stage2_mean):
        yield from _lines(name, f"{mean.name}/mean of four", mean.probabilities, shown.class_names)
    yield from _lines(name, "both/mean of eight", shown.prediction.probabilities, shown.class_names)


def _lines(name: str, head: str, probabilities: np.ndarray, classes: tuple[str, ...]) -> Iterator[Row]:
    stage, _, which = head.partition("/")
    for label, value in zip(classes, probabilities, strict=True):
        yield name, stage, which, label, round(float(value), 6)
