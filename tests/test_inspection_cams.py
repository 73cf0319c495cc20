"""Class activation maps from the trace: against their formulas, and against the package pytorch-grad-cam."""

import dataclasses

import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget
from torch import nn

from conftest import ROOT
from fgcore import presets
from fgcore.data.synthetic import draw
from fgcore.inspection import cams
from fgcore.inspection.inspector import Inspector
from fgcore.methods import METHODS, build_model
from fgcore.outputs import Evidence
from fgcore.report import render
from fgcore.training.session import settled
from small_models import small

SHIPPED = sorted((ROOT / "checkpoints").glob("*.safetensors"))
OURS = ("baseline", "mc", "ap")


class Difference:
    """The score of FinerCAM: one logit minus another."""

    def __init__(self, index, contrast=None):
        self.index, self.contrast = index, contrast

    def __call__(self, logits):
        return logits[..., self.index] - (0 if self.contrast is None else logits[..., self.contrast])


class OnePass(nn.Module):
    """A network as one way from images to logits, which is what hooks understand: of AP-CNN stage I."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        if hasattr(self.network, "first_pass"):
            return self.network.first_pass(images).logits.mean(1)
        return self.network(images).logits


def hooked(network):
    """The layer whose output a head reads; of AP-CNN the last one of the trunk that has weights."""
    if not isinstance(getattr(network, "last_conv", nn.Identity()), nn.Identity):
        return network.last_conv
    if hasattr(network, "first_pass"):
        return network.trunk.level5 if list(network.trunk.level5.parameters()) else network.trunk.level4
    return network.trunk


def package(network, image, kind, index, contrast=None):
    """The package's map of one image (3, H, W): (H, W) in [0, 1]."""
    kinds = {"Grad-CAM": "GradCAM", "LayerCAM": "LayerCAM", "HiResCAM": "HiResCAM", "FinerCAM": "FinerCAM"}
    targets = [Difference(index, contrast if kind == "FinerCAM" else None)]
    maker = getattr(pytorch_grad_cam, kinds[kind])
    with maker(model=OnePass(network), target_layers=[hooked(network)]) as cam:
        return cam(input_tensor=image[None].requires_grad_(True), targets=targets)[0]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_kind_equals_the_package_on_the_shipped_checkpoints(path):
    inspector = Inspector(path)
    family = "cars" if "cars" in path.stem else "birds"
    for number, order in ((3, (0, 1)), (8, (1, 0))):
        inspection = inspector.set_image(draw(family, number, seed=5).image)
        index, contrast = (inspection.prediction.top(2)[place][0] for place in order)
        for kind in cams.KINDS:
            expected = package(inspector.loaded.model, inspection.tensor, kind, index, contrast)
            found = inspection.cam(kind, index, contrast)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
            assert found.max() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("kind", cams.KINDS)
@pytest.mark.parametrize("method", OURS)
def test_every_kind_equals_the_package_where_level_5_has_weights_and_for_every_image_of_a_batch(method, kind):
    torch.manual_seed(0)
    config = dataclasses.replace(small(method, 4), trunk="resnet18", settings=METHODS[method].settings())
    model = build_model(config).eval().requires_grad_(False).double()
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    evidence = next(iter(model(images.clone().requires_grad_(True)).evidence().values()))
    assert evidence.level == 5
    classes, contrasts = torch.tensor([1, 3]), torch.tensor([0, 2])
    maps = cams.class_maps(evidence, classes, kind, contrasts)
    assert maps.shape == (2, 3, 3)
    for image, values, index, contrast in zip(images, maps, classes, contrasts, strict=True):
        assert values.max() > 0
        expected = package(model, image, kind, index, contrast)
        np.testing.assert_allclose(cams.stretched(values.numpy(), (96, 96)), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("preset", "level", "cells"),
    [("mc_birds_first", 4, 8), *((name, 4, 14) for name in ("baseline_birds", "mc_birds", "ap_birds", "mc_cub50"))],
)
def test_a_map_lies_on_the_grid_of_the_features_that_the_head_reads(preset, level, cells):
    experiment = presets.get(preset)
    random = dataclasses.replace(experiment.model, weights="")
    experiment = settled(dataclasses.replace(experiment, model=random), 24)
    model = build_model(experiment.model).eval().requires_grad_(False)
    crop = experiment.data.crop
    (where, evidence), *_ = model(torch.randn(1, 3, crop, crop).requires_grad_(True)).evidence().items()
    assert where == ("stage I" if preset.startswith("ap") else "last features")
    assert evidence.level == level
    assert cams.class_maps(evidence, torch.tensor([0])).shape == (1, cells, cells)
    assert cells * 2**level == crop


def evidence_of(seed=0, images=1):
    """Features, and the logits of a linear head on their means: Grad-CAM's textbook case; and the head."""
    torch.manual_seed(seed)
    features = torch.rand(images, 6, 4, 5, requires_grad=True)
    head = nn.Linear(6, 5).requires_grad_(False)
    return Evidence(features, head(features.mean((2, 3))), 5), head


