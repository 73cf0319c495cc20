"""AP-CNN under bf16 autocast, in which it may be trained and evaluated: it looks where it looks in float32."""

import numpy as np
import pytest
import torch

from conftest import ROOT
from fgcore.data.synthetic import draw
from fgcore.inspection.inspector import Inspector
from fgcore.machine import runtime

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def outputs():
    """What the shipped network says of 16 drawn birds, in float32 and in bf16."""
    inspector = Inspector(ROOT / "checkpoints" / "ap_birds.safetensors")
    views = [inspector._prepared(draw("birds", number, seed=9).image)[0] for number in range(16)]
    images, found = torch.stack(views), []
    for precision in ("fp32", "bf16"):
        with torch.no_grad(), runtime.autocast(precision, CPU):
            found.append(inspector.loaded.model(images))
    return found


def test_the_gates_are_computed_in_float32_either_way(outputs):
    for output in outputs:
        for gate in output.stage1.spatial_gates:
            assert gate.dtype == torch.float32
    assert outputs[1].stage1.logits.dtype == torch.bfloat16  # the rest is not


def test_nine_of_ten_boxes_are_those_of_float32(outputs):
    same, total = 0, 0
    for exact, rounded in zip(outputs[0].rois, outputs[1].rois, strict=True):
        for image in range(16):
            boxes = {tuple(box) for box in exact.boxes[image][exact.valid[image]].tolist()}
            others = {tuple(box) for box in rounded.boxes[image][rounded.valid[image]].tolist()}
            same, total = same + len(boxes & others), total + len(boxes)
    assert total > 16 * 6
    assert same / total >= 0.9


def test_nine_of_ten_zoom_boxes_are_those_of_float32(outputs):
    equal = (outputs[0].zoom_boxes == outputs[1].zoom_boxes).all(1)
    assert equal.float().mean() >= 0.9


def test_the_answers_are_nearly_those_of_float32(outputs):
    exact, rounded = (output.logits.float().softmax(1) for output in outputs)
    assert torch.equal(exact.argmax(1), rounded.argmax(1))
    np.testing.assert_allclose(rounded, exact, atol=0.05)
