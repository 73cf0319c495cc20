"""Both sides of a ratio compute the same thing."""

import json
import subprocess
import sys

import pytest
import torch

from benchmarks import literal, timing
from benchmarks.__main__ import table
from conftest import ROOT
from fgcore.config import ModelConfig
from fgcore.methods import build_model
from fgcore.methods.ap.roi import all_rois
from fgcore.methods.ap.settings import APSettings, ROIConfig
from fgcore.methods.mc.losses import channel_mask, discriminality, diversity, group_sizes


@pytest.mark.parametrize("channels", [12, 14])
def test_the_literal_mc_loss_is_ours(channels):
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(3, channels, 5, 5, generator=generator, dtype=torch.float64)
    targets, sizes = torch.tensor([0, 3, 1]), group_sizes(channels, 4)
    mask = channel_mask(sizes, generator=generator)[0].double()
    counts = [sum(size * (size == xi) for size in sizes) for xi in sorted(set(sizes))]
    masks = [part[None, :, None, None] for part in mask.split(counts)]
    ours = discriminality(features, targets, sizes, mask) - diversity(features, sizes)
    torch.testing.assert_close(literal.mc_loss(features, targets, sizes, masks), ours, rtol=1e-12, atol=1e-12)


def test_the_mask_of_the_literal_mc_loss_drops_as_many_channels():
    mask = literal.mc_mask(classes=5, xi=3, images=2)
    assert mask.shape == (2, 15, 1, 1)
    assert (mask[0].view(5, 3).sum(1) == 2).all()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    roi = ROIConfig(anchors=(32.0, 64.0, 96.0))
    config = ModelConfig("ap", "resnet18", num_classes=5, hidden=16, settings=APSettings(32, roi=roi))
    return build_model(config).eval()


@torch.no_grad()
def test_the_literal_ap_cnn_finds_the_same_boxes_and_says_the_same(network):
    images = torch.rand(3, 3, 128, 160, generator=torch.Generator().manual_seed(1))
    output, (stage1, stage2) = network(images), literal.ap_cnn(network, images)
    rois = all_rois(output.rois)
    for image in range(3):
        boxes = torch.tensor(literal.image_boxes(output.stage1.spatial_gates, image, network.roi))
        assert torch.equal(boxes, rois.boxes[image][rois.valid[image]])
    torch.testing.assert_close(stage1.logits, output.stage1.logits)
    torch.testing.assert_close(stage2.logits, output.stage2.logits, rtol=1e-4, atol=1e-4)


def test_cases_take_turns_and_the_ratio_is_that_of_each_round():
    calls = []
    cases = {name: lambda name=name: calls.append(name) for name in "ab"}
    seconds = timing.take_turns(cases, repeats=2, device=torch.device("cpu"), warm_up=1)
    assert calls == ["a", "b", "b", "a", "a", "b"]
    assert [len(values) for values in seconds.values()] == [2, 2]
    assert timing.ratio({"slow": [4.0, 9.0, 2.0], "fast": [2.0, 3.0, 1.0]}, "slow", "fast") == {
        "median": 2.0,
        "lowest": 2.0,
        "highest": 3.0,
    }


def test_a_table_has_a_line_for_each_row():
    row = {"what": "this", "meaning": "a / b", "ratio": {"median": 2.0, "lowest": 1.5, "highest": 3.0}}
    assert table([row]).splitlines()[-1] == "| this | 2 (1.5 - 3) | a / b |  |"


def test_an_unknown_part_is_refused_in_one_sentence():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no part is called nothing; choose from mc_loss" in done.stderr


def test_the_stored_results_name_their_machine_and_command():
    files = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
    assert files
    for file in files:
        result = json.loads(file.read_text())
        assert result["command"].startswith("python -m benchmarks ")
        assert {"device", "threads", "torch"} <= result["machine"].keys()
        assert all(row["what"] and ("ratio" in row or "count" in row) for row in result["rows"])
