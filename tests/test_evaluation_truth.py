"""Annotations reach the network's input through the geometry of the pixels themselves."""

import numpy as np
import pytest

from evaluation_helpers import DRAWN
from fgcore.config import DataConfig
from fgcore.data import synthetic, transforms
from fgcore.data.geometry import Geometry
from fgcore.data.records import Record
from fgcore.evaluation.truth import read_truth, warped

HALF = Geometry((0.5, 0.5), (-10.0, 0.0), 64)  # input = picture / 2, ten columns cut off at the left


def test_box_and_parts_of_a_photograph_are_those_of_its_pixels():
    record = Record(0, None, (20, 20, 100, 60), {"beak": (60, 40), "tail": (10, 40)}, "x")
    truth = read_truth(record, None, HALF, radius=0.1)
    assert truth.box == (0, 10, 40, 30)
    assert truth.radius == 4  # a tenth of the longer side, 80 / 2
    assert {name: points.tolist() for name, points in truth.parts.items()} == {
        "beak": [[20, 20]]
    }  # the tail is cut off
    assert truth.energy["box"].sum() == 40 * 20
    assert truth.energy["part"][19, 19]
    assert truth.energy["part"].sum() == (np.add.outer(*[(np.arange(64) + 0.5 - 20) ** 2] * 2) <= 16).sum()


def test_what_is_not_annotated_is_left_out():
    truth = read_truth(Record(0, None, None, None, "x"), None, HALF)
    assert truth.box is None
    assert truth.parts == {}
    assert truth.energy == truth.pointing == {}
    assert truth.radius == pytest.approx(6.4)  # a tenth of the input


def test_a_box_outside_the_view_is_no_box():
    assert read_truth(Record(0, None, (0, 0, 15, 40), None, "x"), None, HALF).box is None


@pytest.mark.parametrize("settings", [{"square": True}, {"resize": 80, "crop": 64}, {"eval_crop": False, "resize": 96}])
def test_masks_of_a_drawing_move_with_its_pixels(settings):
    data = DataConfig("synthetic_birds", **{"resize": 72, "crop": 64} | settings)
    sample = synthetic.draw("birds", 1, 5, size=data.resize)
    picture = np.zeros((data.resize, data.resize, 3), np.uint8)
    picture[sample.object_mask] = 255  # the mask as a picture goes the way of the pixels
    view, geometry = transforms.evaluation_view(picture, data)
    mask = warped(sample.object_mask, geometry)
    seen = view[0].numpy() >= 128
    assert (mask != seen).mean() < (0.02 if not data.eval_crop else 1e-9)  # resampled edges, or a plain cut


def test_a_drawing_knows_its_discriminative_part_first():
    sample = synthetic.draw("birds", 1, 5, size=72)
    _, geometry = transforms.evaluation_view(sample.image, DRAWN)
    truth = read_truth(Record(1, None, None, None, "birds/001/5"), sample, geometry)
    assert next(iter(truth.parts)) == "eye_ring" == sample.discriminative_parts[0]
    assert truth.energy["discriminative"].sum() == len(truth.parts["eye_ring"])
    assert (truth.pointing["discriminative"] & truth.energy["discriminative"]).sum() == truth.energy[
        "discriminative"
    ].sum()
    assert truth.pointing["discriminative"].sum() > truth.energy["discriminative"].sum()
    assert (truth.energy["object"] & ~truth.energy["box"]).sum() == 0
