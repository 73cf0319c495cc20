"""The Inspect page without a browser: what a visitor sees first, and what each control changes."""

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import checkpoints, state
from app.methods.mc import session as mc_session
from app_helpers import PHOTO_CLASSES, figure, photograph, ran, words, write_two_label_sets
from conftest import ROOT
from fgcore.data.synthetic import class_names
from fgcore.methods.mc.channel_groups import draw_masks
from fgcore.methods.mc.output import group_sizes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_two_label_sets(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def app(folder, monkeypatch):
    """The app on its first visit, not yet run."""
    monkeypatch.setenv(checkpoints.VARIABLE, str(folder))
    st.cache_data.clear()
    st.cache_resource.clear()
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)


def upload(app, name, data):
    ran(app).segmented_control(key=state.sidebar.SOURCE).set_value("photo")
    ran(app)
    app.file_uploader(key=state.sidebar.UPLOAD).set_value((name, data, "application/octet-stream"))
    return ran(app)


def test_the_first_visit_shows_a_drawn_bird_and_three_opinions(app):
    shown = words(ran(app))
    assert "Ring-eyed Ash Warbler" in shown
    assert "**eye ring**" in shown
    for name in ("Baseline", "MC-Loss", "AP-CNN"):
        assert f"<h4>{name}</h4>" in shown
    assert shown.count('<ol class="fg-bars">') == 3 + 3  # a card each; stage I, stage II and mean
    assert not app.error
    assert {chart.proto.alt != "" for chart in app.get("plotly_chart")} == {True}


def test_every_chart_says_what_it_shows_and_every_model_where_it_comes_from(app):
    shown = words(ran(app))
    assert shown.count("<dt>sha256</dt>") == 3
    assert "62.5 % top-1 of 240 test images" in shown
    commands = {code.value for code in app.get("code")}
    assert "python -m fgcore train mc_birds" in commands


