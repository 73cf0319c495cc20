import numpy as np
import pytest

from fgcore.methods.mc import channel_groups
from fgcore.records import ChannelGroups


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


def test_one_draw_masks_every_group_by_the_same_rule():
    mask = channel_groups.draw_masks((4, 4, 5), seed=3)
    assert [int(part.sum()) for part in np.split(mask, [4, 8])] == [2, 2, 3]
    assert (mask == channel_groups.draw_masks((4, 4, 5), seed=3)).all()
    assert (mask != channel_groups.draw_masks((4, 4, 5), seed=4)).any()
    assert int(channel_groups.draw_masks((4, 4, 5), seed=3, dropped=1).sum()) == 10