def test_grad_cam_and_hires_cam_of_a_linear_head_are_its_weights_times_the_channels():
    evidence, head = evidence_of()
    expected = torch.einsum("c,bchw->bhw", head.weight[2], evidence.features.detach()).relu() / 20
    for kind in ("Grad-CAM", "HiResCAM"):
        torch.testing.assert_close(cams.class_maps(evidence, torch.tensor([2]), kind), expected)


def test_layer_cam_counts_positive_slopes_only():
    evidence, head = evidence_of()
    expected = torch.einsum("c,bchw->bhw", head.weight[2].relu(), evidence.features.detach()) / 20
    torch.testing.assert_close(cams.class_maps(evidence, torch.tensor([2]), "LayerCAM"), expected)


def test_finer_cam_explains_the_difference_of_two_logits():
    evidence, head = evidence_of()
    weights = head.weight[2] - head.weight[4]
    expected = torch.einsum("c,bchw->bhw", weights, evidence.features.detach()).relu() / 20
    found = cams.class_maps(evidence, torch.tensor([2]), "FinerCAM", torch.tensor([4]))
    torch.testing.assert_close(found, expected)
    assert (found - cams.class_maps(evidence, torch.tensor([2]))).abs().max() > 0.005


def test_hires_cam_differs_from_grad_cam_where_slopes_differ_between_places():
    features = torch.tensor([[[[1.0, 3.0], [2.0, 0.5]]]], requires_grad=True)
    evidence = Evidence(features, features.pow(2).sum((2, 3)), 5)  # slopes 2 x
    assert cams.class_maps(evidence, torch.tensor([0]), "HiResCAM").tolist() == [[[2.0, 18.0], [8.0, 0.5]]]
    assert cams.class_maps(evidence, torch.tensor([0])).tolist() == [[[3.25, 9.75], [6.5, 1.625]]]  # mean slope 3.25


def test_the_graph_is_kept_for_any_number_of_questions():
    evidence, _ = evidence_of(images=3)
    first = cams.class_maps(evidence, torch.tensor([0, 1, 2]))
    cams.class_maps(evidence, torch.tensor([2, 2, 2]), "LayerCAM")
    assert torch.equal(cams.class_maps(evidence, torch.tensor([0, 1, 2])), first)


def test_finer_cams_contrast_is_the_packages_where_the_other_class_is_likely_and_better_where_it_is_not():
    def gradient(target, logits):
        logits = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad(target(logits), logits)[0]

    ours, theirs = Difference(0, 1), FinerWeightedTarget(0, [1], 1)
    likely, unlikely = [3.0, 2.0, 0.5], [40.0, 10.0, 0.0]
    torch.testing.assert_close(gradient(ours, likely), gradient(theirs, likely), atol=1e-6, rtol=1e-6)
    assert gradient(ours, unlikely).tolist() == [1, -1, 0]
    assert (gradient(theirs, unlikely) - gradient(ours, unlikely)).abs().max() > 0.5


def test_a_map_is_stretched_from_its_own_minimum_to_its_own_maximum():
    values = np.array([[2.0, 4.0], [3.0, 2.0]], np.float32)
    found = cams.stretched(values, (4, 4))
    np.testing.assert_allclose(found, render.scaled(render.resize_map(render.scaled(values), (4, 4))), atol=1e-6)
    assert (found.min(), found.max()) == (0, pytest.approx(1, abs=1e-6))
    assert cams.stretched(np.full((2, 2), 7.0, np.float32), (4, 4)).tolist() == [[0] * 4] * 4


@pytest.mark.parametrize("kind", cams.KINDS)
@pytest.mark.parametrize("method", OURS)
def test_a_map_leaves_no_hook_and_no_gradient_behind(method, kind):
    model = build_model(small(method, 4)).eval().requires_grad_(False)
    evidence = next(iter(model(torch.randn(1, 3, 96, 96).requires_grad_(True)).evidence().values()))
    found = cams.class_maps(evidence, torch.tensor([1]), kind, torch.tensor([2]))
    assert found.shape == (1, 6, 6)
    assert found.min() >= 0
    assert not found.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(part._forward_hooks or part._backward_hooks for part in model.modules())


def test_wrong_wishes_are_refused():
    evidence, _ = evidence_of()
    one = torch.tensor([0])
    with pytest.raises(ValueError, match="kind must be one of Grad-CAM, LayerCAM, HiResCAM, FinerCAM, got 'ScoreCAM'"):
        cams.class_maps(evidence, one, "ScoreCAM")
    with pytest.raises(ValueError, match="FinerCAM tells a class from a contrast class, got none; name one"):
        cams.class_maps(evidence, one, "FinerCAM")
    with pytest.raises(ValueError, match="needs an output with gradients; let the images require them"):
        cams.class_maps(evidence._replace(features=evidence.features.detach()), one)
