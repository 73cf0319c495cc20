"""Drawings, and models shared among threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import streamlit as st

from app import checkpoints, resources
from app.components.cam import class_map
from app_helpers import write_two_worlds
from fgcore.data.images import pixels_sha256
from fgcore.inspection.explain import explain_picture, load_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_two_worlds(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(autouse=True)
def fresh(folder, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(folder))
    st.cache_data.clear()
    st.cache_resource.clear()


def test_drawings_are_not_training_pictures():
    assert resources.drawing("bird", 3, 7).seed > 24 * 1_000_003 + 500_000  # the last seed of any split
    assert resources.drawing("bird", 3, 7) is resources.drawing("bird", 3, 7)


def test_threads_that_share_a_model_get_what_one_thread_gets(folder):
    birds = checkpoints.catalogue().worlds[0]
    pictures = [resources.drawing("bird", number, 0).image for number in range(4)]

    def cam(entry, picture):
        return class_map(entry, picture, pixels_sha256(picture), 0, "Grad-CAM", 0)

    jobs = [(entry, picture) for picture in pictures for entry in birds.entries]
    with ThreadPoolExecutor(6) as pool:
        shared = list(pool.map(lambda job: cam(*job), jobs))
    alone = {entry.path: load_model(entry.path) for entry in birds.entries}
    for (entry, picture), result in zip(jobs, shared, strict=True):
        expected = explain_picture(alone[entry.path], picture, class_index=0).cam
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_only_ap_cnn_draws_a_dropblock():
    baseline, _, ap = checkpoints.catalogue().worlds[0].entries
    picture = resources.drawing("bird", 0, 0).image
    key = pixels_sha256(picture)
    assert resources.look(baseline, picture, key, drop_seed=1).attention is None
    assert resources.look(ap, picture, key).attention.dropped_mean is None
    assert resources.look(ap, picture, key, drop_seed=1).attention.dropped_mean is not None
