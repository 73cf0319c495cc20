"""The page of checkpoints without a browser: what it tells, what it keeps, what it refuses."""

import pickle

import pytest
from streamlit.testing.v1 import AppTest

from app import checkpoints, state
from app_helpers import PHOTO_CLASSES, ran, write_checkpoint
from fgcore.data.synthetic import class_names
from fgcore.runs import store


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Checkpoints by name, to be copied: two of birds, one of photographs."""
    folder = tmp_path_factory.mktemp("shelf")
    for method in ("mc", "ap"):
        write_checkpoint(folder / f"{method}_birds.safetensors", method, class_names("birds"), "synthetic_birds")
    write_checkpoint(folder / "mine.safetensors", "mc", PHOTO_CLASSES, "cub")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(shelf, tmp_path, monkeypatch):
    """The server's folder, with the checkpoints of birds."""
    for name in ("mc_birds.safetensors", "ap_birds.safetensors"):
        (tmp_path / name).write_bytes(shelf[name])
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    return tmp_path


def page():
    from app import state
    from app.pages import checkpoints

    state.prepare()
    checkpoints.show()


@pytest.fixture
def app(folder):
    return ran(AppTest.from_function(page, default_timeout=60))


def words(app):
    kinds = ("title", "subheader", "markdown", "caption", "html", "code", "error", "warning", "success")
    return "\n".join(
        str(getattr(element, "value", "") or element.proto.body) for kind in kinds for element in app.get(kind)
    )


def bring(app, name, data):
    (uploader,) = app.get("file_uploader")
    uploader.set_value((name, data, "application/octet-stream"))
    return ran(app)


def buttons(app, label):
    return [button for button in app.button if button.label == label]


def uploaded(folder):
    return sorted(path.name for path in (folder / "uploads").rglob("*") if path.is_file())


def test_every_checkpoint_has_a_card_that_says_where_it_comes_from(app, shelf):
    shown = words(app)
    assert "Drawn birds, 24 classes" in shown
    assert "2 checkpoints. They know the same classes" in shown
    for name, data in shelf.items():
        assert (f"<dd>{name}</dd>" in shown) == name.endswith("_birds.safetensors")
        assert (f"{len(data) / 1e6:.1f} MB" in shown) or name == "mine.safetensors"
    assert shown.count("62.5 % top-1") == 2
    assert shown.count("Measured on 240 test images") == 2
    assert "python -m fgcore train mc_birds" in shown
    assert "<dd>drawn by a test</dd>" in shown
    assert "<dt>Made</dt><dd>2026-01-02" in shown
    assert shown.count("<dt>sha256</dt>") == 2


def test_shipped_checkpoints_cannot_be_deleted(app):
    assert len(buttons(app, "Inspect with this")) == 2
    assert len(app.get("download_button")) == 2
    assert buttons(app, "Delete it for good") == []


def test_a_good_file_is_kept_shown_and_deleted_again(app, folder, shelf):
    bring(app, "mine.safetensors", shelf["mine.safetensors"])
    assert [message.value for message in app.success] == ["mine was checked and kept."]
    assert uploaded(folder) == ["mine.safetensors"]
    assert "CUB-200-2011, 3 classes" in words(app)
    assert "Marsh *Warbler*" in words(app)  # as text in HTML, not as Markdown
    bring(app, "again.safetensors", shelf["mine.safetensors"])
    assert [message.value for message in app.success] == ["This file is here already, as mine."]
    assert uploaded(folder) == ["mine.safetensors"]
    (button,) = buttons(app, "Delete it for good")
    button.click()
    ran(app)
    assert [message.value for message in app.success] == ["mine.safetensors was deleted."]
    assert uploaded(folder) == []
    assert "CUB" not in words(app).replace("`.pth`", "")


