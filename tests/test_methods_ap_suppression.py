"""Non-maximum suppression step by step: the same boxes as the model's, and nothing lost on the way."""

import numpy as np
import pytest
import torch

from fgcore.methods.ap import roi
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.ap.suppression import suppression
from fgcore.outputs import LEVELS, Pyramid

SETTINGS = (
    ROIConfig(anchors=(32.0, 64.0, 128.0)),
    ROIConfig(anchors=(40.0, 64.0, 100.0), top_k=(9, 4, 3), nms_iou=0.3, border=0.2, threshold=0.8),
    ROIConfig(anchors=(16.0, 32.0, 64.0), top_k=(50, 50, 50), nms_iou=0.0),  # until the candidates run out
    ROIConfig(top_k=(0, 0, 0)),
    ROIConfig(threshold=9.0),  # no candidate at all
)


def gates_of(seed, *, tied):
    generator = torch.Generator().manual_seed(seed)
    gates = [torch.rand(1, 1, side, side, generator=generator) for side in (28, 14, 7)]
    return Pyramid(*((gate * 4).round() / 4 if tied else gate for gate in gates))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("settings", SETTINGS)
def test_the_boxes_kept_step_by_step_are_exactly_the_models_rois(settings, tied):
    gates = gates_of(0, tied=tied)
    rois = roi.roi_pyramid(gates, settings)
    for level, gate, expected in zip(LEVELS, gates, rois, strict=True):
        steps = suppression(gate[0, 0].numpy(), level, settings).steps
        boxes = [[step.roi.x1, step.roi.y1, step.roi.x2, step.roi.y2] for step in steps]
        assert boxes == expected.boxes[expected.valid].tolist()
        assert [step.roi.score for step in steps] == expected.scores[expected.valid].tolist()


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_candidate_is_kept_suppressed_once_or_left(settings):
    gate = gates_of(1, tied=False).level3[0, 0].numpy()
    shown = suppression(gate, 3, settings)
    fate = [step.kept for step in shown.steps] + [number for step in shown.steps for number in step.suppressed]
    left = shown.steps[-1].left if shown.steps else len(shown.candidates.scores)
    assert len(fate) == len(set(fate))
    assert len(fate) + left == len(shown.candidates.scores) == int(shown.candidates.cells.sum())


def test_a_step_removes_what_overlaps_the_kept_box_too_much_and_nothing_else():
    gate = gates_of(2, tied=False).level4[0, 0].numpy()
    settings = ROIConfig(anchors=(32.0, 64.0, 128.0), nms_iou=0.2)
    shown = suppression(gate, 4, settings)
    boxes = torch.from_numpy(shown.candidates.boxes)
    there = set(range(len(boxes)))
    for step in shown.steps:
        assert step.kept == min(there)  # candidates are sorted, best first
        overlap = roi.box_iou(boxes[step.kept], boxes)
        expected = {number for number in there if overlap[number] > settings.nms_iou} - {step.kept}
        assert set(step.suppressed.tolist()) == expected
        there -= expected | {step.kept}
        assert step.left == len(there)


def test_candidates_lie_where_their_gate_is():
    gate = gates_of(3, tied=False).level5[0, 0].numpy()
    shown = suppression(gate, 5, ROIConfig(anchors=(32.0, 64.0, 128.0)))
    columns, rows = (shown.centres / 32).astype(int).T
    np.testing.assert_array_equal(gate[rows, columns], shown.candidates.scores)
    np.testing.assert_array_equal(shown.candidates.boxes[:, :2] + 64, shown.centres)
