"""Class activation maps against their formulas, on networks small enough to write the formula down."""

import numpy as np
import pytest
import torch
from torch import nn

from fgcore.config import ModelConfig
from fgcore.inspection import cam
from fgcore.methods.build import build_model
from fgcore.report import render


class Tiny(nn.Module):
    """One convolution, its ReLU and the mean of each channel: Grad-CAM's textbook case."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Module()
        self.trunk.level4 = nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), nn.ReLU())
        self.head = nn.Linear(6, 5)

    def forward(self, images):
        features = self.trunk.level4(images)
        logits = self.head(features.mean((2, 3)))
        return type("Output", (), {"features": features, "logits": logits})


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Tiny().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def image():
    return torch.randn(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))


def features_and_gradient(model, image, weights):
    """The feature map and the gradient of a weighted sum of logits."""
    features = model.trunk.level4(image).requires_grad_(True)
    score = (model.head(features.mean((2, 3)))[0] * weights).sum()
    return features[0].detach(), torch.autograd.grad(score, features)[0][0]


def one(*pairs):
    weights = torch.zeros(5)
    for index, value in pairs:
        weights[index] = value
    return weights


def stretched(cells, image):
    """As the package shows it: without negatives, enlarged, 0 .. 1."""
    return render.scaled(render.resize_map(render.scaled(cells.relu().numpy()), image.shape[2:]))


def test_grad_cam_weighs_channels_by_their_mean_gradient(model, image):
    features, gradient = features_and_gradient(model, image, one((2, 1.0)))
    expected = (gradient.mean((1, 2), keepdim=True) * features).sum(0)
    np.testing.assert_allclose(cam.grad_cam(model, image, 2), stretched(expected, image), atol=1e-4)


def test_layer_cam_weighs_positions_by_their_positive_gradient(model, image):
    features, gradient = features_and_gradient(model, image, one((2, 1.0)))
    expected = (gradient.relu() * features).sum(0)
    np.testing.assert_allclose(cam.class_map(model, image, 2, "LayerCAM"), stretched(expected, image), atol=1e-4)


def test_finer_cam_explains_the_difference_of_two_logits(model, image):
    features, gradient = features_and_gradient(model, image, one((2, 1.0), (4, -1.0)))
    expected = (gradient.mean((1, 2), keepdim=True) * features).sum(0)
    found = cam.class_map(model, image, 2, "FinerCAM", 4)
    np.testing.assert_allclose(found, stretched(expected, image), atol=1e-4)
    assert np.abs(found - cam.grad_cam(model, image, 2)).max() > 0.05


def test_finer_cams_contrast_is_the_packages_where_the_rival_is_likely_and_better_where_it_is_not():
    from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget

    def gradient(target, logits):
        logits = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad(target(logits), logits)[0]

    ours, theirs = cam._Contrast(0, 1), FinerWeightedTarget(0, [1], 1)
    likely, unlikely = [3.0, 2.0, 0.5], [40.0, 10.0, 0.0]
    torch.testing.assert_close(gradient(ours, likely), gradient(theirs, likely), atol=1e-6, rtol=1e-6)
    assert gradient(ours, unlikely).tolist() == [1, -1, 0]
    assert (gradient(theirs, unlikely) - gradient(ours, unlikely)).abs().max() > 0.5


def test_eigen_cam_is_the_strongest_pattern_whatever_the_class_and_its_peak_is_positive(model, image):
    features = model.trunk.level4(image)[0].flatten(1).T.numpy()  # (positions, channels)
    features = features - features.mean(0)
    direction = np.linalg.svd(features, full_matrices=False)[2][0]
    pattern = (features @ direction).reshape(4, 6)
    pattern = pattern if pattern.max() >= -pattern.min() else -pattern
    found = cam.class_map(model, image, 0, "EigenCAM")
    np.testing.assert_allclose(found, stretched(torch.from_numpy(pattern), image), atol=1e-4)
    np.testing.assert_array_equal(found, cam.class_map(model, image, 3, "EigenCAM"))


@pytest.mark.parametrize("method", list(cam.METHODS))
def test_ap_cnn_is_explained_by_its_first_stage_and_keeps_no_hook_and_no_gradient(method):
    torch.manual_seed(0)
    config = ModelConfig("ap", "squeezenet1_1", num_classes=4, hidden=16, pyramid_channels=32)
    model = build_model(config).eval().requires_grad_(False)
    image = torch.randn(1, 3, 96, 96)
    found = cam.class_map(model, image, 1, method, 2)
    assert found.shape == (96, 96)
    assert 0 <= found.min() <= found.max() <= 1
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(part._forward_hooks for part in model.modules())


def test_wrong_wishes_are_refused(model, image):
    with pytest.raises(
        ValueError, match="method must be one of Grad-CAM, LayerCAM, EigenCAM, FinerCAM, got 'ScoreCAM'"
    ):
        cam.class_map(model, image, 0, "ScoreCAM")
    with pytest.raises(ValueError, match="FinerCAM tells a class from a rival, got none"):
        cam.class_map(model, image, 0, "FinerCAM")
