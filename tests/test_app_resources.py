"""Checkpoints found and grouped, and models shared among threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import streamlit as st

from app import resources
from app_helpers import PHOTO_CLASSES, write_checkpoint, write_two_worlds
from fgcore.data.synthetic import class_names
from fgcore.explain import explain_picture, load_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_two_worlds(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(autouse=True)
def fresh(folder, monkeypatch):
    monkeypatch.setenv(resources.VARIABLE, str(folder))
    st.cache_data.clear()
    st.cache_resource.clear()


def test_checkpoints_that_know_the_same_classes_are_compared():
    birds, photos = resources.catalogue().worlds
    assert (birds.title, photos.title) == ("Drawn birds, 24 classes", "CUB-200-2011, 3 classes")
    assert [entry.method for entry in birds.entries] == ["baseline", "mc", "ap"]
    assert (birds.class_names, photos.class_names) == (class_names("birds"), PHOTO_CLASSES)


def test_the_best_checkpoint_of_a_run_is_found_too(tmp_path, monkeypatch):
    for run in ("first", "second"):
        (tmp_path / run).mkdir()
        write_checkpoint(tmp_path / run / "best.safetensors", "mc", class_names("birds"), "synthetic_birds")
        (tmp_path / run / "last.safetensors").write_bytes(b"")
    monkeypatch.setenv(resources.VARIABLE, str(tmp_path))
    catalogue = resources.catalogue()
    (world,) = catalogue.worlds
    assert [world.label(entry) for entry in world.entries] == ["MC-Loss (run first)", "MC-Loss (run second)"]
    assert catalogue.refused == ()


def test_a_damaged_checkpoint_costs_one_sentence_and_nothing_else(folder, tmp_path, monkeypatch):
    whole = (folder / "mc_birds.safetensors").read_bytes()
    (tmp_path / "whole.safetensors").write_bytes(whole)
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    monkeypatch.setenv(resources.VARIABLE, str(tmp_path))
    catalogue = resources.catalogue()
    assert [entry.path.name for world in catalogue.worlds for entry in world.entries] == ["whole.safetensors"]
    (sentence,) = catalogue.refused
    assert "cut.safetensors" in sentence


def test_no_folder_means_no_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setenv(resources.VARIABLE, str(tmp_path / "nowhere"))
    assert resources.catalogue() == resources.Catalogue((), ())


def test_drawings_are_not_training_pictures():
    assert resources.drawing("bird", 3, 7).seed > 24 * 1_000_003 + 500_000  # the last seed of any split
    assert resources.drawing("bird", 3, 7) is resources.drawing("bird", 3, 7)


def test_pictures_that_differ_in_one_pixel_have_another_key():
    picture = np.zeros((700, 800, 3), np.uint8)
    other = picture.copy()
    other[350, 400, 1] = 1
    assert resources.pixels_sha256(picture) != resources.pixels_sha256(other)
    assert resources.pixels_sha256(picture) != resources.pixels_sha256(picture.reshape(800, 700, 3))


def test_threads_that_share_a_model_get_what_one_thread_gets(folder):
    birds = resources.catalogue().worlds[0]
    pictures = [resources.drawing("bird", number, 0).image for number in range(4)]

    def cam(entry, picture):
        return resources.grad_cam(entry, picture, resources.pixels_sha256(picture), 0).cam

    jobs = [(entry, picture) for picture in pictures for entry in birds.entries]
    with ThreadPoolExecutor(6) as pool:
        shared = list(pool.map(lambda job: cam(*job), jobs))
    alone = {entry.path: load_model(entry.path) for entry in birds.entries}
    for (entry, picture), result in zip(jobs, shared, strict=True):
        expected = explain_picture(alone[entry.path], picture, class_index=0).cam
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_only_ap_cnn_draws_a_dropblock():
    baseline, _, ap = resources.catalogue().worlds[0].entries
    picture = resources.drawing("bird", 0, 0).image
    key = resources.pixels_sha256(picture)
    assert resources.look(baseline, picture, key, drop_seed=1).attention is None
    assert resources.look(ap, picture, key).attention.dropped_mean is None
    assert resources.look(ap, picture, key, drop_seed=1).attention.dropped_mean is not None
