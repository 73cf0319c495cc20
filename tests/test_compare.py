"""What a comparison asks of one model is what the model says, and wrong questions are refused."""

import threading

import numpy as np
import pytest

from app_helpers import write_checkpoints
from fgcore.data.synthetic import draw
from fgcore.inspection import compare
from fgcore.inspection.explain import explain_picture, load_model

PICTURE = draw("birds", 8, seed=3).image


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = write_checkpoints(tmp_path_factory.mktemp("checkpoints"))
    return {path.stem.removesuffix("_birds"): load_model(path) for path in folder.glob("*.safetensors")}


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_an_answer_is_the_explanations(models, method):
    found, explained = compare.answer(models[method], PICTURE), explain_picture(models[method], PICTURE, cam=False)
    np.testing.assert_allclose(found.prediction.probabilities, explained.prediction.probabilities, rtol=1e-5)
    np.testing.assert_array_equal(found.view.pixels, explained.view.pixels)
    assert found.view.photo_box == explained.view.photo_box


def test_grad_cam_is_the_explanations(models):
    explained = explain_picture(models["mc"], PICTURE, class_index=5)
    np.testing.assert_allclose(compare.class_map(models["mc"], PICTURE, 5, "Grad-CAM"), explained.cam, atol=1e-6)


@pytest.mark.parametrize(
    ("index", "rival", "words"),
    [
        (24, None, "a class from 0 to 23, got 24"),
        (3, -1, "a class from 0 to 23, got -1"),
        (3, 3, "got class 3 for both"),
    ],
)
def test_classes_that_do_not_exist_or_do_not_differ_are_refused(models, index, rival, words):
    with pytest.raises(ValueError, match=words):
        compare.class_map(models["mc"], PICTURE, index, "FinerCAM", rival)


def test_road_starts_at_the_models_probability_and_locks_the_model_only_while_it_runs(models):
    loaded, lock, held = models["baseline"], threading.Lock(), []
    hook = loaded.model.register_forward_pre_hook(lambda *_: held.append(lock.locked()))
    found = compare.road(loaded, PICTURE, np.eye(6, dtype=np.float32), 2, lock=lock)
    hook.remove()
    assert held == [True]
    assert not lock.locked()
    expected = compare.answer(loaded, PICTURE).prediction.probabilities[2]
    assert found.before == pytest.approx(float(expected), rel=1e-4)
