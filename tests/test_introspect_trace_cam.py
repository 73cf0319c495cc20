"""Grad-CAM from the trace against the formula's package, on one small untrained network of each method."""

import numpy as np
import pytest
import torch

from fgcore.config import ModelConfig
from fgcore.inspection.cam import cam_layer, grad_cam
from fgcore.inspection.trace_cam import grad_cams
from fgcore.methods.build import build_model
from fgcore.report.render import resize_map, scaled


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_it_equals_the_package_for_every_image_of_a_batch(method):
    torch.manual_seed(0)
    config = ModelConfig(method, "resnet18", num_classes=4, level=5, hidden=16, pyramid_channels=32)
    model = build_model(config).eval().requires_grad_(False)
    images = torch.randn(2, 3, 96, 96)
    level = cam_layer(model)[1]
    maps = grad_cams(model(images.clone().requires_grad_(True)), torch.tensor([1, 3]), level)
    for image, values, index in zip(images, maps, (1, 3), strict=True):
        assert values.max() > 0
        expected = grad_cam(model, image[None], index)
        np.testing.assert_allclose(scaled(resize_map(scaled(values), (96, 96))), scaled(expected), atol=2e-4)


def test_an_output_without_gradients_is_refused():
    model = build_model(ModelConfig("baseline", "squeezenet1_1", num_classes=3, level=4, hidden=16)).eval()
    with torch.no_grad(), pytest.raises(ValueError, match="needs an output with gradients"):
        grad_cams(model(torch.randn(1, 3, 64, 64)), torch.tensor([0]), 4)