def test_without_checkpoints_the_page_says_what_to_do(app, tmp_path, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    ran(app)
    assert "No model to ask yet" in words(app)
    assert [code.value for code in app.get("code")] == ["python -m fgcore train baseline_birds"]
    assert not app.get("plotly_chart")


def test_a_damaged_checkpoint_is_named_and_the_others_work(app, folder, tmp_path, monkeypatch):
    for path in folder.glob("*_birds.safetensors"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "bad.safetensors").write_bytes(b"not a checkpoint")
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    ran(app)
    assert ["bad" in warning.value for warning in app.warning] == [True]
    assert "<h4>AP-CNN</h4>" in words(app)


def test_another_drawing_is_another_picture_of_the_same_class(app):
    before = ran(app).session_state[state.sidebar._CHOICE].image
    (button,) = [button for button in app.button if button.label == "Another"]
    button.click()
    after = ran(app).session_state[state.sidebar._CHOICE].image
    assert app.number_input(key=state.sidebar.DRAWING).value == 1
    assert after.sample.class_name == before.sample.class_name
    assert after.sha256 != before.sha256


def test_a_link_opens_its_drawing_and_class(app):
    app.query_params.update({"bird": "Fern Tit", "drawing": "4", "class": "Cobalt Jay"})
    shown = words(ran(app))
    image = app.session_state[state.sidebar._CHOICE].image
    assert (image.sample.class_name, image.name) == ("Fern Tit", "Fern Tit, drawing 4")
    assert "**Cobalt Jay** · the class" in shown


def test_a_link_to_nonsense_opens_the_first_picture(app):
    app.query_params.update({"bird": "Dodo", "drawing": "-3", "class": "Dodo", "picture": "ufo"})
    ran(app)
    assert app.session_state[state.sidebar._CHOICE].image.name == "Ring-eyed Ash Warbler, drawing 0"


def test_a_photograph_is_asked_of_the_models_that_learned_photographs(app):
    upload(app, "in the reeds.jpg", photograph())
    image = app.session_state[state.sidebar._CHOICE].image
    assert (image.source, image.pixels.shape, image.name) == ("photo", (240, 320, 3), "in the reeds.jpg")
    shown = words(app)
    assert "CUB-200-2011, 3 classes" in shown
    assert shown.count("<h4>") == 1
    assert any(name in shown for name in PHOTO_CLASSES)
    assert "of another kind" not in shown


def test_a_file_name_is_never_markdown_or_html(app):
    upload(app, "<img src=x> **bold** [link](http://x).jpg", photograph())
    shown = words(app)
    assert "<img" not in shown
    assert "**bold**" not in shown
    assert "[link]" not in shown


def test_a_bad_file_gets_one_sentence_and_nothing_is_lost(app):
    before = ran(app).session_state[state.sidebar._CHOICE].image
    upload(app, "notes.jpg", b"only words")
    (error,) = app.error
    assert "notes.jpg" in error.value
    assert "got text" in error.value
    assert app.session_state[state.sidebar._CHOICE].image.sha256 == before.sha256
    assert "<h4>AP-CNN</h4>" in words(app)


def test_a_bad_file_after_a_photograph_keeps_the_photograph(app):
    upload(app, "good.jpg", photograph())
    app.file_uploader(key=state.sidebar.UPLOAD).set_value(("bad.png", b"\x89PNG\r\n\x1a\n", "image/png"))
    ran(app)
    assert len(app.error) == 1
    assert app.session_state[state.sidebar._CHOICE].image.name == "good.jpg"


def test_going_back_to_the_photograph_finds_it_again(app):
    upload(app, "good.jpg", photograph())
    for source in ("car", "photo"):
        app.segmented_control(key=state.sidebar.SOURCE).set_value(source)
        ran(app)
    assert app.session_state[state.sidebar._CHOICE].image.name == "good.jpg"


def test_a_car_is_said_to_be_of_another_kind(app):
    ran(app).segmented_control(key=state.sidebar.SOURCE).set_value("car")
    assert "of another kind" in words(ran(app))


def test_the_maps_explain_the_chosen_class_and_its_contrast_class(app):
    names = class_names("birds")
    ran(app).selectbox(key=state.classes.CLASS).set_value(names[20])
    app.selectbox(key=state.classes.CONTRAST).set_value(names[3])
    shown = words(ran(app))
    assert "**Collared Dusk Swallow** · the class" in shown
    assert "**Rosehip Finch** · the contrast class" in shown
    titles = [annotation["text"] for annotation in figure(app, "cam")["layout"]["annotations"]]
    assert sum("Collared Dusk Swallow" in title for title in titles) == 3  # each model explains it


def test_a_class_is_never_its_own_contrast_class(app):
    name = class_names("birds")[20]
    ran(app).selectbox(key=state.classes.CLASS).set_value(name)
    app.selectbox(key=state.classes.CONTRAST).set_value(name)
    shown = words(ran(app))
    assert f"**{name}** · the class" in shown
    assert f"**{name}** · the contrast class" not in shown


def test_another_mask_drops_other_channels(app):
    struck = []
    ran(app)
    for _ in range(2):
        labels = figure(app, "mosaic-class")["data"][1]["text"]
        struck.append({label for label in labels if "<s>" in label})
        next(button for button in app.button if button.label == "Draw another mask").click()
        ran(app)
    assert {len(labels) for labels in struck} <= {21 // 2, 22 // 2}
    assert struck[0] != struck[1]


def test_the_mask_is_the_one_that_training_draws_for_all_classes_at_once(app):
    ran(app).session_state[mc_session.MASK_SEED] = 5
    ran(app)
    names = class_names("birds")
    sizes = group_sizes(512, len(names))  # SqueezeNet's channels
    kept, seen = draw_masks(sizes, 5), 0
    for side in ("class", "contrast"):
        for label in figure(app, f"mosaic-{side}")["data"][1]["text"]:
            number = int(label.replace("<s>", "").replace("</s>", ""))
            assert ("<s>" in label) == (not kept[number])
            seen += 1
    assert seen in (42, 43, 44)


def test_dropblocks_vary_and_a_step_without_one_is_told(app):
    ran(app)
    told = set()
    for _ in range(20):  # one of three draws drops nothing
        shown = words(app)
        nothing, something = "Nothing was dropped this time" in shown, "Without this one" in shown
        assert nothing != something
        told.add(nothing)
        if len(told) == 2:
            return
        next(button for button in app.button if button.label == "Drop another block").click()
        ran(app)
    pytest.fail(f"in 20 draws a block was always {'kept' if told == {True} else 'dropped'}")


def test_winners_are_shown_on_request(app):
    before = len(figure(ran(app), "ccmp")["data"])
    next(toggle for toggle in app.toggle if toggle.label == "Show which channel wins where").set_value(True)
    assert len(figure(ran(app), "ccmp")["data"]) == before + 4  # two pictures, two maps


def test_cells_are_shown_on_request(app):
    def smooth():
        return {trace["zsmooth"] for trace in figure(app, "ccmp")["data"] if trace["type"] == "heatmap"}

    ran(app)
    assert smooth() == {"best"}
    app.toggle(key=state.sidebar.CELLS).set_value(True)
    ran(app)
    assert smooth() == {False}


def test_the_discriminative_part_is_framed_where_it_was_drawn(app):
    choice = ran(app).session_state[state.sidebar._CHOICE]
    mask = choice.image.sample.part_masks["eye_ring"]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    shapes = figure(app, "cam")["layout"]["shapes"]
    assert len(shapes) == 4  # the picture and three maps
    # 256 pixels are resized to 104 and cut to 96
    scale, offset, margin = 104 / 256, -4, 3
    assert shapes[0]["x0"] == pytest.approx(columns[0] * scale + offset - margin - 0.5, abs=0.01)
    assert shapes[0]["y1"] == pytest.approx((rows[-1] + 1) * scale + offset + margin - 0.5, abs=0.01)


def test_no_model_chosen_is_told(app):
    ran(app)
    label_set = checkpoints.catalogue().label_sets[0]
    app.pills(key=state.sidebar.MODELS.format(label_set=label_set.key)).set_value([])
    assert "Choose a model" in words(ran(app))


def test_a_model_that_vanished_costs_one_card(app, folder, tmp_path, monkeypatch):
    for path in folder.glob("*_birds.safetensors"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    found = checkpoints.catalogue()
    monkeypatch.setattr(checkpoints, "catalogue", lambda: found)
    (tmp_path / "baseline_birds.safetensors").unlink()
    ran(app)
    assert len(app.error) == 1
    assert "<h4>MC-Loss</h4>" in words(app)


def test_a_class_that_the_next_models_do_not_know_is_forgotten(app):
    ran(app).selectbox(key=state.classes.CLASS).set_value(class_names("birds")[20])
    ran(app)
    upload(app, "in the reeds.jpg", photograph())
    assert app.selectbox(key=state.classes.CLASS).value == state.classes.FIRST_CHOICE


def test_two_copies_of_a_checkpoint_can_be_looked_at_together(app, folder, tmp_path, monkeypatch):
    data = (folder / "mc_birds.safetensors").read_bytes()
    (tmp_path / "mc_birds").mkdir()
    for name in ("mc_birds.safetensors", "mc_birds/best.safetensors"):
        (tmp_path / name).write_bytes(data)
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    ran(app)
    label_set = checkpoints.catalogue().label_sets[0]
    app.pills(key=state.sidebar.MODELS.format(label_set=label_set.key)).set_value(
        [str(entry.path) for entry in label_set.entries]
    )
    shown = words(ran(app))
    assert "<h4>MC-Loss (mc_birds)</h4>" in shown
    assert "<h4>MC-Loss (run mc_birds)</h4>" in shown
