"""Figures of AP-CNN's page: every step of the film tells where each candidate is, and a click knows its ROI."""

import numpy as np
import pytest

from app.methods.ap.page import drops
from app.methods.ap.page.nms import nms_steps
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.ap.suppression import suppression

PIXELS = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
PER_STEP = 6  # traces: outlines, suppressed before, candidates, suppressed now, kept, their numbers


@pytest.fixture(scope="module")
def shown():
    gate = np.random.default_rng(1).random((12, 12)).astype(np.float32)
    return suppression(gate, 3, ROIConfig(anchors=(16.0, 32.0, 64.0)))


def test_the_slider_shows_one_step_at_a_time_without_the_server(shown):
    figure = nms_steps(PIXELS, shown, side=200)
    (slider,) = figure.layout.sliders
    assert len(slider.steps) == len(shown.steps) + 1
    for number, step in enumerate(slider.steps):
        changes, traces = step.args
        assert step.method == "restyle"
        assert list(traces) == list(range(1, len(figure.data)))
        expected = range(PER_STEP * number, PER_STEP * (number + 1))
        assert [place for place, seen in enumerate(changes["visible"]) if seen] == list(expected)
    first_seen = [trace.visible for trace in figure.data[1:]]
    assert first_seen == list(slider.steps[slider.active].args[0]["visible"])


def test_at_every_step_each_candidate_is_somewhere_exactly_once(shown):
    figure = nms_steps(PIXELS, shown, side=200)
    for number in range(len(shown.steps) + 1):
        frame = figure.data[1 + PER_STEP * number : 1 + PER_STEP * (number + 1)]
        points = [point for trace in frame[1:4] for point in zip(trace.x, trace.y, strict=True)]
        assert len(points) == len(set(points)) == len(shown.candidates.scores) - number
        assert frame[4].name == f"kept ({number})"
        assert len(frame[4].x) == 6 * number
        if number:
            assert len(frame[3].x) == len(shown.steps[number - 1].suppressed)
            assert len(frame[2].x) == shown.steps[number - 1].left


def test_each_kind_of_candidate_has_its_own_symbol_not_only_its_colour(shown):
    frame = nms_steps(PIXELS, shown, side=200).data[1:7]
    assert len({trace.marker.symbol for trace in frame[1:4]}) == 3


def test_kept_boxes_are_drawn_where_they_are_and_numbered(shown):
    figure = nms_steps(PIXELS, shown, side=200)
    kept, numbers = figure.data[-2:]
    for number, step in enumerate(shown.steps):
        corners = slice(6 * number, 6 * number + 4)
        assert (min(kept.x[corners]), max(kept.x[corners])) == (step.roi.x1, step.roi.x2)
        assert (min(kept.y[corners]), max(kept.y[corners])) == (step.roi.y1, step.roi.y2)
        assert (numbers.x[number], numbers.y[number]) == (step.roi.x1, step.roi.y1)
        assert numbers.text[number] == f"<b>{number + 1}</b>"


def test_a_level_without_candidates_is_a_film_of_one_image():
    nothing = suppression(np.full((12, 12), 0.5, np.float32), 3, ROIConfig(threshold=9.0))
    figure = nms_steps(PIXELS, nothing, side=200)
    assert len(figure.layout.sliders[0].steps) == 1
    assert figure.layout.sliders[0].steps[0].label == "all 0 candidates"


def test_changes_share_a_scale_around_zero_and_every_cell_knows_its_row():
    values = np.array([[0.0, -12.34, 3.0], [0.04, 5.0, -0.02]])
    figure = drops.changes(values, ["a", "b"], ["1", "2", "3"], chosen=1)
    heatmap, buttons = figure.data
    assert (heatmap.zmin, heatmap.zmax) == (-12.34, 12.34)
    assert [list(row) for row in heatmap.text] == [["0", "−12.3", "+3.0"], ["0", "+5.0", "0"]]
    for x, y, row in zip(buttons.x, buttons.y, buttons.customdata, strict=True):
        assert row == y
        assert 0 <= x < 3
    (frame,) = figure.layout.shapes
    assert (frame.y0, frame.y1) == (0.5, 1.5)
    assert not drops.changes(values, ["a", "b"], ["1", "2", "3"], chosen=None).layout.shapes


def test_noise_stays_pale():
    heatmap = drops.changes(np.full((1, 2), 1e-5), ["a"], ["1", "2"], chosen=None).data[0]
    assert (heatmap.zmin, heatmap.zmax) == (-1, 1)


def test_the_dots_lie_at_the_centres_of_the_boxes_and_know_their_number():
    dots = drops.boxes_to_click([(0, 0, 40, 20), (10, 10, 30, 50)], ["one", "two"])
    assert list(zip(dots.x, dots.y, dots.customdata, dots.hovertext, strict=True)) == [
        (19.5, 9.5, 0, "drop one"),
        (19.5, 29.5, 1, "drop two"),
    ]
