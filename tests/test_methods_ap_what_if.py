"""Stage II again from a kept stage I: the same answers as the whole model, other settings, and every drop."""

import dataclasses

import numpy as np
import pytest
import torch

from app_helpers import write_checkpoint
from fgcore.data.synthetic import draw
from fgcore.inspection.inspector import Inspector, load
from fgcore.methods.ap.output import Drop
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.ap.suppression import suppression
from fgcore.methods.ap.what_if import check_zoom_box, drop_effects
from fgcore.outputs import LEVELS

NAMES = ("Wren", "Tit", "Jay")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "ap.safetensors"
    write_checkpoint(path, "ap", NAMES, "synthetic_birds")
    return load(path)


@pytest.fixture(scope="module")
def image():
    return draw("birds", 8, seed=3).image


@pytest.fixture(scope="module")
def inspection(loaded, image):
    return Inspector(loaded).set_image(image)


def same(shown, expected):
    for one, other in zip(shown.detail.heads, expected.detail.heads, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
    np.testing.assert_allclose(shown.prediction.probabilities, expected.prediction.probabilities, atol=1e-6)
    assert shown.detail.rois == expected.detail.rois
    assert shown.detail.zoom_cells == expected.detail.zoom_cells


def test_stage_two_again_with_the_models_own_settings_is_the_models_answer(inspection):
    shown, expected = inspection.what_if().explanation(cam=False), inspection.explanation(cam=False)
    same(shown, expected)
    assert shown.view.photo_box == expected.view.photo_box
    assert (shown.cam_layer, shown.origin, shown.method) == (expected.cam_layer, expected.origin, "ap")


def test_other_settings_are_those_of_a_model_built_with_them(loaded, image, inspection):
    other = ROIConfig(anchors=(24.0, 40.0, 48.0), top_k=(3, 2, 0), nms_iou=0.3, border=0.3, threshold=0.9)
    shown = inspection.what_if(roi=other)
    own = loaded.model.roi
    loaded.model.roi = other
    try:
        expected = Inspector(loaded).set_image(image)
    finally:
        loaded.model.roi = own
    same(shown, expected)
    assert shown.detail.zoom_cells != inspection.detail.zoom_cells
    assert [len(boxes) for boxes in shown.detail.rois] == [3, 2, 0]
    for ours, theirs in zip(shown.detail.candidates, expected.detail.candidates, strict=True):
        np.testing.assert_array_equal(ours.boxes, theirs.boxes)


def test_the_rois_shown_step_by_step_are_those_that_the_model_zoomed_into(loaded, inspection):
    attention = inspection.detail
    for level, gate, rois, offered in zip(
        LEVELS, attention.stage1.spatial_gates, attention.rois, attention.candidates, strict=True
    ):
        shown = suppression(gate, level, loaded.model.roi)
        assert tuple(step.roi for step in shown.steps) == rois
        np.testing.assert_array_equal(shown.candidates.boxes, offered.boxes)


def test_an_own_zoom_box_is_cut_out_in_whole_cells(inspection):
    shown = inspection.what_if(zoom_box=(17.0, 8.0, 64.9, 56.0)).detail
    assert shown.zoom_cells == (2, 1, 8, 7)
    assert shown.zoom_factor == pytest.approx(96 / 48)
    own = inspection.detail
    np.testing.assert_allclose(shown.stage1_mean.probabilities, own.stage1_mean.probabilities)
    assert not np.allclose(shown.stage2_mean.probabilities, own.stage2_mean.probabilities)


def test_the_whole_picture_as_zoom_box_makes_both_stages_agree(inspection):
    shown = inspection.what_if(zoom_box=(0.0, 0.0, 96.0, 96.0)).detail
    for one, other in zip(shown.heads[:4], shown.heads[4:], strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
    np.testing.assert_allclose(shown.zoomed.strength, shown.stage1.backbone.level3.strength, rtol=1e-5)


def test_every_drop_in_one_batch_equals_each_drop_alone(loaded, inspection):
    effects = drop_effects(loaded.model, inspection.output)
    rois = inspection.detail.rois
    assert [(drop.level, drop.index) for drop in effects.dropped] == [
        (level, index) for level, boxes in zip(LEVELS, rois, strict=True) for index in range(len(boxes))
    ]
    for number, drop in enumerate(effects.dropped):
        box = rois[drop.level - 3][drop.index]
        assert drop.box == (box.x1, box.y1, box.x2, box.y2)
        choice = Drop(torch.tensor([drop.level]), torch.tensor([drop.index]))
        alone = loaded.model.second_pass(inspection.output.stage1, drop=choice)
        np.testing.assert_allclose(effects.heads[number], alone.head_logits[0].softmax(1).detach(), atol=1e-6)
        np.testing.assert_allclose(effects.means[number], alone.logits[0].softmax(0).detach(), atol=1e-6)
        np.testing.assert_array_equal(effects.masks[number], alone.drop_mask[0, 0])


def test_dropping_changes_stage_two_and_never_stage_one(loaded, inspection):
    effects, shown = drop_effects(loaded.model, inspection.output), inspection.detail
    before = np.stack([head.probabilities for head in shown.heads])
    change = np.abs(effects.heads - before).max((0, 2))
    assert (change[:4] < 1e-6).all()
    assert (change[4:] > 1e-5).all()


def test_without_rois_there_is_nothing_to_drop_and_the_zoom_is_the_whole_picture(loaded, inspection):
    shown = inspection.what_if(roi=dataclasses.replace(loaded.model.roi, threshold=10.0))
    effects = drop_effects(loaded.model, shown.output)
    assert effects.dropped == ()
    assert effects.heads.shape == (0, 8, 3)
    assert shown.detail.zoom_cells == (0, 0, 12, 12)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"nms_iou": 1.5}, "ROIConfig.nms_iou should lie from 0 to 1, got 1.5"),
        ({"border": 0.5}, "ROIConfig.border should lie from 0 to 0.49, got 0.5"),
        ({"threshold": float("nan")}, "ROIConfig.threshold takes a finite number, got nan"),
        ({"anchors": (32.0, 0.0, 128.0)}, "ROIConfig.anchors should lie from 1 to 4096, got 0.0"),
        ({"top_k": (5, 3, -1)}, "ROIConfig.top_k should lie from 0 to 64, got -1"),
    ],
)
def test_settings_that_mean_nothing_get_one_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(ROIConfig(), **change)


