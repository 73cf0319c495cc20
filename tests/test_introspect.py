import dataclasses

import numpy as np
import pytest
import torch

from fgcore.checkpoints import checkpoint
from fgcore.config import DataConfig, Experiment, ModelConfig
from fgcore.inspection.explain import explain_picture, load_model
from fgcore.methods.build import build_model
from fgcore.methods.mc import channel_groups, losses
from fgcore.records import Box, ChannelGroups
from fgcore.report import panels, render

NAMES = ("Wren", "Tit", "Jay")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """One small untrained checkpoint of each method, saved and read back."""
    folder, models = tmp_path_factory.mktemp("checkpoints"), {}
    for method in ("baseline", "mc", "ap"):
        torch.manual_seed(0)
        config = ModelConfig(method, "squeezenet1_1", num_classes=3, level=4, hidden=16, pyramid_channels=32)
        experiment = Experiment(name=method, model=config, data=DataConfig(resize=128, crop=128))
        path = folder / f"{method}.safetensors"
        checkpoint.save(path, build_model(config).eval(), experiment, NAMES, {}, {"command": "none"})
        models[method] = load_model(path)
    return models


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_what_is_shown_is_what_the_model_computed(loaded, picture, method):
    shown = explain_picture(loaded[method], picture)
    with torch.no_grad():
        from fgcore.data import transforms

        image, _ = transforms.preprocess(picture, loaded[method].checkpoint.experiment.data)
        output = loaded[method].model(image[None])
    np.testing.assert_allclose(shown.prediction.probabilities, output.logits[0].softmax(0), rtol=1e-5)
    assert shown.class_names == NAMES
    assert shown.view.pixels.shape == (128, 128, 3)
    assert shown.view.photo_size == (150, 200)
    assert shown.origin["sha256"] == loaded[method].checkpoint.sha256
    assert shown.cam.shape == (128, 128)
    assert 0 <= shown.cam.min() <= shown.cam.max() <= 1
    assert (shown.groups is not None) == (method == "mc")
    assert (shown.attention is not None) == (method == "ap")


def test_scores_and_diversity_are_those_of_the_loss(loaded, picture):
    shown = explain_picture(loaded["mc"], picture, cam=False).groups
    features = torch.from_numpy(shown.features)[None]
    torch.testing.assert_close(torch.from_numpy(shown.diversity).mean(), losses.diversity(features, shown.group_sizes))
    for index in range(3):
        group = channel_groups.group(shown, index)
        assert group.score == pytest.approx(float(shown.scores[index]), rel=1e-5)
        assert group.diversity == pytest.approx(float(shown.diversity[index]), rel=1e-5)


def groups_by_hand():
    features = np.zeros((4, 2, 2), np.float32)
    features[0, 0, 0], features[1, 1, 1], features[2], features[3] = 4, 8, 1, 2
    return ChannelGroups(features, (2, 2), np.zeros(2), np.zeros(2))


def test_a_group_by_hand():
    group = channel_groups.group(groups_by_hand(), 0, np.array([True, False]))
    assert group.ccmp.tolist() == [[4, 0], [0, 8]]
    assert group.masked_ccmp.tolist() == [[4, 0], [0, 0]]
    assert (group.score, group.masked_score) == (3, 1)
    assert group.winner[1, 1] == 1
    assert group.diversity == pytest.approx(2 - group.overlap[0, 1], abs=1e-5)  # for two channels


def test_equal_channels_overlap_wholly():
    group = channel_groups.group(groups_by_hand(), 1)
    np.testing.assert_allclose(group.overlap, 1, rtol=1e-6)
    assert group.diversity == pytest.approx(1)


def test_a_wrong_class_or_mask_is_refused():
    with pytest.raises(ValueError, match="expected a class from 0 to 1, got 2"):
        channel_groups.group(groups_by_hand(), 2)
    with pytest.raises(ValueError, match="expected a mask of 2 channels"):
        channel_groups.group(groups_by_hand(), 0, np.ones(3, bool))


def test_a_drawn_mask_drops_half_and_follows_its_seed():
    masks = [channel_groups.draw_mask(10, seed) for seed in range(20)]
    assert {int(mask.sum()) for mask in masks} == {5}
    assert len({mask.tobytes() for mask in masks}) > 10
    assert (masks[3] == channel_groups.draw_mask(10, 3)).all()


