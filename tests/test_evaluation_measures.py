"""The rows of the tables, on a picture and maps made by hand."""

import numpy as np
import pytest

from fgcore.data.geometry import Geometry
from fgcore.data.records import Record
from fgcore.evaluation import controls
from fgcore.evaluation.deletion import Curves
from fgcore.evaluation.maps import ImageMaps
from fgcore.evaluation.measures import OF_MAPS, image_row, located, map_rows, of_models
from fgcore.evaluation.truth import Truth, read_truth
from fgcore.methods.base import Shown

RNG = np.random.default_rng(0)


@pytest.fixture
def truth():
    """An object in the left half of 64 x 64 pixels, its beak at (16, 16), its tail at (16, 48)."""
    record = Record(0, None, (0, 0, 32, 64), {"beak": (16, 16), "tail": (16, 48)}, "x")
    return read_truth(record, None, Geometry((1.0, 1.0), (0.0, 0.0), 64), radius=0.125)


def spot(row, column):
    heatmap = np.zeros((4, 4), np.float32)
    heatmap[row, column] = 1
    return heatmap


def test_a_map_on_the_beak_by_hand(truth):
    row = located(np.kron(spot(0, 0), np.ones((16, 16), np.float32)), truth)  # the cell 0 .. 16 at full size
    assert (row["pointing_box"], row["energy_box"], row["background"]) == (1, 1, 0)
    inside = (np.add.outer(*[(np.arange(16) + 0.5 - 16) ** 2] * 2) <= 64).sum()
    assert row["energy_part"] == pytest.approx(inside / 256)
    assert row["part"] == "elsewhere"  # the first of its peaks is the corner
    assert np.isnan(row["pointing_discriminative"])
    assert located(spot(0, 1), truth)["part"] == "elsewhere"  # (24, 8) is more than 8 pixels away from (16, 16)
    assert located(np.pad([[1.0]], (3, 12)), truth)["part"] == "beak"  # the cell of 4 pixels around (14, 14)


def test_a_map_on_the_background(truth):
    row = located(np.kron(spot(1, 3), np.ones((16, 16), np.float32)), truth)
    assert (row["pointing_box"], row["energy_box"], row["background"], row["pointing_part"]) == (0, 0, 1, 0)


def test_silence_has_no_place(truth):
    row = located(np.zeros((4, 4), np.float32), truth)
    assert row.pop("part") == "nowhere"
    assert all(np.isnan(value) for value in row.values())


def look(**fields):
    maps = {"gradcam": spot(1, 1), "random": controls.random_map((4, 4), RNG), "centre": controls.centre_map((4, 4))}
    shown = Shown(**fields)
    return ImageMaps(np.array([0.2, 0.7, 0.1]), maps | shown.maps, shown)


def test_every_map_and_control_is_a_row_and_curves_join_theirs(truth):
    curve = Curves(np.array([0, 1.0]), np.array([1, 0.0]), np.array([0.2, 1]))
    rows = {row["map"]: row for row in map_rows(look(), truth, {"gradcam": curve}, RNG)}
    assert set(rows) == {"gradcam", "random", "centre"}
    assert (rows["gradcam"]["deletion"], rows["gradcam"]["insertion"]) == (0.5, 0.6)
    assert "deletion" not in rows["random"]


def test_single_channels_are_measured_on_average_without_the_silent_ones(truth):
    channels = np.stack([spot(1, 0), spot(1, 3), np.zeros((4, 4), np.float32)])
    rows = {row["map"]: row for row in map_rows(look(channels={"channel": channels}), truth, {}, RNG)}
    assert rows["channel"]["pointing_box"] == 0.5
    assert rows["channel"]["part"] == ""


def test_regions_are_measured_beside_random_and_central_ones(truth):
    rois = np.array([[8.0, 8, 24, 24], [40, 40, 56, 56]])  # on the beak, and on nothing
    box = {"zoom": (0.0, 0.0, 32.0, 32.0)}
    shown = look(regions={"rois": rois}, box=box, maps={"rois": spot(0, 0), "zoom": spot(0, 0)})
    rows = {row["map"]: row for row in map_rows(shown, truth, {}, RNG)}
    assert (rows["rois"]["recall"], rows["rois"]["precision"]) == (0.5, 0.5)
    assert rows["zoom"]["iou"] == 0.5
    assert rows["centre"]["iou"] == pytest.approx((16 * 32) / (32 * 64 + 32 * 32 - 16 * 32))
    assert rows["centre"]["recall"] == 0  # the middle is no part
    assert 0 <= rows["random"]["recall"] <= 1
    assert "recall" not in rows["gradcam"]


def test_an_answer_by_hand(truth):
    channels = np.zeros((3, 8, 8), np.float32)
    channels[0, 2, 2], channels[1, 6, 2], channels[2, 0, 7] = 1, 1, 1  # (20, 20): beak; (20, 52): tail; nothing
    row = image_row(look(covering=channels, numbers={"diversity": 2.5}), truth, 2, RNG)
    assert (row["prediction"], row["top1"]) == (1, 0)
    assert (row["probability"], row["confidence"]) == pytest.approx((0.1, 0.7))
    assert row["diversity"] == 2.5
    assert row["parts_covered"] == 2
    assert row["parts_covered@centre"] == 0
    assert 0 <= row["parts_covered@random"] <= 2


def test_without_annotated_parts_none_are_covered(truth):
    bare = Truth(truth.size, truth.radius, truth.box, {}, truth.pointing, truth.energy)
    assert "parts_covered" not in image_row(look(covering=np.ones((2, 4, 4))), bare, 0, RNG)


def test_every_measure_says_what_it_means_and_which_way_is_better():
    for measure in (OF_MAPS | of_models()).values():
        assert measure.title
        assert measure.meaning.endswith(".")
        assert measure.better in (-1, 0, 1)
