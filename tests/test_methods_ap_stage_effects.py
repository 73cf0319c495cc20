"""What zoom-in and dropblock change, against the network's own second pass."""

import numpy as np
import pytest
import torch

from fgcore.methods import build_model
from fgcore.methods.ap import stage_effects
from fgcore.methods.ap.output import Drop
from fgcore.methods.ap.settings import ROIConfig
from small_models import small

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
    effects = stage_effects.zoom_effects(model, output, CLASSES, boxes)
    first, second = output.stage1.logits, output.stage2.logits
    expected = probability(second[:, 3]) - probability(first[:, 3])
    np.testing.assert_allclose(effects["zoom_concat"], expected, atol=1e-9)
    np.testing.assert_allclose(effects["zoom"], probability(second.mean(1)) - probability(first.mean(1)), atol=1e-9)
    np.testing.assert_allclose(effects["zoom@whole"], 0, atol=1e-6)  # zooming into everything changes nothing
    assert np.abs(effects["zoom"]).max() > 0


def test_dropping_an_roi_is_what_the_network_does_in_training(model, output):
    effects = stage_effects.drop_effects(model, output, CLASSES, [np.random.default_rng(0)] * 2)
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
    stage_effects.zoom_effects(model, output, CLASSES, {"whole": torch.tensor([[0.0, 0.0, 96.0, 96.0]] * 2)})
    stage_effects.drop_effects(model, output, CLASSES, [np.random.default_rng(0)] * 2)
    assert len(seen) == 1 + 2 * 3
    assert all(given is features for given, (features, _, _) in zip(seen, refined, strict=True))


def test_a_level_without_an_roi_has_no_effect_to_tell(model, output):
    nothing = model.second_pass(output.stage1, roi=ROIConfig(anchors=(16.0, 32.0, 64.0), top_k=(2, 0, 1)))
    effects = stage_effects.drop_effects(model, nothing, CLASSES, [np.random.default_rng(0)] * 2)
    assert np.isnan(effects["drop_level4"]).all()
    assert np.isnan(effects["drop_level4@random"]).all()
    assert np.isfinite(effects["drop_level3"]).all()


def test_the_control_drops_as_large_a_block_inside_the_zoom_box():
    cells, within = torch.tensor([[0, 0, 3, 2], [0, 0, 9, 9]]), torch.tensor([[4, 5, 10, 9], [1, 1, 4, 4]])
    corners = set()
    for seed in range(60):
        moved = stage_effects._moved(cells, within, [np.random.default_rng(seed)] * 2)
        x1, y1, x2, y2 = moved[0].tolist()
        assert (x2 - x1, y2 - y1) == (3, 2)
        assert 4 <= x1 <= x2 <= 10
        assert 5 <= y1 <= y2 <= 9
        assert moved[1, :2].tolist() == [1, 1]
        corners.add((x1, y1))
    assert len(corners) == 12  # every place comes
