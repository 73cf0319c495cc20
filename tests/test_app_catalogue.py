"""`app.checkpoints`: checkpoints found and grouped. What their page does with them: `test_app_checkpoints.py`."""

import pytest

from app import checkpoints
from app_helpers import PHOTO_CLASSES, write_checkpoint, write_two_label_sets
from fgcore.data.synthetic import class_names


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_two_label_sets(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(autouse=True)
def fresh(folder, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(folder))


def test_checkpoints_that_know_the_same_classes_are_compared():
    birds, photos = checkpoints.catalogue().label_sets
    assert (birds.title, photos.title) == ("Drawn birds, 24 classes", "CUB-200-2011, 3 classes")
    assert [entry.method for entry in birds.entries] == ["baseline", "mc", "ap"]
    assert (birds.class_names, photos.class_names) == (class_names("birds"), PHOTO_CLASSES)


def test_the_best_checkpoint_of_a_run_is_found_too(tmp_path, monkeypatch):
    for run in ("first", "second"):
        (tmp_path / run).mkdir()
        write_checkpoint(tmp_path / run / "best.safetensors", "mc", class_names("birds"), "synthetic_birds")
        (tmp_path / run / "last.safetensors").write_bytes(b"")
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    catalogue = checkpoints.catalogue()
    (label_set,) = catalogue.label_sets
    assert [label_set.label(entry) for entry in label_set.entries] == ["MC-Loss (run first)", "MC-Loss (run second)"]
    assert catalogue.refused == ()


def test_a_damaged_checkpoint_costs_one_sentence_and_nothing_else(folder, tmp_path, monkeypatch):
    whole = (folder / "mc_birds.safetensors").read_bytes()
    (tmp_path / "whole.safetensors").write_bytes(whole)
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    catalogue = checkpoints.catalogue()
    assert [entry.path.name for label_set in catalogue.label_sets for entry in label_set.entries] == [
        "whole.safetensors"
    ]
    (sentence,) = catalogue.refused
    assert "cut.safetensors" in sentence


def test_no_folder_means_no_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path / "nowhere"))
    assert checkpoints.catalogue() == checkpoints.Catalogue((), ())
