"""A method that only the tests know, on every page in a real browser: with a view of its own, and without one."""

import os
import re
import subprocess
import sys

import pytest

import toy_method
import toy_view
from browser_helpers import READY, complaints_in, serve, settle
from conftest import ROOT

pytestmark = pytest.mark.e2e
BOTH = "models=toy,plain"


@pytest.fixture(scope="module")
def address(tmp_path_factory, chromium):
    """The app with both toys installed as packages: one trained run of each, a third that knows all birds, numbers."""
    place = tmp_path_factory.mktemp("open")
    site = toy_view.install(toy_method.install(place / "site"))
    environment = {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}

    def program(*words):
        command = [sys.executable, "-m", "fgcore", *map(str, words)]
        done = subprocess.run(
            command, cwd=place, env=os.environ | environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]

    program("train", "toy_birds", "--out", "runs/toy", "epochs=1")
    program("train", "toy_birds", "--out", "runs/plain", "epochs=1", "method=plain_toy")
    all_birds = ("classes=0", "epochs=1", "train_per_class=2", "test_per_class=1")
    program("train", "toy_birds", "--out", "runs/all", *all_birds)
    models = [("--checkpoint", f"runs/{name}/best.safetensors") for name in ("toy", "plain")]
    program("analyse", *models[0], *models[1], "--out", "analyses/toys", "--faithfulness", "0")
    folders = {"FG_RUNS": "runs", "FG_ANALYSES": "analyses", "FG_CHECKPOINTS": "checkpoints"}
    log = place / "app.log"
    with serve(log, **environment, **{name: str(place / folder) for name, folder in folders.items()}) as address:
        yield address
    assert complaints_in(log) == []


def rests(page):
    page.wait_for_selector(READY)
    assert page.locator("[data-testid=stException]").count() == 0


def test_inspect_shows_its_section_and_of_a_method_without_a_view_what_its_detail_holds(page, address):
    page.goto(f"{address}/?{BOTH}")
    settle(page, models=2)
    page.get_by_text("The Toy attends to 0.").wait_for()
    page.get_by_role("heading", name="The Plain Toy: what it shows of itself").wait_for()
    page.locator("[class*=st-key-strip-own] .js-plotly-plot").wait_for()
    page.get_by_text("The toy's attention").wait_for()  # a table of its detail
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    report = download.value.path().read_text(encoding="utf-8")
    assert "The Toy" in report
    assert "The Plain Toy" in report
    rests(page)


def test_it_has_a_page_of_its_own_in_the_navigation(page, address):
    page.goto(f"{address}/?{BOTH}")
    settle(page, models=2)
    page.get_by_role("link", name="The Toy", exact=True).click()
    page.get_by_role("heading", name="The Toy's own page").wait_for()
    page.locator("[class*=st-key-toy-page] .js-plotly-plot").wait_for()
    rests(page)


def test_compare_shows_its_own_map_in_its_own_words(page, address):
    page.goto(f"{address}/compare?{BOTH}")
    page.get_by_text("The Toy: where its attention lies").wait_for()
    page.get_by_text("The Plain Toy: its own map, toy attention").wait_for()
    page.locator(".st-key-maps .js-plotly-plot").wait_for()
    page.get_by_text(re.compile("The Toy: toy attention, 4 × 4, .*, from 0 to 1")).wait_for()
    page.get_by_role("heading", name="Many images").wait_for()
    rests(page)


def test_learn_ends_with_its_step(page, address):
    page.goto(f"{address}/learn?step=15")
    page.get_by_role("heading", name="What the toy sees").wait_for()
    page.get_by_text("The toy's attention has a mean of 0.").wait_for()
    rests(page)


def test_checkpoints_lists_it(page, address):
    page.goto(f"{address}/checkpoints")
    page.get_by_text("Drawn birds, 3 classes").wait_for()
    page.get_by_text("Drawn birds, 24 classes").wait_for()
    rests(page)
    assert page.locator(".fg-model h4").all_inner_texts().count("The Toy") == 2
    assert page.locator(".fg-model h4").all_inner_texts().count("The Plain Toy") == 1


def test_train_offers_its_recipe_and_settings_and_shows_its_filmstrip(page, address):
    page.goto(f"{address}/train?run=new")
    page.get_by_role("radio", name="The Toy", exact=True).click()
    page.get_by_text("More settings").click()
    page.get_by_label("Pull of the toy's centres").wait_for()
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("has finished").wait_for(timeout=240_000)
    page.get_by_text("The toy's attention after every epoch.").wait_for()
    page.get_by_text("The toy was watched for 4 epochs.").wait_for()  # the untrained network among them
    for title in ("The toy's attention", "Mean attention"):
        page.locator(".st-key-strip-film .annotation-text", has_text=title).first.wait_for()
    rests(page)


def test_analyse_tells_its_map_and_its_measure(page, address):
    page.goto(f"{address}/analyse?measure=Toy+peak")
    page.get_by_role("combobox", name="Measure").wait_for()
    page.get_by_text("The highest attention.").wait_for()
    rests(page)
    page.goto(f"{address}/analyse?measure=Pointing,+object")
    page.locator(".ytick text", has_text="toy attention · The Toy").wait_for()
    rests(page)
