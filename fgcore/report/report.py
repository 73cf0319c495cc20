"""A whole inspection as one HTML file: opens offline, needs no script, asks nobody for anything.

Images are PNG data addresses, the style is inline, and the page's own security policy forbids every request.
"""

import base64
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jinja2
import numpy as np

from fgcore.methods import METHODS
from fgcore.records import Explanation, Panel
from fgcore.report.panels import numbers, panels
from fgcore.report.render import png

TOP = 10  # classes in a table; the JSON at the end has all


@dataclass(frozen=True)
class Subject:
    """The image that was inspected."""

    name: str  # a stranger's; escaped here
    sha256: str  # of its pixels
    made: str  # when the inspection was made, ISO 8601
    notes: tuple[str, ...] = ()  # sentences about it


@dataclass(frozen=True)
class Model:
    """One model's part of the report."""

    label: str
    shown: Explanation
    classes: tuple[int, ...] = ()  # the class in question and its contrast class; see `Explanation.asked`
    facts: Mapping[str, str] = field(default_factory=dict)  # about the checkpoint, besides `Explanation.origin`


def document(subject: Subject, models: Sequence[Model]) -> dict[str, Any]:
    """All numbers of an inspection as JSON-able values; maps are left to the images."""
    return {
        "made": subject.made,
        "picture": {"name": subject.name, "sha256_of_pixels": subject.sha256, "notes": list(subject.notes)},
        "models": [
            {"label": model.label, **numbers(model.shown, len(model.shown.class_names), model.classes)}
            for model in models
        ],
    }


def report(subject: Subject, models: Sequence[Model]) -> str:
    """The inspection as an HTML page: maps first, side by side, then each model with its numbers.

    Args:
        subject: the image.
        models: at least one.

    Raises:
        ValueError: no model.
    """
    if not models:
        raise ValueError("a report tells what models say, expected at least one")
    view = models[0].shown.view
    height, width = view.photo_size
    about = {"Made": subject.made, "Image": f"{width} × {height} pixels", "sha256 of its pixels": subject.sha256}
    values = json.dumps(document(subject, models), allow_nan=False, indent=1, ensure_ascii=False)
    return _template().render(
        subject=subject, input=view.pixels, about=about, parts=[_part(model) for model in models], document=values
    )


@functools.cache
def _template() -> jinja2.Template:
    """Every text is escaped: names are strangers'."""
    loader = jinja2.PackageLoader("fgcore.report", "")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["png"] = _base64
    return environment.get_template("report.jinja")


def _base64(pixels: np.ndarray) -> str:
    return base64.b64encode(png(pixels)).decode("ascii")


def _part(model: Model) -> dict[str, Any]:
    """What the template shows of one model."""
    shown, origin = model.shown, dict(model.shown.origin)
    sides = ", ".join(f"{side:.0f}" for side in shown.view.photo_box)
    height, width = shown.view.pixels.shape[:2]
    origin["method"] = METHODS[shown.method].title
    origin["input"] = f"{width} × {height} pixels from {sides} (left, top, right, bottom) of the image"
    images = [panel for name, panel in panels(shown, model.classes).items() if name != "input"]
    ranked = enumerate(shown.prediction.top(TOP), start=1)
    return {
        "label": model.label,
        "first": images[0] if images else Panel(shown.view.pixels, "It shows no map of its own"),
        "panels": images,
        "top": [(str(place), shown.class_names[index], f"{value:.6f}") for place, (index, value) in ranked],
        "tables": shown.detail.tables(shown.asked(model.classes)),
        "facts": origin | dict(model.facts),
    }
