"""Grad-CAM of a whole batch from the trace itself: no hooks, and little more work than the logits."""

import numpy as np
import torch
from torch import Tensor

from fgcore.outputs import APCNNOutput, ModelOutput


def grad_cams(output: ModelOutput, classes: Tensor, level: int) -> np.ndarray:
    """Grad-CAM of one class for each image of a batch.

    Each channel of the last feature map is weighted by the mean gradient of the class's logit; of the weighted sum the
    positive part remains.

    Args:
        output: computed with gradients, that is from images that require one.
        classes: (B,) int64, the class to explain in each image.
        level: AP-CNN: the pyramid level of the last convolutional layer, see `cam.cam_layer`; its stage I is explained.

    Returns:
        (B, h, w) float32 >= 0, on the grid of the layer and not stretched; `cam.grad_cam` stretches each map to [0, 1].

    Raises:
        ValueError: the output has no gradients.

    Source: Selvaraju et al., Grad-CAM, ICCV 2017.
    """
    if isinstance(output, APCNNOutput):
        features, logits = output.stage1.backbone[level - 3], output.stage1.logits.mean(1)
    else:
        features, logits = output.features, output.logits
    if not features.requires_grad:
        raise ValueError("Grad-CAM needs an output with gradients; let the images require them")
    score = logits.gather(1, classes[:, None]).sum()  # images do not share anything in evaluation
    (slopes,) = torch.autograd.grad(score, features, retain_graph=False)
    weights = slopes.mean((2, 3), keepdim=True)
    return (weights * features).sum(1).relu().detach().float().cpu().numpy()
