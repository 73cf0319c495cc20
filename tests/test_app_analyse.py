"""The Analyse page without a browser, on a small analysis of untrained networks."""

import json
import os
import time

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import checkpoints, places, sets, state
from app.charts import analysis as charts
from app.components import picker
from app.jobs import control, jobs, runner
from app.jobs.requests import Analysing
from app_helpers import PHOTO_CLASSES, ran, words, write_checkpoint
from conftest import ROOT
from fgcore.data.synthetic import class_names
from fgcore.evaluation import store, tables


def test_a_model_of_photographs_opens_on_its_test_pictures_where_they_are_here(tmp_path, monkeypatch):
    write_checkpoint(tmp_path / "photos.safetensors", "baseline", PHOTO_CLASSES, "cub")
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    (world,) = checkpoints.catalogue().label_sets
    monkeypatch.setattr(sets, "images", lambda _: None)
    assert picker.address(world, world.entries[0]) == {"picture": "Photo", "models": "photos"}
    monkeypatch.setattr(sets, "images", lambda _: object())
    place = {"picture": "Set", "set": world.title, "test_picture": "0"}
    assert picker.address(world, world.entries[0]) == place | {"models": "photos"}


@pytest.fixture
def app(analysed, monkeypatch):
    """The page before its first run, without the sidebar."""
    models, folder = analysed
    monkeypatch.setenv(checkpoints.VARIABLE, str(models))
    monkeypatch.setenv(places.ANALYSES, str(folder))
    st.cache_data.clear()
    st.cache_resource.clear()
    page = "from app import state\nfrom app.pages import analyse\nstate.prepare()\nanalyse.show()"
    return AppTest.from_string(page, default_timeout=120)


def figure(app):
    (chart,) = app.get("plotly_chart")
    return json.loads(chart.proto.spec)


def read(analysed):
    return store.read(analysed[1] / "birds")


def test_the_summary_shows_the_discriminative_parts_first_with_controls_in_grey(app, analysed):
    shown = words(ran(app))
    assert "24 test images" in shown
    assert app.selectbox(key=state.analyse.MEASURE).value == "pointing_discriminative"
    labels = {label for trace in figure(app)["data"] for label in trace["y"]}
    assert {"CCMP · MC-Loss", "ROIs · AP-CNN", "random", "centre bias"} <= labels
    table = app.dataframe[0].value
    assert {"wins", "ties", "loses"}.isdisjoint(table["Against control"])
    assert len(table) == len(read(analysed).summary)


def test_another_measure_is_drawn_and_explained(app):
    ran(app).selectbox(key=state.analyse.MEASURE).set_value("group_rank")
    shown = words(ran(app))
    assert "Place of the true class's group by g; 1 is pure. Less is better." in shown
    labels = [label for trace in figure(app)["data"] for label in trace["y"]]
    assert labels == ["itself · MC-Loss", "random · MC-Loss"]


def test_a_hidden_model_leaves_the_tables(app):
    ran(app).pills(key=state.analyse.SHOWN.format(analysis="birds")).set_value(["mc_birds"])
    assert set(ran(app).dataframe[0].value["Model"]) == {"MC-Loss"}
    app.pills(key=state.analyse.SHOWN.format(analysis="birds")).set_value([])
    assert "Choose a model" in words(ran(app))


def test_mistakes_show_the_most_confused_pair_with_its_pictures(app, analysed):
    app.query_params["look"] = "Mistakes"
    shown = words(ran(app))
    analysis = read(analysed)
    pair = tables.confused_pairs(analysis.images, "mc_birds").iloc[0]
    names = class_names("birds")
    assert f"{names[int(pair['first'])]} and {names[int(pair['second'])]}" in shown
    rows = tables.examples(analysis.images, "mc_birds", int(pair["first"]), int(pair["second"]))
    assert sum("taken for" in caption.value for caption in app.caption) == min(8, len(rows))
    assert sum(button.label == "Inspect" for button in app.button) == min(8, len(rows))


def test_two_models_are_compared_and_filtered(app, analysed):
    app.query_params["look"] = "Two models"
    ran(app)
    analysis = read(analysed)
    both = tables.side_by_side(analysis.images, analysis.maps, "mc_birds", "ap_birds")
    differences, pictures = (frame.value for frame in app.dataframe)
    assert {"Measure", "MC-Loss", "AP-CNN", "Difference"} <= set(differences)
    assert len(pictures) == both["predictions_differ"].sum() > 0
    app.selectbox(key=state.analyse.FILTER).set_value("parts_differ")
    name = class_names("birds")[int(both.loc[both["parts_differ"], "target"].iloc[0])]
    app.selectbox(key=state.analyse.CLASS.format(analysis="birds")).set_value(name)
    ran(app)
    assert app.dataframe[1].value["Class"].unique().tolist() == [name]


def test_without_an_analysis_the_page_offers_to_make_one(app, tmp_path, monkeypatch):
    monkeypatch.setenv(places.ANALYSES, str(tmp_path))
    shown = words(ran(app))
    assert "There is no finished analysis yet" in shown
    (code,) = app.get("code")
    assert code.value.startswith("python -m fgcore analyse --checkpoint ")
    assert "--data test_per_class=2 --faithfulness 8" in code.value