def test_attention_records_boxes_zoom_and_heads(loaded, picture):
    shown = explain_picture(loaded["ap"], picture, cam=False).attention
    assert len(shown.heads) == 8
    assert [head.name for head in shown.heads] == list(shown.head_names)
    assert shown.zoom_factor >= 1
    assert shown.zoomed_pixels.shape == (128, 128, 3)
    for candidates, rois in zip(shown.candidates, shown.rois, strict=True):
        assert int(candidates.cells.sum()) == len(candidates.boxes) == len(candidates.scores)
        assert (np.diff(candidates.scores) <= 0).all()
        assert (candidates.scores > candidates.threshold).all()
        assert len(rois) <= len(candidates.boxes)
    assert shown.dropped_heads == ()


def test_a_drawn_dropblock_changes_stage_two_only(loaded, picture):
    for seed in range(20):
        shown = explain_picture(loaded["ap"], picture, drop_seed=seed, cam=False).attention
        if shown.drop.level:
            break
    assert (shown.drop_mask == 0).any()
    assert shown.drop.box is not None
    for number in range(4):
        same = shown.dropped_heads[number].probabilities, shown.heads[number].probabilities
        np.testing.assert_allclose(*same, rtol=1e-5)
    pairs = zip(shown.dropped_heads[4:], shown.heads[4:], strict=True)
    assert any(np.abs(a.probabilities - b.probabilities).max() > 1e-7 for a, b in pairs)


def test_a_class_that_does_not_exist_is_refused_before_the_cam_package_swallows_it(loaded, picture):
    with pytest.raises(ValueError, match="expected a class from 0 to 2, got 3"):
        explain_picture(loaded["mc"], picture, class_index=3)


def test_grad_cam_equals_the_gradient_formula(loaded, picture):
    from fgcore.data import transforms

    model = loaded["baseline"].model
    shown = explain_picture(loaded["baseline"], picture, class_index=1)
    image, _ = transforms.preprocess(picture, loaded["baseline"].checkpoint.experiment.data)
    output = model(image[None].requires_grad_(True))
    gradient = torch.autograd.grad(output.logits[0, 1], output.features)[0]
    cam = (gradient.mean((2, 3), keepdim=True) * output.features).sum(1).relu()[0].detach().numpy()
    expected = render.scaled(render.resize_map(cam, (128, 128)))
    assert np.corrcoef(expected.ravel(), shown.cam.ravel())[0, 1] > 0.99 or cam.max() == 0


def test_every_panel_is_a_picture_and_the_numbers_are_json(loaded, picture):
    import json

    for method, model in loaded.items():
        shown = explain_picture(model, picture, drop_seed=1)
        for name, pixels in panels.panels(shown).items():
            assert pixels.dtype == np.uint8, name
            assert pixels.ndim == 3, name
            assert render.png(pixels)[:4] == b"\x89PNG"
        values = json.loads(json.dumps(panels.numbers(shown), allow_nan=False))
        assert values["top"][0]["class"] == NAMES[shown.prediction.best]
        assert values["method"] == method


def test_an_overlay_without_weight_is_the_picture_and_a_flat_map_is_dark():
    pixels = np.full((8, 8, 3), 100, np.uint8)
    assert (render.overlay(pixels, np.eye(4), alpha=0) == pixels).all()
    assert render.scaled(np.full((2, 2), 7.0)).max() == 0
    with pytest.raises(ValueError, match="palette must be one of viridis"):
        render.colour(np.eye(2), palette="jet")


def test_boxes_and_dropped_cells_are_drawn_where_they_are():
    pixels = np.zeros((64, 64, 3), np.uint8)
    drawn = render.draw_boxes(pixels, [Box(8, 8, 40, 40, 0.5)], 3, scores=False)
    assert drawn[8, 20].tolist() == list(render.LEVEL_COLOURS[3])
    assert drawn[24, 24].sum() == 0
    mask = np.ones((8, 8), np.float32)
    mask[1, 2] = 0
    assert (render.drop_overlay(pixels, mask)[8:16, 16:24] == 128).all()


def test_an_explanation_cannot_be_changed(loaded, picture):
    shown = explain_picture(loaded["baseline"], picture, cam=False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        shown.cam_class = 2
