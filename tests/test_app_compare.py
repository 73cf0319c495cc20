"""The Compare page without a browser: what it shows of two or three models, and what each control changes."""

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import checkpoints, resources, state
from app.components.compare import many
from app_helpers import figure, photograph, ran, words, write_two_label_sets
from fgcore.data.synthetic import class_names


def page():
    from app import state
    from app.components import picker
    from app.pages import compare

    state.prepare()
    state.sidebar.choose(picker.pick())
    compare.show()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of each method, and a second one of MC-Loss."""
    folder = write_two_label_sets(tmp_path_factory.mktemp("checkpoints"))
    (folder / "mc_again.safetensors").write_bytes((folder / "mc_birds.safetensors").read_bytes())
    st.cache_data.clear()  # once: these tests share what the models computed
    st.cache_resource.clear()
    return folder


@pytest.fixture
def app(folder, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(folder))
    return AppTest.from_function(page, default_timeout=240)


def titles(app, key):
    return " ".join(annotation["text"] for annotation in figure(app, key)["layout"]["annotations"])


def button(app, label):
    return next(button for button in app.button if button.label.startswith(label))


def choose(app, *names):
    """Choose models by the stems of their files."""
    label_set = checkpoints.catalogue().label_sets[0]
    paths = {entry.path.stem: str(entry.path) for entry in label_set.entries}
    app.pills(key=state.sidebar.MODELS.format(label_set=label_set.key)).set_value([paths[name] for name in names])
    return ran(app)


def test_the_first_visit_compares_one_model_of_each_method(app):
    shown = words(ran(app))
    assert not app.error
    names = titles(app, "maps")
    assert all(name in names for name in ("Baseline", "MC-Loss", "AP-CNN", "Grad-CAM", "CCMP", "ROI coverage"))
    assert titles(app, "overlap").count("both") == 3  # every pair
    assert "Nothing is covered yet" in shown
    assert "Pearson" in shown
    assert all(chart.proto.alt for chart in app.get("plotly_chart"))


def test_one_model_is_not_enough_and_four_are_too_many(app):
    ran(app)
    assert "Choose two or three models" in words(choose(app, "ap_birds"))
    assert not app.get("plotly_chart")
    shown = words(choose(app, "baseline_birds", "mc_again", "mc_birds", "ap_birds"))
    assert "the first 3 are compared" in shown
    assert titles(app, "overlap").count("both") == 3


def test_without_checkpoints_the_page_says_what_to_do(app, tmp_path, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    assert "No model to ask yet" in words(ran(app))


def test_two_files_of_one_network_agree_entirely(app):
    choose(ran(app), "mc_again", "mc_birds")
    (table,) = [html for html in app.get("html") if 'scope="col">Spearman' in html.proto.body]
    assert table.proto.body.count("<td>1.00</td>") == 4
    overlap = figure(app, "overlap")["data"][1]
    assert overlap["type"] == "heatmap"


def test_a_reference_map_is_shown_for_every_model_and_its_limits_are_told(app):
    name = class_names("birds")[3]
    app.query_params.update({"map": "FinerCAM", "rival": name})
    shown = words(ran(app))
    assert titles(app, "maps").count("FinerCAM") == 3
    assert shown.count(f"FinerCAM against {name}") == 3
    assert "stretched to 0 – 1 each" in shown
    assert shown.count(f"FinerCAM against {name}, stage I, stride") == 1  # AP-CNN's second pass sees a crop


def test_a_link_opens_ap_cnns_gate_and_the_class(app):
    name = class_names("birds")[20]
    app.query_params.update({"ap_map": "gate 4", "class": name})
    ran(app)
    assert "gate 4" in titles(app, "maps")
    assert titles(app, "maps").count(name) == 3


def test_maps_of_one_kind_can_share_a_scale_and_others_are_not_asked(app):
    assert "updatemenus" not in figure(ran(app), "maps")["layout"]  # three kinds of map
    choose(app, "mc_again", "mc_birds")
    assert "updatemenus" not in figure(app, "maps")["layout"]  # the same range already


def test_a_covered_part_changes_what_the_models_say(app):
    app.query_params.update({"left": "20", "top": "20", "right": "80", "bottom": "70", "fill": "mean colour"})
    shown = words(ran(app))
    assert shown.count('<th scope="col">before</th>') == 3
    assert "has the image's mean colour" in shown
    shape = figure(app, state.compare.PHOTO)["layout"]["shapes"][-1]
    assert (shape["x0"], shape["y1"]) == pytest.approx((0.2 * 96 - 0.5, 0.7 * 96 - 0.5))
    button(app, "Uncover").click()
    assert "Nothing is covered yet" in words(ran(app))


def test_the_discriminative_part_can_be_covered_with_one_click(app):
    button(ran(app), "Cover the eye ring").click()
    ran(app)
    left, top, right, bottom = (app.session_state[key] for key in state.compare.SIDES)
    mask = app.session_state[state.sidebar._CHOICE].image.sample.part_masks["eye_ring"]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    scale, offset = 104 / 256, -4  # 256 pixels are resized to 104 and cut to 96
    assert left <= 100 * (columns[0] * scale + offset) / 96 < 100 * (columns[-1] * scale + offset) / 96 <= right
    assert top <= 100 * (rows[0] * scale + offset) / 96 < 100 * (rows[-1] * scale + offset) / 96 <= bottom


def test_a_box_of_nonsense_covers_nothing(app):
    app.query_params.update({"left": "80", "right": "20", "top": "-7", "bottom": "900", "fill": "glitter"})
    assert "Nothing is covered yet" in words(ran(app))


def test_faithfulness_is_measured_on_request_and_beside_a_random_map(app):
    choose(ran(app), "baseline_birds", "mc_birds")
    assert "ROAD of a random map" not in words(app)
    button(app, "Measure how faithful").click()
    shown = words(ran(app))
    assert "ROAD of a random map" in shown
    assert shown.count("random map, lowest first") == 2
    app.query_params["class"] = class_names("birds")[5]
    app.selectbox(key=state.classes.CLASS).set_value(class_names("birds")[5])
    assert "ROAD of a random map" not in words(ran(app))  # another question


def test_many_drawings_are_compared_and_one_is_opened(app):
    choose(ran(app), "baseline_birds", "mc_birds")
    app.slider(key=state.compare.COUNT).set_value(3)
    ran(app)
    button(app, "Compare on 3 images").click()
    assert "Mean over 3 images" in words(ran(app))
    assert "Named rightly: Baseline" in words(app)
    (table,) = app.dataframe
    assert list(table.value["Image"]) == [f"Ring-eyed Ash Warbler, drawing {number}" for number in range(3)]
    assert table.value["Baseline and MC-Loss (mc_birds)"].between(-1, 1).all()


def test_uploaded_images_are_compared_and_a_bad_one_costs_one_sentence(app):
    choose(ran(app), "baseline_birds", "mc_birds")
    app.segmented_control(key=state.compare.PICTURES).set_value("My files")
    ran(app)
    uploader = app.file_uploader(key=state.compare.FILES)
    uploader.upload("one.jpg", photograph()).upload("notes.jpg", b"only words")
    ran(app)
    button(app, "Compare on 2 images").click()
    ran(app)
    (error,) = app.error
    assert "notes.jpg" in error.value
    assert "Mean over 1 images" in words(app)
    assert list(app.dataframe[0].value["Image"]) == ["one.jpg"]


def test_a_model_that_vanished_costs_one_sentence(app, folder, tmp_path, monkeypatch):
    for path in folder.glob("*_birds.safetensors"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "ap_birds.safetensors").write_bytes((folder / "ap_birds.safetensors").read_bytes())
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    found = checkpoints.catalogue()
    monkeypatch.setattr(checkpoints, "catalogue", lambda: found)
    monkeypatch.setattr(resources, "explanation", refuse_mc(resources.explanation))
    ran(app)
    assert [error.value for error in app.error] == ["gone"]
    assert titles(app, "overlap").count("both") == 1  # two models are left


def refuse_mc(explanation):
    def refusing(entry, image, **settings):
        if entry.method == "mc":
            raise OSError("gone")
        return explanation(entry, image, **settings)

    return refusing


def test_a_row_of_the_table_opens_its_image(monkeypatch):
    remembered = {state.compare.TABLE: {"selection": {"rows": [1]}}}
    monkeypatch.setattr(st, "session_state", remembered)
    drawings = many._drawings_of("bird", 8, 3)
    many._open(drawings)
    assert remembered[state.sidebar.DRAWING] == 1


def test_a_row_of_an_upload_opens_as_the_photograph(monkeypatch):
    remembered = {state.compare.TABLE: {"selection": {"rows": [0]}}, state.sidebar._PHOTO: None}
    monkeypatch.setattr(st, "session_state", remembered)
    many._open([many._file_item("one.jpg", "id", photograph())])
    assert remembered[state.sidebar.SOURCE] == "photo"
    assert remembered[state.sidebar._PHOTO].image.name == "one.jpg"
