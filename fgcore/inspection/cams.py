"""Class activation maps from the trace: what the network computed is weighed, without hooks and a second pass.

Equal to the package pytorch-grad-cam to rounding, which the tests hold them against.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from fgcore.outputs import Evidence

KINDS = {  # name -> what it shows, one sentence
    "Grad-CAM": "where the last layer, each channel weighted by its mean gradient, raised the score of the class",
    "LayerCAM": "the same with every position weighted by its own positive gradient, which keeps finer places",
    "HiResCAM": "the product of features and gradients: what each place added to the score, where the head is linear",
    "FinerCAM": "what raised the score of the class above that of the contrast class",
}


def class_maps(evidence: Evidence, classes: Tensor, kind: str = "Grad-CAM", contrasts: Tensor | None = None) -> Tensor:
    """A class activation map for each image of a batch.

    Args:
        evidence: of an output that was computed with gradients, that is from images that require one, in evaluation
            mode, where images do not share anything. The graph is kept: ask as often as you like, from any thread.
        classes: (B,) int64, the class to explain in each image.
        kind: one of `KINDS`.
        contrasts: FinerCAM only: (B,) int64, the classes to tell them from.

    Returns:
        (B, h, w) float32 >= 0, on the grid of the features and not stretched.

    Raises:
        ValueError: another kind, FinerCAM without a contrast class, or an output without gradients.

    Source: Selvaraju et al., ICCV 2017 (Grad-CAM); Jiang et al., TIP 2021 (LayerCAM); Draelos and Carin, 2020
    (HiResCAM); Zhang et al., CVPR 2025 (FinerCAM: Grad-CAM of a difference of logits; **Differs**: the plain difference
    from one class, with weight 1).
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "FinerCAM" and contrasts is None:
        raise ValueError("FinerCAM tells a class from a contrast class, got none; name one")
    features, logits = evidence.features, evidence.logits
    if not features.requires_grad:
        raise ValueError("a class activation map needs an output with gradients; let the images require them")
    score = logits.gather(1, classes[:, None]).sum()
    if kind == "FinerCAM":
        score = score - logits.gather(1, contrasts[:, None]).sum()
    (slopes,) = torch.autograd.grad(score, features, retain_graph=True)
    values, slopes = features.detach().float(), slopes.float()
    if kind == "HiResCAM":
        return (slopes * values).sum(1).relu()
    weights = slopes.relu() if kind == "LayerCAM" else slopes.mean((2, 3), keepdim=True)
    return (weights * values).sum(1).relu()


def stretched(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map on the network input, its own minimum 0 and its own maximum 1; zeros where it is flat.

    Strengths of two such maps cannot be compared.

    Args:
        values: (h, w), finite.
        size: (H, W) of the network input.

    Returns:
        (H, W) float32 in [0, 1], interpolated bilinearly.
    """
    return _unit(cv2.resize(_unit(values.astype(np.float32)), size[::-1]))


def _unit(values: np.ndarray) -> np.ndarray:
    values = values - values.min()
    return values / (1e-7 + values.max())