@pytest.mark.parametrize(
    ("box", "sentence"),
    [
        ((50, 0, 20, 90), "expected a zoom box with 0 <= x1 < x2 <= 96, got x1 = 50, x2 = 20"),
        ((0, 10, 90, 10), "0 <= y1 < y2 <= 96, got y1 = 10, y2 = 10"),
        ((-1, 0, 90, 90), "got x1 = -1"),
        ((0, 0, 97, 90), "got x1 = 0, x2 = 97"),
        ((0, 0, float("nan"), 90), "expected four numbers"),
    ],
)
def test_a_zoom_box_that_means_nothing_gets_one_sentence(inspection, box, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_zoom_box(box, (96, 96))
    with pytest.raises(ValueError, match=sentence):
        inspection.what_if(zoom_box=box)


def test_other_methods_have_nothing_to_change(tmp_path, image):
    write_checkpoint(tmp_path / "mc.safetensors", "mc", NAMES, "synthetic_birds")
    with pytest.raises(ValueError, match="MC-Loss has nothing to change; cover a part of the image instead"):
        Inspector(tmp_path / "mc.safetensors").set_image(image).what_if(zoom_box=(0.0, 0.0, 32.0, 32.0))


def test_a_map_of_features_is_the_mean_strength_of_its_channels(inspection):
    shown = inspection.detail
    features = inspection.output.stage1.features.level4[0].detach()
    np.testing.assert_allclose(shown.stage1.features.level4.strength, features.abs().mean(0), rtol=1e-6)
    assert shown.stage1.features.level4.channels == 32
    assert shown.zoomed.strength.shape == (12, 12)
