"""The sidebar's models in the address, and its camera, without the pages."""

import pytest
from streamlit.testing.v1 import AppTest

from app import checkpoints, state
from app_helpers import PHOTO_CLASSES, write_checkpoint, write_two_label_sets


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_two_label_sets(tmp_path_factory.mktemp("checkpoints"))
    run = folder / "mc-run-7"
    run.mkdir()
    write_checkpoint(run / "best.safetensors", "mc", PHOTO_CLASSES, "cub")
    return folder


def sidebar():
    from app import state
    from app.components import picker

    state.prepare()
    state.sidebar.choose(picker.pick())


@pytest.fixture
def app(folder, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(folder))
    return AppTest.from_function(sidebar, default_timeout=60)


def chosen(app):
    app.run()
    assert not app.exception
    return [entry.name for entry in app.session_state[state.sidebar._CHOICE].entries]


def linked(app):
    return app.query_params.get(state.sidebar.MODELS_LINK)


def test_the_first_visit_has_a_plain_address(app):
    assert chosen(app) == ["baseline_birds", "mc_birds", "ap_birds"]
    assert linked(app) is None


def test_a_link_opens_its_models(app):
    app.query_params[state.sidebar.MODELS_LINK] = "ap_birds,mc_birds"
    assert chosen(app) == ["mc_birds", "ap_birds"]
    assert linked(app) == "mc_birds,ap_birds"


def test_a_link_opens_the_classes_that_its_models_know(app):
    app.query_params[state.sidebar.MODELS_LINK] = "mc-run-7"
    assert chosen(app) == ["mc-run-7"]
    assert app.session_state[state.sidebar._CHOICE].label_set.class_names == PHOTO_CLASSES


def test_names_that_nobody_knows_are_ignored(app):
    app.query_params[state.sidebar.MODELS_LINK] = "../etc,mc_birds,<b>"
    assert chosen(app) == ["mc_birds"]


@pytest.mark.parametrize("nonsense", ["", ",,", "dodo", "*" * 3000])
def test_a_link_to_nothing_known_is_a_first_visit(app, nonsense):
    app.query_params[state.sidebar.MODELS_LINK] = nonsense
    assert chosen(app) == ["baseline_birds", "mc_birds", "ap_birds"]
    assert linked(app) is None


def test_another_choice_is_another_address_and_the_first_one_a_plain_one(app):
    chosen(app)
    (pills,) = [group for group in app.button_group if group.key.startswith("models_")]
    everything = pills.value
    pills.set_value(everything[1:2])
    assert chosen(app) == ["mc_birds"]
    assert linked(app) == "mc_birds"
    app.button_group(key=pills.key).set_value(everything)
    assert len(chosen(app)) == 3
    assert linked(app) is None


def test_a_later_address_is_followed_and_then_the_visitor(app):
    app.query_params[state.sidebar.MODELS_LINK] = "ap_birds"
    assert chosen(app) == ["ap_birds"]
    app.query_params[state.sidebar.MODELS_LINK] = "baseline_photos"
    assert chosen(app) == ["baseline_photos"]
    (pills,) = [group for group in app.button_group if group.key.startswith("models_")]
    pills.set_value([])
    assert chosen(app) == []


def test_a_chosen_model_that_was_deleted_is_no_longer_chosen(app, folder, tmp_path, monkeypatch):
    for path in folder.glob("*_birds.safetensors"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    app.query_params[state.sidebar.MODELS_LINK] = "mc_birds,ap_birds"
    assert chosen(app) == ["mc_birds", "ap_birds"]
    (tmp_path / "mc_birds.safetensors").unlink()
    assert chosen(app) == ["ap_birds"]
    assert not app.warning


def test_the_camera_comes_only_when_it_is_asked_for(app):
    app.query_params[state.sidebar.SOURCE] = "Photo"
    chosen(app)
    assert (len(app.get("camera_input")), len(app.get("file_uploader"))) == (0, 1)
    app.toggle(key=state.sidebar.CAMERA_ON).set_value(True)
    chosen(app)
    assert (len(app.get("camera_input")), len(app.get("file_uploader"))) == (1, 0)
