"""Deletion and insertion on a model whose probability is known: the share of bright pixels on the left half."""

import numpy as np
import pytest
import torch

from fgcore.evaluation.deletion import deletion_insertion

SIDE = 40


def left_half(pictures):
    """Two classes; class 0 has as much probability as the mean of the left half (0 to 1) says."""
    share = pictures[:, 0, :, : SIDE // 2].mean((1, 2)).clamp(1e-6, 1 - 1e-6)
    return torch.stack([share, 1 - share], dim=1).log()


@pytest.fixture
def image():
    """1 on the left half, 0 on the right, which has nothing to say."""
    image = torch.zeros(3, SIDE, SIDE)
    image[:, :, : SIDE // 2] = 1
    return image


def test_a_map_of_the_evidence_deletes_fastest(image):
    left = np.zeros((SIDE, SIDE), np.float32)
    left[:, : SIDE // 2] = 1
    maps = {"true": left, "wrong": 1 - left}
    curves = deletion_insertion(left_half, image, maps, 0, steps=4, seed=0)
    # true: after a quarter of the pixels half of the left is gone, after a half all of it
    np.testing.assert_allclose(curves["true"].deleted, [1, 0.5, 0, 0, 0], atol=1e-5)
    assert curves["true"].deletion == pytest.approx(((1 + 0.5) / 2 + 0.5 / 2) / 4, abs=1e-5)
    np.testing.assert_allclose(curves["wrong"].deleted, [1, 1, 1, 0.5, 0], atol=1e-5)
    assert curves["wrong"].deletion == pytest.approx(0.75, abs=1e-5)


def test_insertion_starts_from_the_blur_and_ends_with_the_picture(image):
    left = np.zeros((SIDE, SIDE), np.float32)
    left[:, : SIDE // 2] = 1
    curves = deletion_insertion(left_half, image, {"true": left, "wrong": 1 - left}, 0, steps=4, seed=0)
    true, wrong = curves["true"], curves["wrong"]
    assert true.inserted[0] == wrong.inserted[0] < 1  # a little of the left leaks over the edge
    assert true.inserted[0] > 0.85
    assert true.inserted[2] == pytest.approx(1, abs=1e-5)
    assert wrong.inserted[2] == pytest.approx(wrong.inserted[0], abs=1e-5)
    assert true.insertion > wrong.insertion
    assert true.inserted[-1] == wrong.inserted[-1] == pytest.approx(1, abs=1e-5)


def test_a_flat_map_deletes_in_random_order_by_its_seed(image):
    flat = {"flat": np.ones((5, 5), np.float32)}
    first, again, other = (
        deletion_insertion(left_half, image, flat, 0, steps=2, seed=seed)["flat"] for seed in (1, 1, 2)
    )
    assert first.deleted[1] == again.deleted[1] == pytest.approx(0.5, abs=0.05)
    assert other.deleted[1] != first.deleted[1]


def test_one_step_needs_only_the_ends_and_none_is_refused(image):
    curves = deletion_insertion(left_half, image, {"any": np.ones((2, 2))}, 0, steps=1, seed=0)["any"]
    assert curves.shares.tolist() == [0, 1]
    assert curves.deletion == pytest.approx(0.5, abs=1e-5)
    with pytest.raises(ValueError, match="expected one step or more, got 0"):
        deletion_insertion(left_half, image, {}, 0, steps=0, seed=0)
