"""Class activation maps of each network through the grad-cam package: the familiar reference beside the methods' own.

The package puts hooks on the model: hold the model's lock while one of these functions runs.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

METHODS = {  # name -> what it shows, one sentence
    "Grad-CAM": "where the last layer, each channel weighted by its mean gradient, raised the score of the class",
    "LayerCAM": "the same with every position weighted by its own gradient, which keeps finer places",
    "EigenCAM": "the strongest pattern of the last layer, whatever the class; it needs no gradient",
    "FinerCAM": "what raised the score of the class above that of its rival",
}


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
    """Grad-CAM of one class. See `class_map`."""
    return class_map(model, image, class_index, "Grad-CAM")


def class_map(
    model: nn.Module, image: Tensor, class_index: int, method: str, rival_index: int | None = None
) -> np.ndarray:
    """A class activation map.

    Args:
        model: one of this project's networks in evaluation mode.
        image: (1, 3, H, W), normalised.
        class_index: 0 .. K - 1; the caller has checked it. EigenCAM does not look at it.
        method: one of `METHODS`.
        rival_index: FinerCAM only: the class to tell it from; the caller has checked it.

    Returns:
        (H, W) float32 in [0, 1]; its own minimum is 0 and its own maximum 1, so strengths of two maps cannot be
        compared.

    Raises:
        ValueError: another method, or FinerCAM without a rival.

    Source: Selvaraju et al., ICCV 2017 (Grad-CAM); Jiang et al., TIP 2021 (LayerCAM); Muhammad and Yeasin, IJCNN 2020
    (EigenCAM); Zhang et al., CVPR 2025 (FinerCAM), all in the package pytorch-grad-cam. For AP-CNN stage I is
    explained. **Differs**: EigenCAM's sign, which is arbitrary, is chosen as in Chung and Ying, Appl. Sci. 2025;
    FinerCAM's contrast is the plain difference of the two logits, see `_Contrast`.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if method == "FinerCAM" and rival_index is None:
        raise ValueError("FinerCAM tells a class from a rival, got none; name one")
    layer, _ = cam_layer(model)
    target = _Contrast(class_index, rival_index if method == "FinerCAM" else None)
    start = layer.register_forward_hook(_start_of_graph)
    try:
        with torch.enable_grad(), _package_class(method)(model=_OneLook(model), target_layers=[layer]) as cam:
            result = cam(input_tensor=image.detach(), targets=[target])
    finally:
        start.remove()
    return np.nan_to_num(result[0].astype(np.float32))


def _start_of_graph(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """Gradients are wanted down to this layer's output, not to the picture: a third of the time less."""
    return output.detach().requires_grad_(True).clone()  # a copy, since what follows may work in place


class _Contrast:
    """The score to explain: one logit, or the difference of two.

    For one rival the package's `FinerWeightedTarget` with alpha = 1 means this difference too, but divides the
    rival's probability by itself plus 1e-9: below about 1e-8 another gradient comes out.
    """

    def __init__(self, class_index: int, rival_index: int | None) -> None:
        self.class_index, self.rival_index = class_index, rival_index

    def __call__(self, logits: Tensor) -> Tensor:
        if self.rival_index is None:
            return logits[..., self.class_index]
        return logits[..., self.class_index] - logits[..., self.rival_index]


def _package_class(method: str) -> Any:  # noqa: ANN401 - the package has no types
    """The package's class; it imports matplotlib, scikit-learn and more: seconds, so only when asked for."""
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection_with_sign_correction

    class SignedEigenCAM(pytorch_grad_cam.EigenCAM):
        """EigenCAM whose sign does not depend on the linear algebra library."""

        def get_cam_image(self, *args: Any) -> np.ndarray:
            """Input, layer, targets, activations (B, C, h, w), gradients, smoothing -> (B, h, w)."""
            return get_2d_projection_with_sign_correction(args[3])

    ours = {"Grad-CAM": pytorch_grad_cam.GradCAM, "LayerCAM": pytorch_grad_cam.LayerCAM}
    return {**ours, "EigenCAM": SignedEigenCAM, "FinerCAM": pytorch_grad_cam.FinerCAM}[method]
