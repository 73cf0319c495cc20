"""Drawings, and models shared among threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import streamlit as st

from app import checkpoints, resources
from app.state.sidebar import Image
from app_helpers import write_two_label_sets
from fgcore.data.images import pixels_sha256
from fgcore.inspection.inspector import Inspector


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_two_label_sets(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(autouse=True)
def fresh(folder, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(folder))
    st.cache_data.clear()
    st.cache_resource.clear()


def test_drawings_are_not_training_images():
    assert resources.drawing("bird", 3, 7).seed > 24 * 1_000_003 + 500_000  # the last seed of any split
    assert resources.drawing("bird", 3, 7) is resources.drawing("bird", 3, 7)


def drawn(number):
    sample = resources.drawing("bird", number, 0)
    return Image(sample.image, pixels_sha256(sample.image), f"bird {number}", "bird", sample)


def test_threads_that_share_a_model_get_what_one_thread_gets(folder):
    birds = checkpoints.catalogue().label_sets[0]
    jobs = [(entry, drawn(number), index) for number in range(2) for entry in birds.entries for index in range(4)]
    with ThreadPoolExecutor(8) as pool:
        shared = list(pool.map(lambda job: resources.cam(job[0], job[1], "Grad-CAM", job[2]), jobs))
    alone = {entry.path: Inspector(entry.path) for entry in birds.entries}
    for (entry, image, index), result in zip(jobs, shared, strict=True):
        np.testing.assert_array_equal(result, alone[entry.path].set_image(image.pixels).cam(class_index=index))


def test_a_question_of_the_same_image_is_answered_from_memory(monkeypatch):
    entry, image = checkpoints.catalogue().label_sets[0].entries[1], drawn(3)
    first = resources.cam(entry, image, "LayerCAM", 5)
    monkeypatch.setattr(Inspector, "set_image", None)  # nobody asks the network again
    np.testing.assert_array_equal(resources.cam(entry, image, "LayerCAM", 5), first)
    assert resources.cam(entry, image, "LayerCAM", 6).shape == first.shape  # the trace is there
    with pytest.raises(TypeError):
        resources.cam(entry, drawn(4), "LayerCAM", 5)


def test_a_contrast_class_matters_to_finer_cam_only():
    entry, image = checkpoints.catalogue().label_sets[0].entries[0], drawn(1)
    finer = [resources.cam(entry, image, "FinerCAM", 0, contrast) for contrast in (1, 2)]
    assert not np.array_equal(*finer)
    np.testing.assert_array_equal(*(resources.cam(entry, image, "Grad-CAM", 0, contrast) for contrast in (1, 2)))


def test_an_answer_alone_is_that_of_the_explanation():
    for entry in checkpoints.catalogue().label_sets[0].entries:
        view, prediction = resources.prediction(entry, drawn(2))
        explanation = resources.explanation(entry, drawn(2))
        np.testing.assert_allclose(prediction.probabilities, explanation.prediction.probabilities, atol=1e-6)
        np.testing.assert_array_equal(view.pixels, explanation.view.pixels)


def test_a_seed_draws_a_dropblock_where_the_method_has_one():
    baseline, _, ap = checkpoints.catalogue().label_sets[0].entries
    image = drawn(0)
    assert resources.explanation(baseline, image, draw_seed=1).detail.maps((96, 96), 0) == {}
    assert resources.explanation(ap, image).detail.dropped_mean is None
    assert resources.explanation(ap, image, draw_seed=1).detail.dropped_mean is not None
