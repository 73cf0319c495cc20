"""An image set once answers everything, the same everywhere, and from any number of threads."""

import dataclasses
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

import fgcore
from app_helpers import write_checkpoints
from conftest import ROOT
from fgcore.data import transforms
from fgcore.data.synthetic import draw
from fgcore.evaluation.maps import GRAD_CAM, shown_maps
from fgcore.inspection import cams, occlusion
from fgcore.inspection.inspector import Inspector, load
from fgcore.methods import METHODS
from fgcore.report import panels, render

OURS = ("baseline", "mc", "ap")
IMAGE = draw("birds", 8, seed=3).image


@pytest.fixture(scope="module")
def inspectors(tmp_path_factory):
    """One small untrained checkpoint of each method, saved and read back."""
    folder = write_checkpoints(tmp_path_factory.mktemp("checkpoints"))
    return {method: Inspector(folder / f"{method}_birds.safetensors") for method in OURS}


@pytest.fixture(scope="module")
def inspections(inspectors):
    return {method: inspector.set_image(IMAGE) for method, inspector in inspectors.items()}


@pytest.mark.parametrize("method", OURS)
def test_what_is_shown_is_what_the_model_computed(inspectors, inspections, method):
    loaded, shown = inspectors[method].loaded, inspections[method].explanation()
    with torch.no_grad():
        image, _ = transforms.preprocess(IMAGE, loaded.checkpoint.experiment.data)
        logits = loaded.model(image[None]).logits
    np.testing.assert_allclose(shown.prediction.probabilities, logits[0].softmax(0), rtol=1e-5)
    assert shown.method == method
    assert shown.class_names == loaded.checkpoint.class_names
    assert shown.view.pixels.shape == (96, 96, 3)
    assert shown.view.photo_size == IMAGE.shape[:2]
    assert shown.origin["sha256"] == loaded.checkpoint.sha256
    assert shown.cam.shape == (96, 96)
    assert 0 <= shown.cam.min() <= shown.cam.max() <= 1
    assert shown.cam_class == shown.prediction.best
    assert shown.cam_layer == f"{'stage I' if method == 'ap' else 'last features'}, stride 16"
    assert shown.cam_level == 4


@pytest.mark.parametrize("method", OURS)
def test_the_answer_alone_is_the_inspections(inspectors, inspections, method):
    view, prediction = inspectors[method].predict(IMAGE)
    np.testing.assert_allclose(prediction.probabilities, inspections[method].prediction.probabilities, rtol=1e-5)
    np.testing.assert_array_equal(view.pixels, inspections[method].view.pixels)
    assert view.photo_box == inspections[method].view.photo_box


def test_a_file_is_set_as_its_pixels_are(inspectors, inspections, tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "bird.png")
    found = inspectors["mc"].set_image(tmp_path / "bird.png")
    np.testing.assert_array_equal(found.image, IMAGE)
    np.testing.assert_array_equal(found.prediction.probabilities, inspections["mc"].prediction.probabilities)
    with pytest.raises(FileNotFoundError):
        inspectors["mc"].set_image(tmp_path / "none.png")


@pytest.mark.parametrize("shape", [(50, 60), (50, 60, 4), (1, 50, 60, 3), (0, 10, 3)])
def test_an_array_that_is_no_image_is_refused(inspectors, shape):
    with pytest.raises(ValueError, match=r"expected|image"):
        inspectors["mc"].set_image(np.zeros(shape, np.uint8))


def test_a_notebook_finds_what_it_needs_in_the_package(inspectors):
    assert fgcore.Inspector is Inspector
    assert fgcore.load is load
    assert fgcore.METHODS is METHODS
    assert list(fgcore.METHODS)[:3] == list(OURS)
    assert re.match(r"\d+\.\d+", fgcore.__version__)
    assert inspectors["ap"].loaded.method is METHODS["ap"]
    assert inspectors["ap"].loaded.crop == 96


