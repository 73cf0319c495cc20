import numpy as np
import pytest
import torch

from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.purity import class_channels, group_measures, mean_overlap


def two_images():
    """Two images, three classes with two channels each on 2 x 2 positions."""
    features = torch.zeros(2, 6, 2, 2)
    features[0, 0, 0, 0], features[0, 1, 1, 1] = 8, 4  # class 0: g = 12 / 4 = 3
    features[0, 2] = 2  # class 1: g = 2
    features[0, 4] = 5  # class 2: g = 5
    features[1, 2], features[1, 3] = 1, 1  # class 1 alone
    return MCOutput(features, torch.zeros(2, 3), (2, 2, 2), 5)


def test_the_rank_of_a_group_by_hand():
    measures = group_measures(two_images(), torch.tensor([0, 1]))
    assert measures["group_rank"].tolist() == [2, 1]
    assert measures["group_first"].tolist() == [0, 1]
    assert group_measures(two_images(), torch.tensor([1, 0]))["group_rank"].tolist() == [3, 2]  # a tie at 0


def test_equal_channels_have_diversity_one_and_overlap_one_and_h_is_their_complement():
    measures = group_measures(two_images(), torch.tensor([0, 1]))
    assert measures["diversity"][1] == pytest.approx(1)
    assert measures["overlap"][1] == pytest.approx(1)
    np.testing.assert_allclose(measures["diversity"], 2 - measures["overlap"], rtol=1e-6)  # of two channels
    # image 0: softmax of (8, 0, 0, 0) and (0, 0, 0, 4)
    e8, e4 = np.exp(8), np.exp(4)
    shared = 3 / (e8 + 3) + min(1 / (e4 + 3), e8 / (e8 + 3))
    assert measures["overlap"][0] == pytest.approx(shared, rel=1e-5)


def test_the_mean_overlap_is_over_pairs_of_different_channels():
    channels = np.zeros((3, 1, 2), np.float32)
    channels[0, 0, 0], channels[1, 0, 1], channels[2, 0, 1] = 60, 60, 60
    assert mean_overlap(channels) == pytest.approx(1 / 3)  # only the second and the third look at the same place
    assert np.isnan(mean_overlap(channels[:1]))


def test_channels_are_those_of_the_class_also_in_uneven_groups():
    output = MCOutput(torch.arange(5.0).view(1, 5, 1, 1).expand(2, 5, 1, 1), torch.zeros(2, 2), (2, 3), 5)
    first, second = class_channels(output, torch.tensor([1, 0]))
    assert first.ravel().tolist() == [2, 3, 4]
    assert second.ravel().tolist() == [0, 1]
