"""Several visitors at once: right pictures and right answers for each; and what they share is bounded."""

import ast
import contextlib
import re

import pytest

from app.components.text import percent
from app.resources import drawing
from app_helpers import write_checkpoints
from browser_helpers import answers, complaints_in, settle, visitor
from conftest import ROOT
from fgcore.data.synthetic import class_names
from fgcore.inspection.inspector import Inspector

VISITORS = [(0, 0), (3, 1), (7, 2), (11, 3), (18, 4), (23, 5)]  # class and number of the drawing


@pytest.mark.e2e
def test_six_sessions_at_once_see_their_own_pictures_and_answers(browser, server, tmp_path):
    names = class_names("birds")
    with contextlib.ExitStack() as stack:
        pages = [stack.enter_context(visitor(browser)) for _ in VISITORS]
        for page, (index, number) in zip(pages, VISITORS, strict=True):
            page.goto(f"{server[0]}/?bird={names[index].replace(' ', '+')}&drawing={number}", wait_until="commit")
        for page in pages:
            settle(page, models=3)
            page.locator(".st-key-strip-cam .js-plotly-plot").wait_for()
        said = [answers(page) for page in pages]
        for page, (index, number) in zip(pages, VISITORS, strict=True):
            shown = page.get_by_text("sha256 of its pixels").inner_text()
            assert page.locator("h3", has_text=names[index]).count() == 1
            assert shown.endswith(sha256_of(index, number)[:12])
    models = {
        label: Inspector(write_checkpoints(tmp_path) / f"{method}_birds.safetensors")
        for label, method in (("Baseline", "baseline"), ("MC-Loss", "mc"), ("AP-CNN", "ap"))
    }
    for told, (index, number) in zip(said, VISITORS, strict=True):
        for label, model in models.items():
            _, said_alone = model.predict(drawing("bird", index, number).image)
            ((best, probability),) = said_alone.top(1)
            assert told[label] == (names[best], percent(probability))
    assert complaints_in(server[1]) == []


def sha256_of(index, number):
    from fgcore.data.images import pixels_sha256

    return pixels_sha256(drawing("bird", index, number).image)


def unbounded(source):
    """Names of cached functions of a module that could grow for ever."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            for decorator in map(ast.unparse, node.decorator_list):
                caches = re.search(r"\b(cache_data|cache_resource|lru_cache|cache)\b", decorator)
                if caches and not re.search(r"(max_entries|maxsize)=\d+", decorator):
                    yield node.name


def test_every_cache_of_the_app_is_bounded():
    assert list(unbounded("@st.cache_data\ndef a(): ...\n@st.cache_data(max_entries=3)\ndef b(): ...")) == ["a"]
    assert list(unbounded("@lru_cache(maxsize=None)\ndef a(): ...\n@functools.cache\ndef b(): ...")) == ["a", "b"]
    files = [*(ROOT / "app").rglob("*.py"), ROOT / "streamlit_app.py"]
    found = {path.name: names for path in files if (names := list(unbounded(path.read_text(encoding="utf-8"))))}
    assert found == {}
