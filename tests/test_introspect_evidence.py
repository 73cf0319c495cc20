"""Every method's own map in one form."""

import numpy as np
import pytest

from fgcore.inspection import evidence
from fgcore.records import Box


def test_the_coverage_of_a_box_on_the_cells_is_one_inside_and_none_outside():
    found = evidence.roi_coverage([Box(8, 16, 24, 24, 0.5)], (32, 32))
    assert found.tolist() == [[0] * 4, [0] * 4, [0, 1, 1, 0], [0] * 4]


def test_parts_of_a_cell_count_as_parts():
    (found,) = evidence.roi_coverage([Box(4, 0, 10, 4, 1.0)], (8, 16))
    assert found.tolist() == [0.25, 0.125]  # half of the height; half and a quarter of the width


def test_coverages_add_up_and_their_sum_is_the_boxes_area():
    boxes = [Box(3, 5, 50, 37, 1.0), Box(20, 11, 41, 60, 1.0), Box(20, 11, 41, 60, 1.0)]
    found = evidence.roi_coverage(boxes, (64, 64))
    assert found.sum() * 64 == pytest.approx(sum((box.x2 - box.x1) * (box.y2 - box.y1) for box in boxes))
    assert found.max() == 3


def test_a_box_beyond_the_border_counts_inside_only():
    assert evidence.roi_coverage([Box(-50, -50, 8, 8, 1.0)], (16, 16)).tolist() == [[1, 0], [0, 0]]


def test_a_cam_knows_the_grid_it_comes_from():
    found = evidence.cam_map(np.zeros((224, 224), np.float32), "Grad-CAM", 4, 7)
    assert (found.cells, found.low, found.high, found.class_index) == ((14, 14), 0, 1, 7)
