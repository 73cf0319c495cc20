import numpy as np
import pytest

from fgcore.evaluation import boxes

PARTS = {"bill": np.array([[10.0, 10.0]]), "tail": np.array([[90.0, 10.0]]), "legs": np.array([[50.0, 90.0]])}


def test_the_iou_of_boxes_by_hand():
    assert boxes.box_iou((0, 0, 4, 4), (2, 2, 6, 6)) == pytest.approx(4 / 28)
    assert boxes.box_iou((0, 0, 4, 4), (0, 0, 4, 4)) == 1
    assert boxes.box_iou((0, 0, 4, 4), (4, 0, 8, 4)) == 0
    assert boxes.box_iou((0, 0, 4, 4), (1, 1, 3, 3)) == pytest.approx(4 / 16)


def test_a_box_is_cut_to_what_the_network_sees():
    assert boxes.clipped((-5, 3, 50, 120), (100, 40)) == (0, 3, 40, 100)
    assert boxes.clipped((40, 0, 50, 10), (100, 40)) is None


def test_recall_counts_parts_and_precision_counts_rois():
    places = boxes.centres(np.array([[4, 4, 20, 20], [0, 0, 20, 22], [40, 40, 60, 60]]))  # (12,12) (10,11) (50,50)
    assert boxes.roi_recall(places, PARTS, 3) == pytest.approx(1 / 3)  # the bill, found twice
    assert boxes.roi_precision(places, PARTS, 3) == pytest.approx(2 / 3)
    assert boxes.roi_precision(places, PARTS, 1) == pytest.approx(1 / 3)  # only the second is so near
    assert boxes.roi_recall(places, PARTS, 40) == pytest.approx(2 / 3)


def test_a_part_of_many_pixels_is_found_at_any_of_them():
    wing = {"wing": np.array([[10.0, 10.0], [50.0, 50.0]])}
    assert boxes.roi_recall(np.array([[50.0, 52.0]]), wing, 2) == 1


def test_without_parts_or_rois_there_is_no_recall_or_precision():
    assert np.isnan(boxes.roi_recall(np.zeros((2, 2)), {}, 5))
    assert np.isnan(boxes.roi_precision(np.zeros((2, 2)), {}, 5))
    assert np.isnan(boxes.roi_precision(np.empty((0, 2)), PARTS, 5))
    assert boxes.roi_recall(np.empty((0, 2)), PARTS, 5) == 0
