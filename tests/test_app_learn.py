"""The lesson without a browser: every step, what its control changes, and the code that it shows."""

import inspect
import threading

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import checkpoints, resources, state
from app.components.lesson import step
from app.methods.ap.lesson import keys as ap_keys
from app.methods.baseline.lesson import ANOTHER
from app.methods.mc.lesson import board
from app.methods.mc.lesson import keys as mc_keys
from app.pages import learn
from app.pages.learn import STEPS
from app_helpers import write_checkpoints
from conftest import ROOT
from fgcore.data.synthetic import class_names, nearest_relative
from fgcore.methods import METHODS

NUMBERS = range(1, len(STEPS) + 1)
WITHOUT_MODEL = ("Look-alikes", "Spread over different places")
TITLES = {found.title: number for number, found in enumerate(STEPS, start=1)}


def lesson():
    from app import state
    from app.pages import learn

    state.prepare()
    learn.show()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_checkpoints(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def open_step(folder, monkeypatch):
    """Opens a step, by number or title, as a link does."""
    monkeypatch.setenv(checkpoints.VARIABLE, str(folder))

    def opened(number):
        app = AppTest.from_function(lesson, default_timeout=120)
        app.query_params["step"] = str(TITLES.get(number, number))
        app.run()
        assert not app.exception
        return app

    return opened


def words(app):
    """All text of the page but its code."""
    kinds = ("title", "markdown", "caption", "html", "error", "info")
    return (
        "\n".join(
            str(getattr(element, "value", "") or element.proto.body) for kind in kinds for element in app.get(kind)
        )
        .replace("\\", "")
        .replace("\u00a0", " ")
    )  # Markdown escapes, and spaces that keep units on their line


def button(app, key):
    (found,) = [found for found in app.button if found.key == key]
    return found


class Calls:
    """Which Python functions run in threads that start in the meantime."""

    def __enter__(self):
        self.codes = set()
        threading.settrace(lambda frame, event, _: self.codes.add(frame.f_code))  # None: calls only, no lines
        return self.codes

    def __exit__(self, *_):
        threading.settrace(None)


def test_the_lesson_has_about_a_dozen_steps_of_one_sentence_each():
    assert 12 <= len(STEPS) <= 14
    assert len(TITLES) == len(STEPS)
    for found in STEPS:
        assert found.sentence.endswith(".")
        assert ". " not in found.sentence
        assert len(found.sentence.split()) <= 35


@pytest.mark.parametrize("number", NUMBERS)
def test_a_step_shows_its_image_and_the_code_that_ran_for_it(open_step, number):
    st.cache_data.clear()
    resources._inspection.clear()
    resources.drawing.cache_clear()
    nearest_relative.cache_clear()
    with Calls() as called:
        app = open_step(number)
    found = STEPS[number - 1]
    assert app.title[0].value == found.title
    assert found.sentence in [text.value for text in app.markdown]
    assert f"step {number} of {len(STEPS)}" in words(app)
    assert not app.error
    assert not app.info
    assert app.get("plotly_chart") or app.get("image") or app.get("html")
    assert ("_birds.safetensors (sha256" in words(app)) == (found.title not in WITHOUT_MODEL)
    for function in found.code:
        assert inspect.unwrap(function).__code__ in called, function
    assert [code.value for code in app.code] == [learn.source(function).rstrip("\n") for function in found.code]


@pytest.mark.parametrize("function", [function for found in STEPS for function in found.code])
def test_the_code_shown_is_in_the_file_it_names(function):
    path, _, name = learn.address(function).partition(" · ")
    text = (ROOT / path).read_text(encoding="utf-8")
    shown = learn.source(function).splitlines()
    margin = next(line for line in text.splitlines() if line.strip() == shown[0].strip())
    margin = margin[: len(margin) - len(margin.lstrip())]
    assert "\n".join(margin + line if line else line for line in shown) in text
    assert f"def {name.rpartition('.')[2]}(" in shown[0] + "".join(shown[:2])


@pytest.mark.parametrize(
    ("title", "method"),
    [("What an ordinary network looks at", "baseline"), ("The strongest channel wins", "mc"), ("Zooming in", "ap")],
)
def test_without_its_checkpoint_a_step_shows_the_bird_and_how_to_train(open_step, tmp_path, monkeypatch, title, method):
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    app = open_step(title)
    assert next(info.value for info in app.info).startswith(f"There is no {METHODS[method].title} checkpoint")
    assert app.code[0].value == f"python -m fgcore train {method}_birds"
    assert len(app.get("plotly_chart")) == 1


def test_the_buttons_lead_from_step_to_step(open_step):
    app = open_step(1)
    assert [found.key for found in app.button] == ["lesson-next"]
    assert button(app, "lesson-next").label == STEPS[1].title
    button(app, "lesson-next").click().run()
    assert app.title[0].value == STEPS[1].title
    button(app, "lesson-previous").click().run()
    assert app.title[0].value == STEPS[0].title
    assert [found.key for found in open_step(len(STEPS)).button] == ["lesson-previous"]


@pytest.mark.parametrize("link", ["99", "two"])
def test_a_link_to_no_step_opens_the_first(open_step, link):
    assert open_step(link).title[0].value == STEPS[0].title


def test_a_guess_names_the_birds_and_the_discriminative_part(open_step):
    app = open_step("Look-alikes")
    assert "Ash Warbler" not in words(app)  # the names would tell
    app.segmented_control(key=state.learn.GUESS).set_value("Third").run()
    assert "It is the second" in words(app)
    app.segmented_control(key=state.learn.GUESS).set_value("Second").run()
    text = words(app)
    assert "Right: the second" in text
    assert "**eye ring**" in text
    assert text.count("**Ring-eyed Ash Warbler**") == 2
    assert text.count("**Ash Warbler**") == 1


@pytest.mark.parametrize(
    ("title", "kind", "key", "value"),
    [
        ("What an ordinary network looks at", "slider", ANOTHER, 6),
        ("Every class gets its own channels", "segmented_control", mc_keys.OWNER, 0),
        ("The right group must win", "segmented_control", mc_keys.TARGET, 0),
        ("The whole loss", "slider", mc_keys.TERMS, 7),
        ("Three levels of detail", "segmented_control", ap_keys.LEVEL, 5),
        ("Zooming in", "pills", ap_keys.ZOOM, []),
        ("Two passes, one answer", "segmented_control", ap_keys.PASS, "Both, the answer"),
    ],
)
def test_the_control_changes_what_the_step_says(open_step, title, kind, key, value):
    app = open_step(title)
    before = words(app)
    getattr(app, kind)(key=key).set_value(value).run()
    assert not app.exception
    assert words(app) != before


def test_the_mask_is_another_one_at_every_training_step(open_step):
    app = open_step("A random half is switched off")
    size = 512 // len(class_names("birds"))
    assert f"Step 1: {size // 2} of {size} channels are off" in words(app)
    app.slider(key=mc_keys.MASK).set_value(20).run()
    assert "has worked in" in words(app)
    assert "of 20 steps" in words(app)


def test_all_channels_on_the_stack_are_the_ccmp_of_the_group(open_step):
    app = open_step("The strongest channel wins")
    app.slider(key=mc_keys.STACK).set_value(21).run()
    assert "CCMP of 21 channels" in app.get("plotly_chart")[1].proto.spec
    assert "CCMP map lies on the eye ring" in words(app)


def test_more_overlap_keeps_other_regions(open_step):
    app = open_step("Regions for a closer pass")
    before = [chart.proto.spec for chart in app.get("plotly_chart")]
    app.slider(key=ap_keys.OVERLAP).set_value(0.9).run()
    assert [chart.proto.spec for chart in app.get("plotly_chart")] != before
    assert "**9** regions are kept" in words(app)  # 5 + 3 + 1


def test_some_training_steps_hide_a_region_and_some_none(open_step):
    app = open_step("One region is hidden")
    said = []
    for number in (1, 3):
        app.slider(key=ap_keys.DROP).set_value(number).run()
        said.append("nothing is hidden" in words(app))
    assert said == [True, False]


@pytest.mark.parametrize(
    "junk", [None, "abc", [], [[1, 2], [3, 4]], [[1, 2, 3]] * 3, [["a", 1]] * 3, [[float("nan"), 1]] * 3]
)
def test_whatever_a_browser_sends_the_board_stays_whole(junk):
    assert board.checked(junk) == board.START


def test_blobs_stay_on_the_board():
    assert board.checked([[-5, 3], [20, 99], [1, 2]]) == ((0, 3), (13, 13), (1, 2))


def test_the_lesson_speaks_of_a_bird_that_every_model_was_spared():
    image = step.drawn(step.BIRD, step.NUMBER)
    assert image.sample.seed >= 100_000_000  # training and test drawings have small seeds
    assert image.sample.discriminative_parts == ("eye_ring",)
    assert class_names("birds")[image.sample.relative] == "Ash Warbler"
