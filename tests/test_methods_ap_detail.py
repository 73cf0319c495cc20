"""What AP-CNN shows of one image."""

import numpy as np
import pytest

from app_helpers import write_checkpoint
from fgcore.data.synthetic import draw
from fgcore.inspection.inspector import Inspector
from fgcore.methods.ap.detail import roi_coverage
from fgcore.outputs import LEVELS
from fgcore.records import Box


@pytest.fixture(scope="module")
def inspection(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "ap.safetensors"
    write_checkpoint(path, "ap", ("Wren", "Tit", "Jay"), "synthetic_birds")
    return Inspector(path).set_image(draw("birds", 8, seed=3).image)


def test_the_detail_records_boxes_zoom_and_heads(inspection):
    shown = inspection.detail
    assert len(shown.heads) == 8
    assert [head.name for head in shown.heads] == list(shown.head_names)
    assert shown.zoom_factor >= 1
    assert shown.zoomed_pixels.shape == (96, 96, 3)
    for candidates, rois in zip(shown.candidates, shown.rois, strict=True):
        assert int(candidates.cells.sum()) == len(candidates.boxes) == len(candidates.scores)
        assert (np.diff(candidates.scores) <= 0).all()
        assert (candidates.scores > candidates.threshold).all()
        assert len(rois) <= len(candidates.boxes)
    assert shown.dropped_heads == ()
    assert shown.dropped_mean is None


def test_a_drawn_dropblock_changes_stage_two_only(inspection):
    for seed in range(20):
        shown = inspection.drawn(seed)
        if shown.drop.level:
            break
    assert (shown.drop_mask == 0).any()
    assert shown.drop.box is not None
    for number in range(4):
        same = shown.dropped_heads[number].probabilities, shown.heads[number].probabilities
        np.testing.assert_allclose(*same, rtol=1e-5)
    pairs = zip(shown.dropped_heads[4:], shown.heads[4:], strict=True)
    assert any(np.abs(a.probabilities - b.probabilities).max() > 1e-7 for a, b in pairs)
    assert np.array_equal(inspection.drawn(seed).drop_mask, shown.drop_mask)


def test_its_maps_are_the_coverage_by_its_rois_and_the_gates_of_stage_one(inspection):
    shown = inspection.detail
    maps = shown.maps((96, 96), 0)
    assert list(maps) == ["rois", "gate3", "gate4", "gate5"]
    boxes = [box for boxes in shown.rois for box in boxes]
    np.testing.assert_array_equal(maps["rois"].values, roi_coverage(boxes, (96, 96)))
    assert maps["rois"].cells == (12, 12)
    for level, gate in zip(LEVELS, shown.stage1.spatial_gates, strict=True):
        found = maps[f"gate{level}"]
        np.testing.assert_array_equal(found.values, gate)
        assert (found.low, found.high, found.cells) == (gate.min(), gate.max(), gate.shape)
        assert found.class_index is None


def test_the_coverage_of_a_box_on_the_cells_is_one_inside_and_none_outside():
    found = roi_coverage([Box(8, 16, 24, 24, 0.5)], (32, 32))
    assert found.tolist() == [[0] * 4, [0] * 4, [0, 1, 1, 0], [0] * 4]


def test_parts_of_a_cell_count_as_parts():
    (found,) = roi_coverage([Box(4, 0, 10, 4, 1.0)], (8, 16))
    assert found.tolist() == [0.25, 0.125]  # half of the height; half and a quarter of the width


def test_coverages_add_up_and_their_sum_is_the_boxes_area():
    boxes = [Box(3, 5, 50, 37, 1.0), Box(20, 11, 41, 60, 1.0), Box(20, 11, 41, 60, 1.0)]
    found = roi_coverage(boxes, (64, 64))
    assert found.sum() * 64 == pytest.approx(sum((box.x2 - box.x1) * (box.y2 - box.y1) for box in boxes))
    assert found.max() == 3


def test_a_box_beyond_the_border_counts_inside_only():
    assert roi_coverage([Box(-50, -50, 8, 8, 1.0)], (16, 16)).tolist() == [[1, 0], [0, 0]]
