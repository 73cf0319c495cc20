import numpy as np
import pytest

from fgcore.records import Box
from fgcore.report import render


def test_an_overlay_without_weight_is_the_image_and_a_flat_map_is_dark():
    pixels = np.full((8, 8, 3), 100, np.uint8)
    assert (render.overlay(pixels, np.eye(4), alpha=0) == pixels).all()
    assert render.scaled(np.full((2, 2), 7.0)).max() == 0
    with pytest.raises(ValueError, match="palette must be one of viridis"):
        render.colour(np.eye(2), palette="jet")


def test_boxes_and_dropped_cells_are_drawn_where_they_are():
    pixels = np.zeros((64, 64, 3), np.uint8)
    drawn = render.draw_boxes(pixels, [Box(8, 8, 40, 40, 0.5)], 3, scores=False)
    assert drawn[8, 20].tolist() == list(render.LEVEL_COLOURS[3])
    assert drawn[24, 24].sum() == 0
    mask = np.ones((8, 8), np.float32)
    mask[1, 2] = 0
    assert (render.drop_overlay(pixels, mask)[8:16, 16:24] == 128).all()
