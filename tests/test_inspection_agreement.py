"""Agreement of two maps: numbers worked out by hand, and what holds for any map."""

import numpy as np
import pytest

from fgcore.inspection import agreement as ag

FRAME = (0.0, 0.0, 100.0, 80.0)
RNG = np.random.default_rng(0)


def test_pearson_by_hand():
    # deviations (-1, 0, 1) and (-1, 1, 0): 1 / sqrt(2 * 2)
    assert ag.pearson(np.array([1.0, 2, 3]), np.array([1.0, 3, 2])) == pytest.approx(0.5)


def test_spearman_by_hand_with_a_tie():
    # ranks (1, 2.5, 2.5, 4) and (1, 2, 3, 4): 4.5 / sqrt(4.5 * 5)
    found = ag.spearman(np.array([0.0, 7, 7, 9]), np.array([1.0, 2, 30, 400]))
    assert found == pytest.approx(4.5 / np.sqrt(4.5 * 5))


def test_similarity_by_hand():
    # less the minimum and summing to one: (0, .25, .75) and (.5, .5, 0); smaller: 0 + .25 + 0
    assert ag.similarity(np.array([2.0, 3, 5]), np.array([4.0, 4, 1])) == pytest.approx(0.25)


def test_intersection_over_union_by_hand():
    first, second = np.arange(10.0), np.array([0.0, 1, 2, 3, 4, 5, 9, 6, 7, 8])
    # the highest 30 %: 7 8 9 and 6 8 9; two shared of four
    assert ag.intersection_over_union(first, second, 0.3) == pytest.approx(0.5)


@pytest.mark.parametrize("number", [ag.pearson, ag.spearman, ag.similarity, ag.intersection_over_union])
def test_a_map_agrees_wholly_with_itself_and_with_a_brighter_copy(number):
    values = RNG.random(200)
    assert number(values, values) == pytest.approx(1)
    assert number(values, 3 * values + 7) == pytest.approx(1)


@pytest.mark.parametrize("number", [ag.pearson, ag.spearman, ag.similarity, ag.intersection_over_union])
def test_numbers_are_symmetric(number):
    first, second = RNG.random((2, 200))
    assert number(first, second) == pytest.approx(number(second, first))


def test_opposite_maps_disagree():
    values = np.arange(20.0)
    assert ag.pearson(values, -values) == pytest.approx(-1)
    assert ag.spearman(values, -(values**3)) == pytest.approx(-1)
    assert ag.intersection_over_union(values, -values) == 0
    assert ag.similarity(np.array([1.0, 0, 0]), np.array([0.0, 1, 0])) == 0


def test_unrelated_maps_share_as_much_as_chance_gives():
    first, second = RNG.random((2, 200_000))
    assert ag.intersection_over_union(first, second) == pytest.approx(0.2 / 1.8, abs=0.005)
    assert ag.pearson(first, second) == pytest.approx(0, abs=0.01)


def test_a_flat_map_has_no_agreement_with_anything():
    found = ag.agreement(np.full((4, 4), 0.3, np.float32), RNG.random((4, 4)))
    assert all(np.isnan(value) for value in (found.pearson, found.spearman, found.similarity, found.iou))


def test_the_top_area_has_the_wanted_size():
    for area in (0.05, 0.2, 0.5):
        assert ag.top_area(RNG.random((20, 20)), area).mean() == pytest.approx(area)


def test_a_mostly_empty_map_is_highest_only_where_it_is_not_empty():
    values = np.zeros((10, 10))
    values[2, 3:6] = 1, 2, 3
    assert np.argwhere(ag.top_area(values)).tolist() == [[2, 3], [2, 4], [2, 5]]


def test_a_saturated_map_is_highest_where_it_is_saturated():
    values = np.arange(10.0)
    values[4:] = 50
    assert ag.top_area(values).tolist() == [False] * 4 + [True] * 6


def test_where_they_look_by_hand():
    first, second = np.array([[9.0, 8], [1, 0], [0, 0]]), np.array([[9.0, 0], [8, 1], [0, 0]])
    assert ag.look_map(first, second, 1 / 3).tolist() == [[ag.BOTH, ag.ONLY_FIRST], [ag.ONLY_SECOND, 0], [0, 0]]


def test_a_grid_of_the_same_size_changes_nothing():
    values = RNG.random((6, 6)).astype(np.float32)
    np.testing.assert_allclose(ag.on_grid(values, FRAME, side=6), values, rtol=1e-6)


def test_a_finer_grid_keeps_a_ramp_and_a_constant():
    ramp = np.tile(np.arange(7.0), (7, 1))
    fine = ag.on_grid(ramp, FRAME, side=28)
    np.testing.assert_allclose(np.diff(fine[5, 2:-2]), 0.25)
    np.testing.assert_allclose(ag.on_grid(np.full((3, 5), 4.0), FRAME), 4)


def test_a_map_of_a_smaller_frame_lies_where_it_was_seen():
    values = np.zeros((8, 8))
    values[0, 0] = 1
    moved = ag.on_grid(values, (50, 40, 100, 80), onto=FRAME, side=16)
    assert np.isnan(moved[:8]).all()
    assert np.isnan(moved[:, :8]).all()
    assert np.argwhere(moved == 1).tolist() == [[8, 8]]
    whole = ag.on_grid(RNG.random((4, 4)), FRAME, side=16)
    assert np.isfinite(ag.agreement(moved, whole).pearson)  # over the common part


def test_maps_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match=r"one shape, got \(2, 2\) and \(3, 3\)"):
        ag.agreement(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match="without a common position"):
        ag.agreement(np.array([[1, np.nan]]), np.array([[np.nan, 1]]))
