import numpy as np
import pytest
import torch

from fgcore.config import LossConfig, ModelConfig
from fgcore.methods import build_loss
from fgcore.methods.mc import channel_groups, losses
from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.records import ChannelGroups
from fgcore.methods.mc.settings import MCLossSettings


@pytest.fixture
def groups():
    """Two classes with two channels each, on 2 x 2 cells; their scores are 3 and 2."""
    features = np.zeros((4, 2, 2), np.float32)
    features[0, 0, 0], features[1, 1, 1], features[2], features[3] = 4, 8, 1, 2
    return ChannelGroups(features, (2, 2), np.array([3, 2]), np.ones(2))


def test_scores_and_ranks_under_a_mask_by_hand(groups):
    kept = channel_groups.group_scores(groups, np.ones(4))
    assert kept.scores.tolist() == [3, 2]
    assert kept.probabilities[0] == pytest.approx(1 / (1 + np.exp(-1)))
    masked = channel_groups.group_scores(groups, np.array([True, False, True, True]))
    assert masked.scores.tolist() == [1, 2]
    assert [kept.rank(0), masked.rank(0), masked.rank(1)] == [1, 2, 1]


def test_equal_scores_share_the_better_place():
    assert channel_groups.GroupScores(np.array([5, 5, 1]), np.zeros(3)).rank(1) == 1


def test_a_group_whose_channels_are_all_dropped_scores_nothing(groups):
    scores = channel_groups.group_scores(groups, np.array([False, False, True, True])).scores
    assert scores.tolist() == [0, 2]


def test_a_mask_of_another_length_is_refused(groups):
    with pytest.raises(ValueError, match=r"expected a mask of 4 channels, got shape \(3,\)"):
        channel_groups.group_scores(groups, np.ones(3))


def test_silent_cells_are_won_by_no_channel(groups):
    assert channel_groups.wins(channel_groups.group(groups, 0)).tolist() == [0.25, 0.25]
    assert channel_groups.wins(channel_groups.group(groups, 1)).tolist() == [0, 1]


def test_a_group_by_hand(groups):
    group = channel_groups.group(groups, 0, np.array([True, False]))
    assert group.ccmp.tolist() == [[4, 0], [0, 8]]
    assert group.masked_ccmp.tolist() == [[4, 0], [0, 0]]
    assert (group.score, group.masked_score) == (3, 1)
    assert group.winner[1, 1] == 1
    assert group.diversity == pytest.approx(2 - group.overlap[0, 1], abs=1e-5)  # for two channels


def test_equal_channels_overlap_wholly(groups):
    group = channel_groups.group(groups, 1)
    np.testing.assert_allclose(group.overlap, 1, rtol=1e-6)
    assert group.diversity == pytest.approx(1)


def test_a_wrong_class_or_mask_is_refused(groups):
    with pytest.raises(ValueError, match="expected a class from 0 to 1, got 2"):
        channel_groups.group(groups, 2)
    with pytest.raises(ValueError, match="expected a mask of 2 channels"):
        channel_groups.group(groups, 0, np.ones(3, bool))


def test_scores_and_diversity_are_those_of_the_loss():
    features = torch.rand(1, 10, 4, 4, generator=torch.Generator().manual_seed(0))
    sizes = (3, 3, 4)
    shown = channel_groups.channel_groups(MCOutput(features, torch.zeros(1, 3), sizes, 5))
    torch.testing.assert_close(torch.from_numpy(shown.diversity).mean(), losses.diversity(features, sizes))
    for index in range(3):
        group = channel_groups.group(shown, index)
        assert group.score == pytest.approx(float(shown.scores[index]), rel=1e-5)
        assert group.diversity == pytest.approx(float(shown.diversity[index]), rel=1e-5)


def test_a_drawn_mask_drops_half_and_follows_its_seed():
    masks = [channel_groups.draw_masks((10,), seed) for seed in range(20)]
    assert {int(mask.sum()) for mask in masks} == {5}
    assert len({mask.tobytes() for mask in masks}) > 10
    assert (masks[3] == channel_groups.draw_masks((10,), 3)).all()


def test_one_draw_masks_every_group_by_the_same_rule():
    mask = channel_groups.draw_masks((4, 4, 5), seed=3)
    assert [int(part.sum()) for part in np.split(mask, [4, 8])] == [2, 2, 3]
    assert (mask == channel_groups.draw_masks((4, 4, 5), seed=3)).all()
    assert (mask != channel_groups.draw_masks((4, 4, 5), seed=4)).any()
    one = MCLossSettings(dropped=1)
    assert int(channel_groups.draw_masks((4, 4, 5), seed=3, settings=one).sum()) == 10


@pytest.mark.parametrize("own", [MCLossSettings(), MCLossSettings(dropped=1), MCLossSettings(mask_per_image=True)])
@pytest.mark.parametrize("seed", [0, 11])
def test_the_mask_that_is_shown_is_the_one_that_training_draws(own, seed):
    """Features of one channel alone give each class's score, so the loss itself tells which channels it kept."""
    sizes, drawn = (3, 3, 4), []
    loss = build_loss(LossConfig("mc", settings=own), ModelConfig("mc"))
    for channel in range(sum(sizes)):
        features = torch.zeros(1, sum(sizes), 2, 2)
        features[0, channel] = 1
        output = MCOutput(features, torch.zeros(1, 3), sizes, 5)
        terms = loss(output, torch.tensor([0]), generator=torch.Generator().manual_seed(seed))
        drawn.append(terms.parts["discriminality"].item() != pytest.approx(np.log(3)))  # silent classes are alike
    assert channel_groups.draw_masks(sizes, seed, own).tolist() == drawn
