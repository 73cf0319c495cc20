"""Measures of where a map looks, against numbers worked out by hand."""

import numpy as np
import pytest

from fgcore.evaluation import parts


@pytest.fixture
def corner():
    """A region of an 8 x 8 input: its upper left quarter."""
    region = np.zeros((8, 8), bool)
    region[:4, :4] = True
    return region


def test_the_share_on_a_part_is_its_share_of_the_mass(corner):
    heatmap = np.zeros((8, 8), np.float32)
    heatmap[0, 0], heatmap[3, 3], heatmap[4, 4] = 1, 2, 5
    assert parts.share_on(heatmap, corner) == pytest.approx(3 / 8)
    assert parts.share_on(np.ones((8, 8)), corner) == pytest.approx(corner.mean())
    assert parts.share_on(np.zeros((8, 8)), corner) == 0
    with pytest.raises(ValueError, match=r"without negative values, got -1; clip it first"):
        parts.share_on(-np.ones((2, 2)), corner)


def test_a_map_is_brought_to_the_input_between_the_centres_of_its_cells():
    mass = parts.evidence_mass(np.array([[1.0, 3.0]]), (1, 4))
    # pixel centres lie at -0.25, 0.25, 0.75 and 1.25 cells between the centres 0 and 1: 1, 1.5, 2.5, 3
    np.testing.assert_allclose(mass, np.array([[1, 1.5, 2.5, 3]]) / 8)
    assert np.isnan(parts.evidence_mass(np.zeros((2, 2)), (4, 4))).all()


def test_peaks_are_the_centres_of_the_highest_cells_in_pixels():
    heatmap = np.array([[0, 7, 0], [1, 2, 7]])
    assert parts.peaks(heatmap, (40, 30)).tolist() == [[15, 10], [25, 30]]


def test_the_pointing_game_is_won_by_the_highest_point_alone(corner):
    heatmap = np.full((2, 2), 0.9)
    heatmap[0, 0] = 1
    assert parts.pointing_game(heatmap, corner) == 1
    assert parts.pointing_game(1 - heatmap, corner) == 0


def test_a_tie_scores_the_share_of_its_hits_so_a_flat_map_scores_what_chance_does(corner):
    assert parts.pointing_game(np.ones((2, 2)), corner) == 0.25
    assert parts.pointing_game(np.array([[1, 1], [0, 0]]), corner) == 0.5


def test_there_is_no_answer_without_evidence_or_region(corner):
    assert np.isnan(parts.pointing_game(np.zeros((2, 2)), corner))
    assert np.isnan(parts.pointing_game(np.ones((2, 2)), np.zeros((8, 8), bool)))


def test_a_box_holds_the_pixels_whose_centre_it_holds():
    region = parts.box_region((0.5, 1.0, 2.6, 2.4), (4, 4))
    assert np.argwhere(region).tolist() == [[1, 0], [1, 1], [1, 2]]
    assert parts.box_region((-5, -5, 99, 99), (4, 4)).all()


def test_near_a_point_means_within_the_radius_of_a_pixels_centre():
    region = parts.near(np.array([[1.5, 1.5]]), 1.0, (4, 4))
    assert np.argwhere(region).tolist() == [[0, 1], [1, 0], [1, 1], [1, 2], [2, 1]]  # a cross
    assert parts.near(np.array([[0.5, 0.5], [3.5, 3.5]]), 0.1, (4, 4)).sum() == 2


def test_a_grown_region_equals_all_that_is_near_its_pixels():
    region = np.random.default_rng(0).random((30, 40)) > 0.98
    assert (parts.grown(region, 3.5) == parts.near(parts.pixel_centres(region), 3.5, region.shape)).all()
    assert not parts.grown(np.zeros((4, 4), bool), 3).any()


PARTS = {"bill": np.array([[10.0, 10.0]]), "wing": np.array([[20.0, 10.0], [40.0, 40.0]]), "tail": np.empty((0, 2))}


def test_the_part_at_a_point_is_the_nearest_within_the_radius():
    assert parts.part_at(np.array([14.0, 10.0]), PARTS, 5) == "bill"
    assert parts.part_at(np.array([16.0, 10.0]), PARTS, 5) == "wing"
    assert parts.part_at(np.array([40.0, 43.0]), PARTS, 3) == "wing"
    assert parts.part_at(np.array([40.0, 43.1]), PARTS, 3) == parts.ELSEWHERE
    assert parts.part_at(np.array([0.0, 0.0]), {}, 99) == parts.ELSEWHERE


def test_a_map_looks_at_the_part_under_its_highest_cell_and_a_flat_one_nowhere():
    heatmap = np.zeros((4, 4))
    heatmap[0, 1] = 1  # its centre lies at (18, 6) of 48 x 48
    assert parts.looks_at(heatmap, PARTS, 5, (48, 48)) == "wing"
    assert parts.looks_at(np.ones((4, 4)), PARTS, 5, (48, 48)) == parts.NOWHERE


def test_channels_cover_as_many_parts_as_their_peaks_find():
    maps = np.zeros((5, 4, 4))
    maps[0, 0, 0], maps[1, 0, 1], maps[2, 3, 3], maps[3, 3, 0] = 1, 1, 1, 1  # bill, wing, wing, no part; one silent
    assert parts.parts_covered(maps, PARTS, 6, (48, 48)) == 2
    assert parts.parts_covered(np.zeros((2, 4, 4)), PARTS, 6, (48, 48)) == 0
