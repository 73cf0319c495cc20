"""Maps side by side: the sliders cut off and fade the right maps, and a common scale is one."""

import numpy as np
import pytest

from app.charts import evidence
from app.charts.panels import Layer, Panel

PIXELS = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)


def layer(values, low, high):
    return Layer(np.asarray(values, np.float32), "CCMP", low, high, "viridis")


def alpha(colour):
    return float(colour.rsplit(",", 1)[1].strip(" )"))


def figure(shared):
    ten = np.arange(100).reshape(10, 10)
    items = [Panel("p", PIXELS), Panel("a", PIXELS, layer(ten, 0, 99)), Panel("b", PIXELS, layer(ten * 2, 0, 198))]
    return evidence.evidence_panels(items, shared)


def step(slider, label):
    (found,) = [step for step in slider.steps if label in step.label]
    return found.args


def test_each_slider_changes_every_map_and_leaves_the_other_sliders_setting_alone():
    fade, cut = figure({}).layout.sliders
    assert [set(step.args[0]) for step in fade.steps] == [{"opacity"}] * len(fade.steps)
    assert [set(step.args[0]) for step in cut.steps] == [{"colorscale"}] * len(cut.steps)
    assert {step.method for step in [*fade.steps, *cut.steps]} == {"restyle"}  # in the browser: no rerun
    assert {tuple(step.args[1]) for step in [*fade.steps, *cut.steps]} == {(2, 4)}  # pictures are 0, 1 and 3


def test_the_threshold_clears_all_but_the_highest_share_of_the_area():
    changes, _ = step(figure({}).layout.sliders[1], "20 %")
    for scale, high in zip(changes["colorscale"], (99, 198), strict=True):
        edge = scale[1][0]
        assert alpha(scale[0][1]) == alpha(scale[1][1]) == 0
        assert alpha(scale[2][1]) > 0.5
        assert (np.arange(100) * high / 99 > edge * high).sum() == 20
        stops = [stop for stop, _ in scale]
        assert (stops[0], stops[-1]) == (0, 1)
        assert stops == sorted(stops)


def test_everything_is_shown_at_first():
    shown = figure({})
    for number, scale in zip((2, 4), step(shown.layout.sliders[1], "everything")[0]["colorscale"], strict=True):
        assert [tuple(stop) for stop in shown.data[number].colorscale] == [tuple(stop) for stop in scale]
    assert shown.data[2].opacity == 1


@pytest.mark.parametrize("area", evidence.AREAS)
def test_a_flat_and_an_empty_map_can_be_cut_too(area):
    for values, high in ((np.zeros((3, 3)), 0), (np.full((3, 3), 0.4), 1), (np.eye(3), 1)):
        scale = evidence._cut(layer(values, 0, high), (0, high), area)
        assert (scale[0][0], scale[-1][0]) == (0, 1)


def test_a_common_scale_is_a_second_set_of_the_same_maps_that_a_button_shows():
    shown = figure({1: (0, 198), 2: (0, 198)})
    own, common = [shown.data[number] for number in (2, 4)], shown.data[5:]
    assert [(trace.zmin, trace.zmax) for trace in own] == [(0, 99), (0, 198)]
    assert [(trace.zmin, trace.zmax) for trace in common] == [(0, 198), (0, 198)]
    assert [trace.visible for trace in common] == [False, False]
    for first, second in zip(own, common, strict=True):
        np.testing.assert_array_equal(first.z, second.z)
        assert (first.xaxis, first.yaxis) == (second.xaxis, second.yaxis)
    (menu,) = shown.layout.updatemenus
    assert [list(button.args[1]) for button in menu.buttons] == [[2, 4, 5, 6]] * 2
    assert [list(button.args[0]["visible"]) for button in menu.buttons] == [
        [True, True, False, False], [False, False, True, True],
    ]  # fmt: skip
    changes, traces = step(shown.layout.sliders[1], "20 %")
    assert list(traces) == [2, 4, 5, 6]  # the threshold holds on both scales
    assert changes["colorscale"][2][1][0] == pytest.approx(changes["colorscale"][0][1][0] / 2)


def test_where_they_are_highest_is_drawn_in_three_colours_and_said_in_words():
    places = np.array([[0, 1], [2, 3]])
    shown = evidence.overlap_panels([("a and b", places)], PIXELS)
    heatmap = shown.data[1]
    np.testing.assert_array_equal(heatmap.z, [[np.nan, 1], [2, 3]])
    assert heatmap.text.tolist() == [["neither", "the first only"], ["the second only", "both"]]
    colours = [colour for _, colour in heatmap.colorscale]
    assert colours[0].startswith("rgba(230, 159, 0")
    assert colours[2].startswith("rgba(86, 180, 233")
    assert colours[4].startswith("rgba(255, 255, 255")
    for value, expected in ((1, colours[0]), (2, colours[2]), (3, colours[4])):
        place = (value - heatmap.zmin) / (heatmap.zmax - heatmap.zmin)
        below = [colour for stop, colour in heatmap.colorscale if stop <= place]
        assert below[-1] == expected


def test_a_drag_selects_a_box():
    shown = evidence.drag_panel(Panel("p", PIXELS))
    assert shown.layout.dragmode == "select"
    assert [trace.type for trace in shown.data] == ["image", "scatter"]
    assert shown.layout.xaxis.range == (-0.5, 39.5)  # the invisible points widen nothing
