"""Looking again from a kept first look: the same answers as the whole model, other settings, and every drop."""

import dataclasses

import numpy as np
import pytest
import torch

from app_helpers import write_checkpoint
from fgcore.config import ROIConfig
from fgcore.data.synthetic import draw
from fgcore.inspection.explain import explain_again, explain_picture, first_look, load_model
from fgcore.methods.ap.suppression import suppression
from fgcore.methods.ap.what_if import check_settings, check_zoom_box, drop_effects, second_look
from fgcore.outputs import LEVELS, Drop

NAMES = ("Wren", "Tit", "Jay")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "ap.safetensors"
    write_checkpoint(path, "ap", NAMES, "synthetic_birds")
    return load_model(path)


@pytest.fixture(scope="module")
def picture():
    return draw("birds", 8, seed=3).image


@pytest.fixture(scope="module")
def first(loaded, picture):
    return first_look(loaded, picture)


def same(shown, expected):
    for one, other in zip(shown.attention.heads, expected.attention.heads, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
    np.testing.assert_allclose(shown.prediction.probabilities, expected.prediction.probabilities, atol=1e-6)
    assert shown.attention.rois == expected.attention.rois
    assert shown.attention.zoom_cells == expected.attention.zoom_cells


def test_looking_again_with_the_models_own_settings_is_the_models_answer(loaded, picture, first):
    shown, expected = explain_again(loaded, first), explain_picture(loaded, picture, cam=False)
    same(shown, expected)
    assert shown.view.photo_box == expected.view.photo_box
    assert (shown.cam_layer, shown.origin, shown.method) == (expected.cam_layer, expected.origin, "ap")


def test_other_settings_are_those_of_a_model_built_with_them(loaded, picture, first):
    other = ROIConfig(anchors=(24.0, 40.0, 48.0), top_k=(3, 2, 0), nms_iou=0.3, border=0.3, threshold=0.9)
    shown = explain_again(loaded, first, roi=other)
    own = loaded.model.roi
    loaded.model.roi = other
    try:
        expected = explain_picture(loaded, picture, cam=False)
    finally:
        loaded.model.roi = own
    same(shown, expected)
    assert shown.attention.zoom_cells != explain_again(loaded, first).attention.zoom_cells
    assert [len(boxes) for boxes in shown.attention.rois] == [3, 2, 0]
    for ours, theirs in zip(shown.attention.candidates, expected.attention.candidates, strict=True):
        np.testing.assert_array_equal(ours.boxes, theirs.boxes)


def test_the_rois_shown_step_by_step_are_those_that_the_model_zoomed_into(loaded, first):
    attention = explain_again(loaded, first).attention
    for level, gate, rois, offered in zip(
        LEVELS, attention.stage1.spatial_gates, attention.rois, attention.candidates, strict=True
    ):
        shown = suppression(gate, level, loaded.model.roi)
        assert tuple(step.roi for step in shown.steps) == rois
        np.testing.assert_array_equal(shown.candidates.boxes, offered.boxes)


def test_an_own_zoom_box_is_cut_out_in_whole_cells(loaded, first):
    shown = explain_again(loaded, first, zoom_box=(17.0, 8.0, 64.9, 56.0)).attention
    assert shown.zoom_cells == (2, 1, 8, 7)
    assert shown.zoom_factor == pytest.approx(96 / 48)
    np.testing.assert_allclose(
        shown.stage1_mean.probabilities, explain_again(loaded, first).attention.stage1_mean.probabilities
    )
    assert not np.allclose(
        shown.stage2_mean.probabilities, explain_again(loaded, first).attention.stage2_mean.probabilities
    )


def test_the_whole_picture_as_zoom_box_makes_both_stages_agree(loaded, first):
    shown = explain_again(loaded, first, zoom_box=(0.0, 0.0, 96.0, 96.0)).attention
    for one, other in zip(shown.heads[:4], shown.heads[4:], strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
    np.testing.assert_allclose(shown.zoomed.strength, shown.stage1.backbone.level3.strength, rtol=1e-5)


def test_every_drop_in_one_batch_equals_each_drop_alone(loaded, first):
    effects = drop_effects(loaded.model, first)
    rois = explain_again(loaded, first).attention.rois
    assert [(drop.level, drop.index) for drop in effects.dropped] == [
        (level, index) for level, boxes in zip(LEVELS, rois, strict=True) for index in range(len(boxes))
    ]
    for number, drop in enumerate(effects.dropped):
        box = rois[drop.level - 3][drop.index]
        assert drop.box == (box.x1, box.y1, box.x2, box.y2)
        choice = Drop(torch.tensor([drop.level]), torch.tensor([drop.index]))
        alone = loaded.model.look_again(first.stage1, drop=choice)
        np.testing.assert_allclose(effects.heads[number], alone.head_logits[0].softmax(1), atol=1e-6)
        np.testing.assert_allclose(effects.means[number], alone.logits[0].softmax(0), atol=1e-6)
        np.testing.assert_array_equal(effects.masks[number], alone.drop_mask[0, 0])


def test_dropping_changes_stage_two_and_never_stage_one(loaded, first):
    effects, shown = drop_effects(loaded.model, first), explain_again(loaded, first).attention
    before = np.stack([head.probabilities for head in shown.heads])
    change = np.abs(effects.heads - before).max((0, 2))
    assert (change[:4] < 1e-6).all()
    assert (change[4:] > 1e-5).all()


def test_without_rois_there_is_nothing_to_drop_and_the_zoom_is_the_whole_picture(loaded, first):
    none = dataclasses.replace(loaded.model.roi, threshold=10.0)
    effects = drop_effects(loaded.model, first, none)
    assert effects.dropped == ()
    assert effects.heads.shape == (0, 8, 3)
    assert explain_again(loaded, first, roi=none).attention.zoom_cells == (0, 0, 12, 12)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"nms_iou": 1.5}, "expected the IoU of non-maximum suppression from 0 to 1, got 1.5"),
        ({"border": 0.5}, "expected the border from 0 to 0.49, got 0.5"),
        ({"threshold": float("nan")}, "expected the threshold from 0 to 10, got nan"),
        ({"anchors": (32.0, 0.0, 128.0)}, "expected the anchor of level 4 from 1 to 4096, got 0"),
        ({"top_k": (5, 3, -1)}, "expected the number of boxes of level 5 from 0 to 20, got -1"),
    ],
)
def test_settings_that_mean_nothing_get_one_sentence(loaded, first, change, sentence):
    settings = dataclasses.replace(ROIConfig(), **change)
    with pytest.raises(ValueError, match=sentence):
        check_settings(settings)
    with pytest.raises(ValueError, match=sentence):
        second_look(loaded.model, first, roi=settings)


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
def test_a_zoom_box_that_means_nothing_gets_one_sentence(box, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_zoom_box(box, (96, 96))


def test_a_map_of_features_is_the_mean_strength_of_its_channels(loaded, first):
    shown = explain_again(loaded, first).attention
    features = first.stage1.features.level4[0]
    np.testing.assert_allclose(shown.stage1.features.level4.strength, features.abs().mean(0), rtol=1e-6)
    assert shown.stage1.features.level4.channels == 32
    assert shown.zoomed.strength.shape == (12, 12)
