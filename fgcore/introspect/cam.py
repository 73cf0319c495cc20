"""Grad-CAM of each network through the grad-cam package: the familiar reference beside the methods' own maps."""

import numpy as np
import torch
from torch import Tensor, nn


class _OneLook(nn.Module):
    """A network as one forward pass to one logits tensor, which is what CAM hooks understand.

    AP-CNN runs its trunk twice; hooks would pair the activations of one pass with the gradients of the other, so
    only stage I, the mean of its four heads, is explained.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, K)."""
        if hasattr(self.model, "look"):
            return self.model.look(self.model.trunk.stem(images)).logits.mean(1)
        return self.model(images).logits


def cam_layer(model: nn.Module) -> tuple[nn.Module, int]:
    """The last convolutional layer whose map a CAM weighs, and its pyramid level (stride 2^level)."""
    trunk = model.trunk
    deepest = 5 if hasattr(trunk, "level5") and any(True for _ in trunk.level5.parameters()) else 4
    if hasattr(model, "last_conv") and not isinstance(model.last_conv, nn.Identity):
        return model.last_conv, deepest
    if not hasattr(trunk, f"level{deepest}"):
        return trunk, 4  # from scratch: one widened backbone that ends at stride 16
    return getattr(trunk, f"level{deepest}"), deepest


def grad_cam(model: nn.Module, image: Tensor, class_index: int) -> np.ndarray:
    """Grad-CAM of one class.

    The package puts hooks on the model: hold the model's lock while this runs.

    Args:
        model: one of this project's networks in evaluation mode.
        image: (1, 3, H, W), normalised.
        class_index: 0 .. K - 1; the caller has checked it.

    Returns:
        (H, W) float32 in [0, 1]; its own minimum is 0 and its own maximum 1, so strengths of two maps cannot be
        compared.

    Source: Selvaraju et al., ICCV 2017; the package pytorch-grad-cam. For AP-CNN stage I is explained.
    """
    from pytorch_grad_cam import GradCAM  # imports matplotlib, scikit-learn and more: seconds, so only when asked for
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    layer, _ = cam_layer(model)
    with torch.enable_grad(), GradCAM(model=_OneLook(model), target_layers=[layer]) as cam:
        inputs = image.detach().clone().requires_grad_(True)
        result = cam(input_tensor=inputs, targets=[ClassifierOutputTarget(class_index)])
    return np.nan_to_num(result[0].astype(np.float32))