@pytest.mark.parametrize("method", OURS)
def test_one_question_has_one_answer_wherever_it_is_asked(inspectors, inspections, method):
    """Inspect, the explanation, Analyse and the report's panels: the same arrays."""
    loaded, inspection = inspectors[method].loaded, inspections[method]
    shown, cam = inspection.explanation(), inspection.cam()
    np.testing.assert_array_equal(shown.cam, cam)
    rng = [np.random.default_rng(0)]
    (look,) = shown_maps(loaded, inspection.tensor[None], torch.tensor([0]), rng)
    assert look.best == shown.prediction.best
    np.testing.assert_array_equal(cams.stretched(look.maps[GRAD_CAM], (96, 96)), cam)
    own = shown.detail.maps((96, 96), shown.prediction.best)
    assert set(own) <= set(look.maps)
    assert set(METHODS[method].maps) == set(look.own.maps | look.own.channels)
    for name, found in own.items():
        np.testing.assert_allclose(found.values, look.maps[name], rtol=1e-6, err_msg=name)
    drawn = panels.panels(shown)
    np.testing.assert_array_equal(drawn["gradcam"].image, render.overlay(shown.view.pixels, cam, low=0, high=1))
    if method == "mc":
        (role,) = [panel for name, panel in drawn.items() if name == "mc_class_ccmp"]
        high = float(shown.detail.features[list(shown.detail.channels_of(shown.prediction.best))].max())
        expected = render.overlay(shown.view.pixels, own["ccmp"].values, low=0, high=high)
        np.testing.assert_array_equal(role.image, expected)
    if method == "ap":
        expected = render.overlay(shown.view.pixels, own["gate4"].values)
        np.testing.assert_array_equal(drawn["ap_stage1_gate4"].image, expected)


@pytest.mark.parametrize("method", OURS)
def test_looks_at_a_batch_are_those_at_single_images(inspectors, method):
    loaded = inspectors[method].loaded
    inspections = [inspectors[method].set_image(draw("birds", number, seed=1).image) for number in (2, 9, 17)]
    rngs = [np.random.default_rng(number) for number in range(3)]
    batch = torch.stack([inspection.tensor for inspection in inspections])
    for look, inspection in zip(shown_maps(loaded, batch, torch.tensor([2, 9, 17]), rngs), inspections, strict=True):
        np.testing.assert_allclose(look.probabilities, inspection.prediction.probabilities, rtol=1e-4)
        np.testing.assert_allclose(cams.stretched(look.maps[GRAD_CAM], (96, 96)), inspection.cam(), atol=1e-3)


def test_a_class_that_does_not_exist_or_does_not_differ_is_refused(inspections):
    inspection = inspections["mc"]
    with pytest.raises(ValueError, match="expected a class from 0 to 23, got 24"):
        inspection.cam(class_index=24)
    with pytest.raises(ValueError, match="expected a class from 0 to 23, got 24"):
        inspection.explanation(class_index=24)
    with pytest.raises(ValueError, match="expected a class from 0 to 23, got -1"):
        inspection.cam("FinerCAM", 3, -1)
    with pytest.raises(ValueError, match="FinerCAM tells a class from a contrast class, got class 3 for both; choose"):
        inspection.cam("FinerCAM", 3, 3)
    with pytest.raises(ValueError, match="FinerCAM tells a class from a contrast class, got none"):
        inspection.cam("FinerCAM", 3)
    with pytest.raises(ValueError, match="kind must be one of Grad-CAM"):
        inspection.cam("EigenCAM")


def test_a_contrast_class_changes_finer_cam_alone(inspections):
    inspection = inspections["baseline"]
    assert np.abs(inspection.cam("FinerCAM", 3, 5) - inspection.cam("FinerCAM", 3, 6)).max() > 0.01
    np.testing.assert_array_equal(inspection.cam("LayerCAM", 3, 5), inspection.cam("LayerCAM", 3))


def test_road_starts_at_the_models_probability(inspections):
    inspection = inspections["baseline"]
    found = inspection.road(np.eye(6, dtype=np.float32), 2)
    assert found.before == pytest.approx(float(inspection.prediction.probabilities[2]), rel=1e-4)