def test_a_checkpoint_that_is_shipped_is_not_kept_twice(app, folder, shelf):
    bring(app, "renamed.safetensors", shelf["mc_birds.safetensors"])
    assert [message.value for message in app.success] == ["This file is here already, as mc\\_birds."]
    assert uploaded(folder) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("evil.safetensors", pickle.dumps(print)),
        ("*bold*.safetensors", b"only words in here, and quite a few of them"),
        ("cut.safetensors", None),
    ],
)
def test_a_wrong_file_gets_one_sentence_and_nothing_is_lost(app, folder, shelf, name, data):
    bring(app, "mine.safetensors", shelf["mine.safetensors"])
    bring(app, name, data if data is not None else shelf["mine.safetensors"][:-100])
    (error,) = app.error
    assert "cannot be used" in error.value
    assert str(folder) not in error.value
    assert uploaded(folder) == ["mine.safetensors"]
    assert words(app).count("<dt>sha256</dt>") == 3


def test_an_official_file_waits_for_its_data_set(app, folder, monkeypatch):
    brought, kept = [], store.Kept(folder / "net.safetensors", new=True)
    monkeypatch.setattr(store, "keep", lambda *given, **named: brought.append((given, named)) or kept)
    bring(app, "net.pth", b"some bytes")
    assert brought == []
    app.button_group(key=state.checkpoints.DATASET).set_value("aircraft")
    ran(app)
    buttons(app, "Import it")[0].click()
    ran(app)
    (((place, name, data), named),) = brought
    assert (place, name, bytes(data), named["dataset"]) == (folder / "uploads", "net.pth", b"some bytes", "aircraft")
    assert [message.value for message in app.success] == ["net was checked and kept."]


def test_an_official_file_of_own_classes_asks_for_their_names(app, folder, monkeypatch):
    brought, kept = [], store.Kept(folder / "net.safetensors", new=True)
    monkeypatch.setattr(store, "keep", lambda *given, **named: brought.append(named) or kept)
    bring(app, "net.pth.tar", b"some bytes")
    assert state.checkpoints.NAMES not in {area.key for area in app.text_area}
    app.button_group(key=state.checkpoints.DATASET).set_value("folder")
    ran(app).text_area(key=state.checkpoints.NAMES).set_value("Reed Warbler\n\n  Marsh Warbler \n")
    ran(app)
    buttons(app, "Import it")[0].click()
    ran(app)
    assert (brought[0]["dataset"], brought[0]["class_names"]) == ("folder", ("Reed Warbler", "Marsh Warbler"))


def test_an_official_file_in_the_servers_folder_can_be_imported(folder):
    (folder / "theirs.pth").write_bytes(b"not really")
    app = ran(AppTest.from_function(page, default_timeout=60))
    assert app.selectbox(key=state.checkpoints.FILE).options == ["theirs.pth"]
    buttons(app, "Import it")[0].click()
    ran(app)
    (error,) = app.error
    assert "theirs.pth cannot be used" in error.value


def test_a_damaged_file_in_the_folder_is_named_and_the_others_are_shown(folder):
    (folder / "broken.safetensors").write_bytes(b"x")
    app = ran(AppTest.from_function(page, default_timeout=60))
    assert ["broken.safetensors" in warning.value for warning in app.warning] == [True]
    assert words(app).count("<dt>sha256</dt>") == 2


def test_an_empty_folder_says_what_to_do(folder, tmp_path_factory, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path_factory.mktemp("empty")))
    app = ran(AppTest.from_function(page, default_timeout=60))
    assert "No model to ask yet" in words(app)


def test_uploads_lie_in_the_folder_that_the_environment_names(folder, tmp_path_factory, shelf, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    monkeypatch.setenv(checkpoints.UPLOADS, str(other))
    app = ran(AppTest.from_function(page, default_timeout=60))
    bring(app, "mine.safetensors", shelf["mine.safetensors"])
    assert [path.name for path in other.iterdir()] == ["mine.safetensors"]
    assert not (folder / "uploads").exists()
    assert len(buttons(app, "Delete it for good")) == 1
