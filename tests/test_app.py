"""The app's states, without a browser."""

import io
import json

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from app import state
from app.methods.ap import session as ap_session
from app.methods.mc import session as mc_session
from app_helpers import write_checkpoints
from conftest import ROOT
from fgcore.data import synthetic


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_checkpoints(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def app(folder, monkeypatch):
    st.cache_data.clear()
    st.cache_resource.clear()
    monkeypatch.setenv("FG_CHECKPOINTS", str(folder))
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)


def texts(app):
    elements = [*app.title, *app.header, *app.subheader, *app.markdown, *app.caption]
    return " ".join(element.value for element in elements).replace("\\", "")  # Markdown escapes


def jpeg(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


def test_the_first_visit_shows_a_drawn_bird_and_what_every_model_says(app):
    app.run()
    assert not app.exception
    assert not app.error
    shown = texts(app)
    assert "Ring-eyed Ash Warbler" in shown
    assert "every class owns its channels" in shown
    assert "a first pass, and a closer one" in shown
    assert "Grad-CAM" in shown


def test_another_class_is_explained_when_it_is_chosen(app):
    app.run()
    name = synthetic.class_names("birds")[5]
    app.selectbox(key=state.classes.CLASS).select(name).run()
    assert not app.exception
    assert name in texts(app)


def test_the_redraw_buttons_draw_another_mask_and_another_dropblock(app):
    app.run()
    for name, key in (("redraw-mask", mc_session.MASK_SEED), ("redraw-drop", ap_session.DROP_SEED)):
        before = app.session_state[key] if key in app.session_state else 0  # noqa: SIM401 - AppTest has no get
        next(button for button in app.button if button.key and button.key.startswith(name)).click().run()
        assert not app.exception
        assert app.session_state[key] == before + 1


def test_an_uploaded_photo_is_inspected(app):
    app.run()
    app.segmented_control(key=state.sidebar.SOURCE).set_value("photo").run()
    pixels = np.random.default_rng(0).integers(0, 256, (150, 220, 3), np.uint8)
    app.file_uploader(key=state.sidebar.UPLOAD).upload("my *bird*.jpg", jpeg(pixels)).run()
    assert not app.exception
    assert not app.error
    assert app.session_state[state.sidebar._SHOWN].source == "photo"
    assert app.session_state[state.sidebar._SHOWN].pixels.shape == (150, 220, 3)


def test_a_file_that_is_no_image_is_refused_and_the_page_keeps_the_one_before(app):
    app.run()
    app.segmented_control(key=state.sidebar.SOURCE).set_value("photo").run()
    before = app.session_state[state.sidebar._SHOWN]
    app.file_uploader(key=state.sidebar.UPLOAD).upload("bird.jpg", b"this is no picture at all").run()
    assert not app.exception
    assert len(app.error) == 1
    assert "bird.jpg" in app.error[0].value
    assert app.session_state[state.sidebar._SHOWN].sha256 == before.sha256
    assert "a first pass, and a closer one" in texts(app)


def test_without_checkpoints_the_page_says_what_to_do(app, tmp_path, monkeypatch):
    monkeypatch.setenv("FG_CHECKPOINTS", str(tmp_path))
    app.run()
    assert not app.exception
    assert "python -m fgcore train" in texts(app) + " ".join(code.value for code in app.code)


def test_a_broken_checkpoint_among_good_ones_is_named_and_the_others_work(app, folder, tmp_path, monkeypatch):
    (tmp_path / "mc_birds.safetensors").write_bytes((folder / "mc_birds.safetensors").read_bytes())
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    monkeypatch.setenv("FG_CHECKPOINTS", str(tmp_path))
    app.run()
    assert not app.exception
    assert any("broken" in warning.value for warning in app.warning)
    assert "every class owns its channels" in texts(app)


def test_a_mosaic_is_one_heat_map_with_gaps(app):
    app.run()
    figures = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    heatmaps = [[trace for trace in figure["data"] if trace["type"] == "heatmap"] for figure in figures]
    assert any(len(traces) == 1 for traces in heatmaps)
