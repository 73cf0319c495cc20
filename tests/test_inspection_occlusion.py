"""Covering a part of a picture: just that part, with what was wanted."""

import numpy as np
import pytest

from fgcore.inspection.occlusion import box_in_photo, changes, mean_colour, occlude
from fgcore.records import Prediction, View


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)


@pytest.mark.parametrize("fill", ["blur", "mean"])
def test_only_the_box_changes_and_the_picture_is_kept(picture, fill):
    before = picture.copy()
    covered = occlude(picture, (10, 20, 40, 50), fill)
    outside = np.ones((60, 90), bool)
    outside[20:50, 10:40] = False
    np.testing.assert_array_equal(covered[outside], picture[outside])
    assert (covered[~outside] != picture[~outside]).any(1).mean() > 0.9
    np.testing.assert_array_equal(picture, before)


def test_the_mean_colour_is_the_pictures(picture):
    covered = occlude(picture, (10, 20, 40, 50), "mean")
    np.testing.assert_array_equal(covered[30, 20], np.round(picture.mean((0, 1))))
    np.testing.assert_array_equal(mean_colour(picture), covered[30, 20])


def test_a_blur_keeps_the_colour_and_loses_the_detail(picture):
    stripes = picture.copy()
    stripes[:] = 0
    stripes[:, ::2, 0] = 200
    soft = occlude(stripes, (0, 0, 90, 60), "blur")
    assert soft[..., 0].mean() == pytest.approx(100, abs=4)
    assert np.ptp(soft[10:-10, 10:-10, 0].astype(int)) < 40
    assert soft[..., 1:].max() == 0


def test_a_box_is_cut_at_the_border_and_never_empty(picture):
    covered = occlude(picture, (-5, 50, 8, 99), "mean")
    assert (covered != picture).any(2).sum() == pytest.approx(8 * 10, abs=2)
    assert (occlude(picture, (3.1, 3.1, 3.2, 3.2), "mean") != picture).any(2).sum() == 1


@pytest.mark.parametrize("box", [(10, 10, 10, 20), (30, 10, 20, 20), (90, 0, 99, 10), (-9, 0, 0, 10)])
def test_a_box_that_holds_nothing_is_refused(picture, box):
    with pytest.raises(ValueError, match="expected a box inside the 90 x 60 image"):
        occlude(picture, box)


def test_another_fill_is_refused(picture):
    with pytest.raises(ValueError, match="fill must be one of blur, mean, got 'black'"):
        occlude(picture, (0, 0, 9, 9), "black")


def test_shares_of_the_view_become_pixels_of_the_photo():
    view = View(np.zeros((224, 224, 3), np.uint8), (100.0, 20.0, 300.0, 220.0), (240, 400))
    assert box_in_photo((0.25, 0, 0.5, 1), view) == (150, 20, 200, 220)


def test_changes_list_the_first_classes_and_a_new_first_choice():
    before, after = (
        Prediction("final", np.array([0.5, 0.3, 0.15, 0.05])),
        Prediction("final", np.array([0.1, 0.2, 0, 0.7])),
    )
    found = [(change.class_index, change.before, change.after) for change in changes(before, after, 2)]
    assert found == [(0, 0.5, 0.1), (1, 0.3, 0.2), (3, 0.05, 0.7)]
    assert len(changes(before, before, 2)) == 2
