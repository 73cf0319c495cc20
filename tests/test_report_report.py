"""The report as a file: what it holds, and that it asks nobody for anything."""

import base64
import csv
import html
import io
import json
import re
from html.parser import HTMLParser

import cv2
import markupsafe
import numpy as np
import pytest

from app_helpers import write_checkpoint
from fgcore.data import synthetic
from fgcore.inspection.inspector import Inspector
from fgcore.methods.mc.channel_groups import group
from fgcore.report import panels, report, tables

NAMES = ("Wren", "=SUM(A1) Tit", '<b onclick="x">Jay</b>')
NAME = 'my <img src="https://evil.example/x.png"> photo & more.jpg'


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """What one small untrained network of each method shows on the same picture."""
    folder, result = tmp_path_factory.mktemp("checkpoints"), []
    picture = synthetic.draw("birds", 8, seed=3).image
    for method in ("baseline", "mc", "ap"):
        write_checkpoint(folder / f"{method}.safetensors", method, NAMES, "cub")
        inspection = Inspector(folder / f"{method}.safetensors").set_image(picture)
        shown = inspection.explanation(draw_seed=0)
        result.append(report.Model(f"The {method} one", shown, (2, 1), {"accuracy": "62.5 % top-1"}))
    return result


@pytest.fixture(scope="module")
def page(models):
    return report.report(report.Subject(NAME, "ab" * 32, "2026-01-02T03:04:05+00:00", ("A note.",)), models)


class Reader(HTMLParser):
    """Tags with their attributes, and the text of the page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(re.sub(r"(data:image/png;base64,)[^\"]+", r"\1…", page))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += f"{data}\n"


@pytest.fixture(scope="module")
def reader(page):
    return Reader(page)


def cells(page):
    """All cells of all tables, as text."""
    return [html.unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", page)]


def test_the_page_asks_nobody_for_anything(page, reader):
    tags = reader.tags
    assert {tag for tag, _ in tags} <= {
        "html", "head", "meta", "title", "style", "body", "header", "small", "h1", "h2", "h3", "p", "dl", "dt", "dd",
        "div", "figure", "img", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre",
    }  # fmt: skip
    sources = [attributes["src"] for tag, attributes in tags if tag == "img"]
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not any(name in {"href", "srcset", "style", "onclick"} for _, attributes in tags for name in attributes)
    assert not re.search(r"url\(|@import", page.partition("</style>")[0])
    policy = next(a["content"] for t, a in tags if t == "meta" and "http-equiv" in a)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_names_of_strangers_are_text(page, reader):
    assert f"<h1>{markupsafe.escape(NAME)!s}</h1>" in page
    assert NAME in reader.text
    assert NAMES[2] in reader.text
    assert "<b" not in page.replace("<body", "")


def test_every_picture_is_a_panel_of_the_explanation(page, models):
    shown = [
        cv2.cvtColor(cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        for data in re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    ]
    own = [panels.panels(model.shown, model.classes) for model in models]
    expected = [models[0].shown.view.pixels, *(images["gradcam"].image for images in own)]  # side by side, first
    for images in own:
        expected += [panel.image for name, panel in images.items() if name != "input"]
    assert len(shown) == len(expected)
    assert all(np.array_equal(one, other) for one, other in zip(shown, expected, strict=True))
    captions = re.findall(r'alt="([^"]+)"><figcaption>(.+?)</figcaption>', page)
    assert len(captions) == len(shown)
    assert all(one == other for one, other in captions)


def test_the_predictions_are_the_explanations(page, models):
    found = cells(page)
    for model in models:
        for index, probability in model.shown.prediction.top(3):
            place = found.index(f"{probability:.6f}")
            assert NAMES[index] in found[place - 1 : place]


def test_the_numbers_of_the_methods_are_the_explanations(page, models):
    found = set(cells(page))
    _, mc, ap = (model.shown for model in models)
    for index in (2, 1):
        shown = group(mc.detail, index)
        assert {f"{shown.score:.6f}", f"{shown.diversity:.6f}"} <= found
        assert {f"{value:.4f}" for value in shown.overlap.flat} <= found
    for head in ap.detail.heads:
        assert {head.name, f"{head.probabilities.max():.6f}"} <= found
    for boxes in ap.detail.rois:
        assert {f"{box.score:.6f}" for box in boxes} <= found
    assert f"zoom factor {ap.detail.zoom_factor:.4f}" in page


def test_the_json_in_the_page_is_the_document(page, models):
    text = html.unescape(re.search(r"<pre>(.*?)</pre>", page, re.DOTALL)[1])
    subject = report.Subject(NAME, "ab" * 32, "2026-01-02T03:04:05+00:00", ("A note.",))
    assert json.loads(text) == json.loads(json.dumps(report.document(subject, models)))
    assert [len(model["top"]) for model in json.loads(text)["models"]] == [3, 3, 3]
    assert [entry["class"] for entry in json.loads(text)["models"][1]["mc"]["groups"]] == [NAMES[2], NAMES[1]]


def test_every_model_says_where_it_comes_from(reader, models):
    for model in models:
        for value in model.shown.origin.values():
            assert value in reader.text
    assert reader.text.count("62.5 % top-1") == 3


def test_a_report_without_models_is_refused():
    with pytest.raises(ValueError, match="expected at least one"):
        report.report(report.Subject("a", "b", "c"), [])


def test_the_class_and_its_rival_are_never_the_same(models):
    shown = models[1].shown
    first, second = (index for index, _ in shown.prediction.top(2))
    assert shown.asked().both == (first, second)
    assert shown.asked((second,)).both == (second, first)
    assert shown.asked((second, second)).both == (second, first)
    assert shown.asked((2, 1)).both == (2, 1)


def test_the_csv_has_every_probability_once(models):
    rows = list(csv.DictReader(io.StringIO(tables.predictions((m.label, m.shown) for m in models))))
    opinions = 1 + 1 + 12  # AP-CNN has the final one, two means, eight heads and the one with an ROI dropped
    assert len(rows) == len(NAMES) * opinions
    for model in models:
        mine = [row for row in rows if row["model"] == model.label]
        assert {row["sha256"] for row in mine} == {model.shown.origin["sha256"]}
        for opinion in tables.opinions(model.shown):
            said = {row["class"].lstrip("'"): row for row in mine if row["opinion"] == opinion.name}
            probabilities = [float(said[name]["probability"]) for name in NAMES]
            assert probabilities == pytest.approx(opinion.probabilities, abs=1e-6)
            assert said[NAMES[opinion.best]]["rank"] == "1"


def test_no_spreadsheet_takes_a_name_for_a_formula():
    text = tables.csv_text(("a", "b"), [("=1+1", -2.5), ("@x", 3), ("wren", 0.5)])
    assert text == "a,b\n'=1+1,-2.5\n'@x,3\nwren,0.5\n"