@pytest.mark.parametrize("fill", occlusion.FILLS)
def test_covering_a_part_is_setting_the_image_with_that_part_covered(inspectors, inspections, fill):
    box = (40.0, 30.0, 120.0, 110.0)
    found = inspections["ap"].cover(box, fill)
    covered = occlusion.occlude(IMAGE, box, fill)
    np.testing.assert_array_equal(found.image, covered)
    expected = inspectors["ap"].set_image(covered)
    np.testing.assert_array_equal(found.prediction.probabilities, expected.prediction.probabilities)
    assert not np.array_equal(found.prediction.probabilities, inspections["ap"].prediction.probabilities)
    np.testing.assert_array_equal(inspections["ap"].image, IMAGE)


def test_a_what_if_keeps_stage_one_and_its_maps_and_leaves_the_first_inspection_alone(inspections):
    inspection = inspections["ap"]
    before = inspection.prediction.probabilities.copy()
    other = inspection.what_if(zoom_box=(16.0, 16.0, 64.0, 64.0))
    assert other.output.stage1 is inspection.output.stage1
    np.testing.assert_array_equal(other.cam("LayerCAM", 2), inspection.cam("LayerCAM", 2))
    assert not np.array_equal(other.prediction.probabilities, before)
    np.testing.assert_array_equal(inspection.prediction.probabilities, before)
    assert other.detail.zoom_cells == (2, 2, 8, 8)


def test_an_explanation_cannot_be_changed(inspections):
    with pytest.raises(dataclasses.FrozenInstanceError):
        inspections["baseline"].explanation(cam=False).cam_class = 2


def test_without_a_cam_an_explanation_has_none(inspections):
    shown = inspections["mc"].explanation(cam=False)
    assert (shown.cam, shown.cam_class) == (None, None)
    assert "gradcam" not in panels.panels(shown)
    assert "gradcam" not in panels.numbers(shown)


@pytest.mark.parametrize("method", OURS)
def test_every_panel_is_an_image_and_the_numbers_are_json(inspections, method):
    shown = inspections[method].explanation(draw_seed=1)
    for name, panel in panels.panels(shown).items():
        assert panel.image.dtype == np.uint8, name
        assert panel.image.ndim == 3, name
        assert render.png(panel.image)[:4] == b"\x89PNG"
        assert panel.caption
    values = json.loads(json.dumps(panels.numbers(shown), allow_nan=False))
    assert values["top"][0]["class"] == shown.class_names[shown.prediction.best]
    assert values["method"] == method


CLASSES = (3, 17)


@pytest.fixture(scope="module")
def shipped():
    """Trained networks: maps of untrained ones are often flat."""
    return {method: Inspector(ROOT / "checkpoints" / f"{method}_birds.safetensors") for method in OURS}


def ask(inspections, method, kind, index):
    return inspections[method].cam(kind, index, 20 - index)


@pytest.mark.parametrize("shared", ["model", "inspection"])
def test_eight_threads_on_one_model_give_the_maps_that_one_thread_gives(shipped, shared):
    inspections = {method: inspector.set_image(IMAGE) for method, inspector in shipped.items()}
    questions = [(method, kind, index) for method in shipped for kind in cams.KINDS for index in CLASSES]
    expected = {question: ask(inspections, *question) for question in questions}
    assert len(expected) == 24
    assert len({values.tobytes() for values in expected.values()}) == 24

    def work(number):
        mine = inspections
        if shared == "model":
            mine = {method: inspector.set_image(IMAGE) for method, inspector in shipped.items()}
        order = random.Random(number).sample(sorted(expected), len(expected))
        return {question: ask(mine, *question) for question in order}

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    wrong = {q for maps in found for q, values in maps.items() if np.abs(values - expected[q]).max() > 1e-6}
    assert wrong == set()


def test_threads_with_different_images_do_not_see_each_others(inspectors):
    images = [draw("birds", number, seed=2).image for number in range(8)]

    def work(image):
        found = inspectors["ap"].set_image(image)
        return found.prediction.probabilities, found.cam("LayerCAM", 5), found.detail.zoom_box

    expected = [work(image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, images))
    for (probabilities, cam, box), (as_before, cam_before, box_before) in zip(found, expected, strict=True):
        np.testing.assert_allclose(probabilities, as_before, rtol=1e-5)
        np.testing.assert_allclose(cam, cam_before, atol=1e-6)
        assert box == box_before
    assert len({box for _, _, box in found}) > 1
