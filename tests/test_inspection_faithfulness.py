"""ROAD on models whose reasons are known."""

import numpy as np
import pytest
import torch

from fgcore.inspection.faithfulness import faithfulness, random_map, random_order

IMAGE = torch.zeros(3, 32, 32)
IMAGE[:, 8:16, 8:16] = 2 + 0.2 * torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))
SQUARE = np.zeros((4, 4), np.float32)
SQUARE[1, 1] = 1


def sees_the_square(images):
    """Class 1 is as likely as the square is bright."""
    return torch.stack([torch.zeros(len(images)), 3 * images[:, :, 9:15, 9:15].mean((1, 2, 3))], 1)


def test_the_map_of_the_true_reason_is_faithful_and_its_opposite_is_not():
    good = faithfulness(sees_the_square, IMAGE, SQUARE, 1)
    bad = faithfulness(sees_the_square, IMAGE, -SQUARE, 1)
    assert good.before == pytest.approx(float(sees_the_square(IMAGE[None]).softmax(1)[0, 1]))
    assert max(good.most) < good.before - 0.3
    assert min(good.least) == pytest.approx(good.before, abs=0.02)
    assert good.score > 0.15
    assert bad.score == pytest.approx(-good.score, abs=0.05)


def test_the_score_is_half_of_the_mean_gap():
    found = faithfulness(sees_the_square, IMAGE, SQUARE, 1, removed=(0.2, 0.4))
    assert found.score == pytest.approx((sum(found.least) - sum(found.most)) / 4)
    assert (len(found.most), len(found.least), found.removed) == (2, 2, (0.2, 0.4))


def test_a_map_that_is_mostly_zero_loses_the_wanted_share_and_no_more():
    seen = []
    values = np.zeros((8, 8), np.float32)
    values[1, 1] = 1

    def watch(images):
        seen.append(images)
        return sees_the_square(images)

    found = faithfulness(watch, IMAGE, values, 1, removed=(0.5,))
    changed = (seen[0] != IMAGE).any(1).float().mean((1, 2))
    assert changed.tolist() == pytest.approx([0, 0.5, 0.5], abs=0.01)
    assert np.isfinite([*found.most, *found.least]).all()


def test_the_same_seed_gives_the_same_numbers():
    state = torch.get_rng_state()
    first, again = (faithfulness(sees_the_square, IMAGE, SQUARE, 1, seed=3) for _ in range(2))
    assert first == again
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's draws change


def test_it_ranks_what_the_package_ranks():
    from pytorch_grad_cam.metrics.perturbation_confidence import PerturbationConfidenceMetric, RemoveMostRelevantFirst
    from pytorch_grad_cam.metrics.road import NoisyLinearImputer

    values = np.random.default_rng(0).random((32, 32)).astype(np.float32)  # no ties: both remove the same pixels
    metric = PerturbationConfidenceMetric(RemoveMostRelevantFirst(70, NoisyLinearImputer(noise=0)))
    target = [lambda logits: logits.softmax(-1)[1]]
    theirs = metric(IMAGE[None], values[None], target, sees_the_square, return_diff=False)
    ours = faithfulness(sees_the_square, IMAGE, values, 1, removed=(0.3,)).most
    assert ours == pytest.approx(theirs.tolist(), abs=0.01)  # their noise is off, ours is small


def test_an_order_is_a_permutation_that_follows_the_map():
    values = np.random.default_rng(1).integers(0, 3, (9, 9)).astype(np.float32)
    order = random_order(values, 0)
    assert len(np.unique(order)) == 81
    assert order[values == 0].max() < order[values == 1].min() < order[values == 2].min()
    assert (random_order(np.zeros((9, 9)), 0) != random_order(np.zeros((9, 9)), 1)).any()


def test_a_random_map_follows_its_seed():
    assert random_map((3, 4), 1).shape == (3, 4)
    assert (random_map((3, 4), 1) == random_map((3, 4), 1)).all()
    assert (random_map((3, 4), 1) != random_map((3, 4), 2)).any()
