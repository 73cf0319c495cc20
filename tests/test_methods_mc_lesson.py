"""The lesson's own numbers, worked out by hand."""

import numpy as np
import pytest
import torch

from fgcore.evaluation.parts import in_view, share_on
from fgcore.methods.mc import losses
from fgcore.methods.mc.lesson import discriminality, hills, one_group
from fgcore.methods.mc.records import ChannelGroups


def test_hills_on_one_spot_have_diversity_one():
    shown = one_group(hills([(6, 6)] * 3))
    assert shown.diversity == pytest.approx(1, abs=1e-6)
    assert shown.overlap == pytest.approx(np.ones((3, 3)), abs=1e-6)


def test_hills_far_apart_have_nearly_diversity_three():
    assert 2.95 < one_group(hills([(1, 1), (1, 12), (12, 6)])).diversity <= 3


def test_the_diversity_falls_as_one_hill_moves_onto_another():
    spread = [one_group(hills([(7, 2), (7, column)])).diversity for column in (12, 8, 5, 3, 2)]
    assert spread == sorted(spread, reverse=True)
    assert spread[-1] == pytest.approx(1, abs=1e-6)


def test_the_softmax_of_a_hill_is_a_gaussian_blob():
    (blob,) = one_group(hills([(7, 7)], width=1.5)).softmax
    assert blob.sum() == pytest.approx(1, abs=1e-5)
    assert blob[7, 10] / blob[7, 7] == pytest.approx(np.exp(-9 / (2 * 1.5**2)), rel=1e-4)
    row, column = np.indices(blob.shape)
    assert blob[(row - 7) ** 2 + (column - 7) ** 2 <= 36].sum() > 0.99


def test_the_diversity_of_hills_is_that_of_the_loss():
    channels = hills([(2, 3), (4, 4), (9.5, 10)])
    assert one_group(channels).diversity == float(losses.diversity(torch.from_numpy(channels)[None], (3,)))


def test_discriminality_of_two_classes_by_hand():
    features = np.zeros((2, 2, 2), np.float32)
    features[0] = [[4, 0], [0, 0]]  # the mean of this class's map is 1, that of the other 0
    groups = ChannelGroups(features, (1, 1), np.array([1, 0], np.float32), np.ones(2, np.float32))
    share = np.e / (np.e + 1)
    assert discriminality(groups, 0) == pytest.approx(-np.log(share))
    assert discriminality(groups, 1) == pytest.approx(-np.log(1 - share))
    with pytest.raises(ValueError, match="from 0 to 1, got 2"):
        discriminality(groups, 2)


def test_the_share_on_a_part_is_its_area_for_an_even_map():
    mask = np.zeros((8, 8), bool)
    mask[:2, :4] = True
    assert share_on(np.full((4, 4), 0.3), mask) == pytest.approx(8 / 64)


def test_the_share_on_a_part_counts_the_mass_that_lies_there():
    heatmap, mask = np.array([[3.0, 1.0], [0.0, 0.0]]), np.array([[True, False], [False, False]])
    assert share_on(heatmap, mask) == pytest.approx(0.75)
    assert share_on(np.zeros((2, 2)), mask) == 0
    with pytest.raises(ValueError, match="negative"):
        share_on(-heatmap, mask)


def test_a_mask_is_cut_as_the_network_sees_the_picture():
    mask = np.zeros((10, 10), bool)
    mask[2:4, 3] = True
    assert np.array_equal(in_view(mask, (2.0, 1.0, 8.0, 7.0)), mask[1:7, 2:8])
