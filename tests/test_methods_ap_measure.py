"""What zoom-in and dropblock change, against the network's own second pass."""

import dataclasses
import importlib

import numpy as np
import pytest
import torch

from fgcore.methods import build_model
from fgcore.methods.ap.output import Drop
from fgcore.methods.ap.settings import ROIConfig
from small_models import small

measure = importlib.import_module("fgcore.methods.ap.measure")  # its package has a function of that name
CLASSES = torch.tensor([2, 0])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return build_model(small("ap", 3, width=16)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def output(model):
    return model(torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)))


def probability(logits):
    return logits.double().softmax(-1)[torch.arange(2), CLASSES].numpy()


def test_zooming_changes_what_stage_two_says_against_stage_one(model, output):
    boxes = {"whole": torch.tensor([[0.0, 0.0, 96.0, 96.0]] * 2)}
    effects = measure.zoom_effects(model, output, CLASSES, boxes)
    first, second = output.stage1.logits, output.stage2.logits
    expected = probability(second[:, 3]) - probability(first[:, 3])
    np.testing.assert_allclose(effects["zoom_concat"], expected, atol=1e-9)
    np.testing.assert_allclose(effects["zoom"], probability(second.mean(1)) - probability(first.mean(1)), atol=1e-9)
    np.testing.assert_allclose(effects["zoom@whole"], 0, atol=1e-6)  # zooming into everything changes nothing
    assert np.abs(effects["zoom"]).max() > 0


def test_dropping_an_roi_is_what_the_network_does_in_training(model, output):
    effects = measure.drop_effects(model, output, CLASSES, [np.random.default_rng(0)] * 2)
    for level in (3, 4):
        drop = Drop(torch.tensor([level, level]), torch.tensor([0, 0]))
        again = model.second_pass(output.stage1, drop=drop)
        expected = probability(again.stage2.logits.mean(1)) - probability(output.stage2.logits.mean(1))
        np.testing.assert_allclose(effects[f"drop_level{level}"], expected, atol=1e-7)
    assert set(effects) == {f"drop_level{n}{control}" for n in (3, 4, 5) for control in ("", "@random")}


def test_all_effects_come_from_the_networks_one_way_to_drop_and_zoom(model, output, monkeypatch):
    """What they feed to stage II is what `refine` gave back, and nothing else."""
    refined, seen = [], []
    refine, stage = model.refine, model.stage
    monkeypatch.setattr(model, "refine", lambda *given: refined.append(refine(*given)) or refined[-1])
    monkeypatch.setattr(model, "stage", lambda level3: seen.append(level3) or stage(level3))
    measure.zoom_effects(model, output, CLASSES, {"whole": torch.tensor([[0.0, 0.0, 96.0, 96.0]] * 2)})
    measure.drop_effects(model, output, CLASSES, [np.random.default_rng(0)] * 2)
    assert len(seen) == 1 + 2 * 3
    assert all(given is features for given, (features, _, _) in zip(seen, refined, strict=True))


def test_a_level_without_an_roi_has_no_effect_to_tell(model, output):
    nothing = model.second_pass(output.stage1, roi=ROIConfig(anchors=(16.0, 32.0, 64.0), top_k=(2, 0, 1)))
    effects = measure.drop_effects(model, nothing, CLASSES, [np.random.default_rng(0)] * 2)
    assert np.isnan(effects["drop_level4"]).all()
    assert np.isnan(effects["drop_level4@random"]).all()
    assert np.isfinite(effects["drop_level3"]).all()


def test_the_control_drops_as_large_a_block_inside_the_zoom_box():
    cells, within = torch.tensor([[0, 0, 3, 2], [0, 0, 9, 9]]), torch.tensor([[4, 5, 10, 9], [1, 1, 4, 4]])
    corners = set()
    for seed in range(60):
        moved = measure._moved(cells, within, [np.random.default_rng(seed)] * 2)
        x1, y1, x2, y2 = moved[0].tolist()
        assert (x2 - x1, y2 - y1) == (3, 2)
        assert 4 <= x1 <= x2 <= 10
        assert 5 <= y1 <= y2 <= 9
        assert moved[1, :2].tolist() == [1, 1]
        corners.add((x1, y1))
    assert len(corners) == 12  # every place comes


def test_ties_and_saturation_by_hand(model, output):
    side = 96 // 8
    flat = torch.full((2, 1, side, side), 0.5)
    sloping = torch.linspace(0.2, 0.8, side * side).view(1, 1, side, side).expand(2, 1, side, side).clone()
    closed = sloping.clone()
    closed[:, :, : side // 4] = 0.001  # a quarter of the cells
    gates = output.stage1.spatial_gates._replace(level3=closed)
    for level3, tied in ((closed, 0.0), (flat, 1.0)):
        levels = gates._replace(level3=level3, level4=sloping[..., ::2, ::2], level5=sloping[..., ::4, ::4])
        stage = dataclasses.replace(output.stage1, spatial_gates=levels)
        settings = ROIConfig(anchors=(16.0, 32.0, 64.0), border=0.0, threshold=0.9)
        faults = measure.gate_faults(model.second_pass(stage, roi=settings))
        assert faults["tied"].tolist() == [tied, tied]
    assert faults["saturated_level3"].tolist() == [0, 0]
    shown = measure.gate_faults(
        model.second_pass(dataclasses.replace(output.stage1, spatial_gates=levels._replace(level3=closed)))
    )
    assert shown["saturated_level3"].tolist() == [0.25, 0.25]
