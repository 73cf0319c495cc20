"""Figures: what is drawn is what was given, in the right place, and zooms together."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from app.charts import mosaic, strips, style
from app.charts.panels import Layer, Outline, Panel, cell_centres, outside, panels
from fgcore.report import render


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8)


def layer(values, **settings):
    return Layer(np.asarray(values, np.float32), "value", 0, 1, "viridis", **settings)


def edges(first, step, count):
    """Where plotly draws the outer edges of `count` cells."""
    return first - step / 2, first + step * (count - 0.5)


def test_the_cells_of_a_map_share_out_the_picture_exactly():
    x0, dx = cell_centres(14, 0, 224)
    assert (x0, dx) == (7.5, 16)  # plotly centres pixel 0 at 0, so the picture spans -0.5 .. 223.5
    assert edges(x0, dx, 14) == (-0.5, 223.5)


@pytest.mark.parametrize(("height", "width"), [(4, 6), (2, 3), (7, 5)])
def test_a_map_covers_its_picture_edge_to_edge(pixels, height, width):
    figure = panels([Panel("p", pixels, layer(np.ones((height, width))))], columns=1, side=100)
    picture, heatmap = figure.data
    assert edges(picture.x0, picture.dx, 96) == pytest.approx(edges(heatmap.x0, heatmap.dx, width))
    assert edges(picture.y0, picture.dy, 64) == pytest.approx(edges(heatmap.y0, heatmap.dy, height))
    assert figure.layout.xaxis.range == (-0.5, 95.5)
    assert figure.layout.yaxis.range == (63.5, -0.5)  # the first row on top


def test_a_crop_is_drawn_where_it_was_cut(pixels):
    place = (16.0, 8.0, 48.0, 40.0)
    figure = panels([Panel("p", pixels, layer(np.ones((4, 4))), place=place)], columns=1, side=100)
    for trace, columns, rows in zip(figure.data, (96, 4), (64, 4), strict=True):
        assert edges(trace.x0, trace.dx, columns) == pytest.approx((15.5, 47.5))
        assert edges(trace.y0, trace.dy, rows) == pytest.approx((7.5, 39.5))


def test_map_values_and_their_range_are_kept(pixels):
    values = np.array([[0.1, np.nan], [0.7, 5.0]], np.float32)
    heatmap = panels([Panel("p", pixels, layer(values))], columns=1, side=100).data[1]
    np.testing.assert_array_equal(heatmap.z, values)
    assert (heatmap.zmin, heatmap.zmax, heatmap.hoverongaps) == (0, 1, False)


def test_linked_panels_zoom_together_and_other_cuts_do_not(pixels):
    items = [Panel("a", pixels), Panel("b", pixels), None, Panel("c", pixels, linked=False)]
    figure = panels(items, columns=2, side=100)
    assert (figure.layout.xaxis2.matches, figure.layout.yaxis2.matches) == ("x", "y")
    assert (figure.layout.xaxis4.matches, figure.layout.yaxis4.matches) == (None, None)
    assert figure.layout.xaxis3.visible is False
    assert len(figure.data) == 3


def test_one_slider_fades_all_maps_and_nothing_else(pixels):
    items = [Panel("a", pixels, layer([[1]])), Panel("b", pixels), Panel("c", pixels, layer([[1]], fading=False))]
    items.append(Panel("d", pixels, layer([[1]])))
    figure = panels(items, columns=4, side=100)
    (slider,) = figure.layout.sliders
    kinds = [trace.type for trace in figure.data]
    assert kinds == ["image", "heatmap", "image", "image", "heatmap", "image", "heatmap"]
    for step in slider.steps:
        changes, traces = step.args
        assert step.method == "restyle"  # in the browser: no rerun
        assert list(traces) == [1, 6]
        assert len(changes["opacity"]) == len(changes["colorscale"]) == 2
    shown = slider.steps[slider.active].args[0]["opacity"][0]
    assert figure.data[1].opacity == shown
    assert slider.steps[0].args[0]["opacity"][0] == 0


def test_without_a_map_there_is_no_slider(pixels):
    assert panels([Panel("a", pixels)], columns=1, side=100).layout.sliders == ()


def test_a_picture_is_grey_only_under_a_fading_map(pixels, monkeypatch):
    seen = []
    monkeypatch.setattr(style, "jpeg_source", lambda pixels, side=None: seen.append(pixels) or "data:,")
    panels([Panel("a", pixels), Panel("b", pixels, layer([[1]])), Panel("c", pixels, layer([[1]], fading=False))],
           columns=3, side=100)  # fmt: skip
    coloured = [bool((picture[..., 0] != picture[..., 1]).any()) for picture in seen]
    assert coloured == [True, False, True]


def test_boxes_carry_their_score_and_what_they_are(pixels):
    box = Outline((8, 4, 40, 36), style.LEVEL_COLOURS[3], tag="0.91", hover="level 3, ROI 1")
    figure = panels([Panel("a", pixels, outlines=[box])], columns=1, side=100)
    shape = figure.layout.shapes[-1]
    assert (shape.x0, shape.y0, shape.x1, shape.y1) == (7.5, 3.5, 39.5, 35.5)
    assert shape.line.color == style.LEVEL_COLOURS[3]
    assert "0.91" in [annotation.text for annotation in figure.layout.annotations]
    points = figure.data[-1]
    assert (points.x[0], points.y[0], points.hovertext[0]) == (23.5, 19.5, "level 3, ROI 1")


def test_what_lies_outside_a_box_is_covered_once():
    covered = np.zeros((20, 30), int)
    for area in outside((5, 4, 25, 20), (20, 30)):
        x1, y1, x2, y2 = map(int, area.box)
        covered[y1:y2, x1:x2] += 1
    expected = np.ones((20, 30), int)
    expected[4:20, 5:25] = 0
    np.testing.assert_array_equal(covered, expected)


def test_a_mosaic_is_one_heat_map_with_gaps_of_nan(pixels):
    channels = np.random.default_rng(1).random((5, 3, 4)).astype(np.float32) + 0.1
    kept = np.array([True, False, True, True, False])
    figure = mosaic.channel_mosaic(channels, range(40, 45), kept, pixels, high=2.0, columns=3)
    assert [trace.type for trace in figure.data] == ["heatmap", "scatter"]  # the map, the channels' numbers
    heatmap = figure.data[0]
    shown = heatmap.z[~np.isnan(heatmap.z)]
    np.testing.assert_array_equal(np.sort(shown), np.sort(channels.ravel()))
    assert np.isnan(heatmap.z).any()
    assert (heatmap.zmin, heatmap.zmax) == (0, 2.0)


def test_every_cell_of_a_mosaic_says_which_channel_row_and_column_it_is(pixels):
    channels = np.random.default_rng(2).random((5, 3, 4)).astype(np.float32)
    figure = mosaic.channel_mosaic(channels, range(40, 45), np.ones(5, bool), pixels, high=1.0, columns=2)
    z, origins = figure.data[0].z, figure.data[0].customdata
    for row, column in np.argwhere(~np.isnan(z)):
        number, y, x = origins[row, column]
        assert z[row, column] == channels[number - 40, y, x]


def test_dropped_channels_are_veiled_and_struck_out(pixels):
    kept = np.array([True, False, True])
    figure = mosaic.channel_mosaic(np.ones((3, 2, 2)), range(3), kept, pixels, high=1.0, columns=3)
    assert list(figure.data[1].text) == ["0", "<s>1</s>", "2"]
    assert len(figure.layout.shapes) == 1


def test_the_grey_image_lies_beneath_each_tile_and_nothing_between_them(pixels):
    channels = np.ones((3, 14, 14), np.float32)
    tiles = mosaic.assemble(channels, 2)
    figure = mosaic.channel_mosaic(channels, range(3), np.ones(3, bool), pixels, high=1.0, columns=2)
    (image,) = figure.layout.images
    assert (image.sizex, image.sizey) == tiles.values.shape[::-1]
    backdrop = np.asarray(Image.open(io.BytesIO(base64.b64decode(image.source.split(",")[1]))))
    fine = backdrop.shape[0] // tiles.values.shape[0]
    opaque = backdrop[::fine, ::fine, 1] == 255
    np.testing.assert_array_equal(opaque, ~np.isnan(tiles.values))
    first = backdrop[4 * fine : 18 * fine, : 14 * fine, 0].astype(float)
    assert abs(first.mean() - render.grey(pixels)[..., 0].mean()) < 1


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (3, 3), (10, 5), (11, 6), (21, 7)])
def test_a_mosaic_leaves_hardly_any_place_empty(count, columns):
    assert mosaic.columns_for(count) == columns


def test_a_palette_can_fade_towards_its_low_end():
    fading = [colour.rsplit(",", 1)[1].strip(" )") for _, colour in style.colourscale("magma", fading=True)]
    opaque = [colour.rsplit(",", 1)[1].strip(" )") for _, colour in style.colourscale("magma")]
    assert float(fading[0]) == 0
    assert [float(alpha) for alpha in fading] == sorted(float(alpha) for alpha in fading)
    assert {float(alpha) for alpha in opaque} == {1.0}


def test_overlap_matrices_share_the_scale_from_0_to_1():
    matrices = [("a", np.eye(3)), ("b", np.eye(2) * 0.5)]
    figure = strips.overlap_matrices(matrices, [range(3), range(7, 9)], height=100)
    assert [(trace.zmin, trace.zmax) for trace in figure.data] == [(0, 1), (0, 1)]
    assert list(figure.data[1].x) == ["7", "8"]
    np.testing.assert_array_equal(figure.data[0].z, np.eye(3))


def test_gate_strips_keep_one_row_per_level():
    gates = {"level 3": np.array([0.2, 0.4]), "level 4": np.array([0.6, 0.8])}
    (heatmap,) = strips.gate_strips(gates, height=100).data
    np.testing.assert_array_equal(heatmap.z, [[0.2, 0.4], [0.6, 0.8]])
    assert (list(heatmap.y), heatmap.zmin, heatmap.zmax) == (["level 3", "level 4"], 0.2, 0.8)
    assert list(heatmap.colorbar.tickvals) == [0.2, 0.8]  # the bar tells its range


def test_a_clickable_mosaic_has_an_invisible_point_on_each_tile_that_names_its_channel(pixels):
    channels = np.random.default_rng(2).random((5, 3, 4)).astype(np.float32)
    figure = mosaic.channel_mosaic(channels, range(40, 45), np.ones(5, bool), pixels, high=1, columns=2, clickable=True)
    heatmap, _, points = figure.data
    assert list(points.customdata) == [40, 41, 42, 43, 44]
    assert points.marker.opacity == 0
    for x, y, number in zip(points.x, points.y, points.customdata, strict=True):
        assert heatmap.customdata[int(y), int(x), 0] == number


def test_channels_on_their_own_scale_keep_their_values_for_the_hover_text(pixels):
    channels = np.array([[[0, 4]], [[1, 2]], [[0, 0]]], np.float32)
    kept = np.ones(3, bool)
    heatmap, _ = mosaic.channel_mosaic(channels, range(3), kept, pixels, high=4, columns=3, own_scale=True).data
    there = ~np.isnan(heatmap.z)
    assert heatmap.z[there].tolist() == [0, 1, 0.5, 1, 0, 0]
    assert np.array(heatmap.text)[there].tolist() == [0, 4, 1, 2, 0, 0]
    assert heatmap.zmax == 1


def test_the_winners_palette_has_a_step_for_each_whole_number():
    scale = style.colourscale(style.WINNERS)
    count = len(style.WINNER_COLOURS)
    for number, colour in enumerate(style.WINNER_COLOURS):
        place = (number + 0.5) / count  # of a value between -0.5 and count - 0.5
        below = [tint for stop, tint in scale if stop <= place][-1]
        above = next(tint for stop, tint in scale if stop >= place)
        assert below == above == colour


def test_words_can_stand_for_a_map_s_values(pixels):
    named = layer([[0, 1]], texts=np.array([[7, 9]]))
    heatmap = panels([Panel("p", pixels, named)], columns=1, side=100).data[1]
    assert "%{text}" in heatmap.hovertemplate
    assert np.array(heatmap.text).tolist() == [[7, 9]]