def test_a_name_that_is_a_path_is_refused(app, tmp_path, monkeypatch):
    monkeypatch.setenv(places.ANALYSES, str(tmp_path))
    started = []
    monkeypatch.setattr(control, "submit", started.append)
    ran(app).text_input(key=state.analyse.NEW).set_value("../elsewhere")
    ran(app).button(key="ana_start").click()
    assert "a name needs letters" in words(ran(app))
    assert not started
    app.text_input(key=state.analyse.NEW).set_value("mine")
    ran(app).button(key="ana_start").click()
    ran(app)
    (wanted,) = started
    assert (wanted.name, wanted.data, len(wanted.checkpoints)) == ("mine", ("test_per_class=2",), 3)


def test_a_damaged_analysis_costs_one_sentence(app, analysed, tmp_path, monkeypatch):
    (tmp_path / "birds").mkdir()
    for path in (analysed[1] / "birds").glob("*.*"):
        (tmp_path / "birds" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "birds" / "maps.parquet").write_bytes(b"no table")
    monkeypatch.setenv(places.ANALYSES, str(tmp_path))
    ran(app)
    (error,) = app.error
    assert "holds no analysis that can be read" in error.value


def test_an_analysis_runs_as_a_process_and_tells_how_it_ended(analysed, tmp_path, monkeypatch):
    monkeypatch.setenv(places.ANALYSES, str(tmp_path))
    monkeypatch.setenv(places.RUNS, str(tmp_path / "runs"))
    wanted = Analysing("small", (str(analysed[0] / "baseline_birds.safetensors"),), ("test_per_class=0",))
    assert control.submit(wanted).live  # the page has something to show at once
    deadline = time.time() + 180
    while (job := jobs.find("analyse", "small")).live:
        assert time.time() < deadline
        time.sleep(0.2)
    assert job.state == "failed"
    assert job.problem.startswith("synthetic birds needs test images")
    assert store.progress(job.path) is None  # nothing was measured


def test_an_analysis_is_on_the_page_as_soon_as_it_was_asked_for(app, tmp_path, monkeypatch):
    monkeypatch.setenv(places.ANALYSES, str(tmp_path / "analyses"))
    monkeypatch.setenv(places.RUNS, str(tmp_path / "runs"))
    monkeypatch.setattr(runner, "start_runner", lambda: None)
    ran(app).button(key="ana_start").click()
    ran(app)
    (bar,) = app.get("progress")
    assert "waits, place 1" in bar.proto.text
    app.button(key="ana_stop_synthetic_birds").click()
    ran(app)
    assert jobs.find("analyse", "synthetic_birds").state == "stopped"


def test_how_far_an_analysis_is_comes_from_its_files(analysed, tmp_path, monkeypatch):
    source = analysed[1] / "birds"
    (tmp_path / "half" / "chunks").mkdir(parents=True)
    about = json.loads((source / "analysis.json").read_text())
    about["settings"]["chunk"] = 12  # of 24 pictures
    (tmp_path / "half" / "analysis.json").write_text(json.dumps(about))
    monkeypatch.setenv(places.ANALYSES, str(tmp_path))
    (tmp_path / "half" / "chunks" / "00000.images.parquet").touch()
    (job,) = jobs.listing("analyse")
    assert (job.name, job.state, store.progress(job.path)) == ("half", "interrupted", (1, 2))


def test_a_link_to_a_test_picture_opens_it_with_its_class(analysed, monkeypatch):
    models, _ = analysed
    monkeypatch.setenv(checkpoints.VARIABLE, str(models))
    st.cache_resource.clear()
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
    app.query_params.update({"picture": "Set", "test_picture": "25", "models": "mc_birds"})
    ran(app)
    picture = app.session_state[state.sidebar._CHOICE].image
    world = checkpoints.catalogue().label_sets[0]
    assert picture.label == class_names("birds")[2]  # ten test pictures per class
    assert (picture.name, picture.source) == (f"{picture.label}, test image 25", "bird")
    assert picture.pixels.shape == (104, 104, 3)
    assert [entry.name for entry in app.session_state[state.sidebar._CHOICE].entries] == ["mc_birds"]
    assert sets.place(world, "birds/002/500005") == 25
    assert sets.place(world, "birds/002/1") is None  # a training picture
    with pytest.raises(ValueError, match="test image 9999"):
        sets.image(world, 9999)


def test_a_set_that_is_not_here_is_not_offered(analysed, tmp_path, monkeypatch):
    monkeypatch.delenv("FG_DATA", raising=False)
    st.cache_resource.clear()
    write_checkpoint(tmp_path / "photos.safetensors", "baseline", PHOTO_CLASSES, "cub")
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    assert sets.available(checkpoints.catalogue()) == {}
    assert "FG_DATA" not in os.environ


def test_a_figure_draws_each_interval():
    rows = pd.DataFrame(
        {"model": ["a", ""], "map": ["ccmp", "random"], "mean": [0.5, 0.2], "low": [0.4, 0.1], "high": [0.7, 0.3]}
    ).assign(images=9)
    shown = charts.measure_figure(rows, {"ccmp": "CCMP", "random": "random"}, "Energy", percent=True)
    first, control = shown.data
    assert (first.y[0], control.y[0]) == ("CCMP · a", "random")
    assert (first.error_x.array[0], first.error_x.arrayminus[0]) == pytest.approx((0.2, 0.1))
    assert control.marker.color != first.marker.color
