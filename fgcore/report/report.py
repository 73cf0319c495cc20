"""A whole inspection as one HTML file: opens offline, needs no script, asks nobody for anything.

Pictures are PNG data addresses, the style is inline, and the page's own security policy forbids every request.
"""

import base64
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fgcore.methods import METHODS
from fgcore.records import Explanation, Panel, Prediction
from fgcore.report.panels import numbers, panels
from fgcore.report.render import png

TOP = 10  # classes in a table; the JSON at the end has all
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 18%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1080px; padding: 1.5rem; }
h1, h2, h3, p, dd, figcaption { overflow-wrap: anywhere; }
h2 { border-top: 1px solid var(--line); margin: 2.5rem 0 0.5rem; padding-top: 1.2rem; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 0.5rem; }
small, figcaption, dt { color: color-mix(in srgb, CanvasText 72%, Canvas); font-size: 0.85rem; }
.wide { overflow-x: auto; }
details { margin: 0.6rem 0; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: 0.25rem 0.8rem 0.25rem 0; text-align: left; }
.panels { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); margin: 1rem 0; }
figure { margin: 0; }
figure img { display: block; max-height: 320px; object-fit: contain; object-position: left top; width: 100%; }
dl { display: grid; gap: 0.15rem 1rem; grid-template-columns: max-content 1fr; margin: 0.5rem 0 1rem; }
dd { font-size: 0.9rem; margin: 0; }
pre { font-size: 0.78rem; overflow: auto; max-height: 60vh; }
"""


@dataclass(frozen=True)
class Subject:
    """The picture that was inspected."""

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
    """All numbers of an inspection as JSON-able values; maps are left to the pictures."""
    return {
        "made": subject.made,
        "picture": {"name": subject.name, "sha256_of_pixels": subject.sha256, "notes": list(subject.notes)},
        "models": [
            {"label": model.label, **numbers(model.shown, len(model.shown.class_names), model.classes)}
            for model in models
        ],
    }


def report(subject: Subject, models: Sequence[Model]) -> str:
    """The inspection as an HTML page.

    Args:
        subject: the picture.
        models: at least one.

    Raises:
        ValueError: no model.
    """
    if not models:
        raise ValueError("a report tells what models say, expected at least one")
    title = f"{html.escape(subject.name)} – FineGrain Lens"
    values = json.dumps(document(subject, models), allow_nan=False, indent=1, ensure_ascii=False)
    return "\n".join([
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        *_head(subject, models),
        *(part for model in models for part in _model(model)),
        "<h2>All numbers</h2><details><summary>as JSON, with every class</summary>",
        f"<pre>{html.escape(values)}</pre></details></body></html>\n",
    ])  # fmt: skip


def _head(subject: Subject, models: Sequence[Model]) -> list[str]:
    view = models[0].shown.view
    height, width = view.photo_size
    facts = {"Made": subject.made, "Picture": f"{width} × {height} pixels", "sha256 of its pixels": subject.sha256}
    rows = []
    for model in models:
        index, probability = model.shown.prediction.top(1)[0]
        rows.append((model.label, model.shown.class_names[index], _share(probability)))
    return [
        f"<header><small>FineGrain Lens, inspection report</small><h1>{html.escape(subject.name)}</h1></header>",
        *(f"<p>{html.escape(note)}</p>" for note in subject.notes),
        _figures([Panel(view.pixels, f"The image as {models[0].label} sees it")]),
        _facts(facts),
        _table(("Model", "Says", "Probability"), rows),
    ]


def _model(model: Model) -> list[str]:
    shown, origin = model.shown, dict(model.shown.origin)
    sides = ", ".join(f"{side:.0f}" for side in shown.view.photo_box)
    height, width = shown.view.pixels.shape[:2]
    origin["method"] = METHODS[shown.method].title
    origin["input"] = f"{width} × {height} pixels from {sides} (left, top, right, bottom) of the image"
    images = [panel for name, panel in panels(shown, model.classes).items() if name != "input"]
    parts = [f"<h2>{html.escape(model.label)}</h2>", _facts(origin | dict(model.facts)), "<h3>What it says</h3>"]
    parts += [_predictions(shown.prediction, shown.class_names), "<h3>Where it looks</h3>", _figures(images)]
    for table in shown.detail.tables(shown.asked(model.classes)):
        words, cells = html.escape(table.title), _table(table.head, table.rows)
        if table.folded:
            parts += [f"<details><summary>{words}</summary>", cells, "</details>"]
        else:
            parts += [f"<h3>{words}</h3>", cells]
    return parts


def _predictions(prediction: Prediction, names: Sequence[str]) -> str:
    rows = [(str(place), names[index], _share(value)) for place, (index, value) in enumerate(prediction.top(TOP), 1)]
    return _table(("Rank", "Class", "Probability, 0 to 1"), rows)


def _share(value: float) -> str:
    return f"{value:.6f}"


def _facts(facts: Mapping[str, str]) -> str:
    rows = [(name if name.startswith("sha") else name.capitalize(), value) for name, value in facts.items() if value]
    return f"<dl>{''.join(f'<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>' for name, value in rows)}</dl>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _figures(images: Sequence[Panel]) -> str:
    figures = []
    for panel in images:
        words = html.escape(panel.caption)
        address = "data:image/png;base64," + base64.b64encode(png(panel.image)).decode("ascii")
        figures.append(f'<figure><img src="{address}" alt="{words}"><figcaption>{words}</figcaption></figure>')
    return f'<div class="panels">{"".join(figures)}</div>'
