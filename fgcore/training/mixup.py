"""Mixup: each image of a batch blended with the one before it, and their classes likewise."""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from fgcore.machine.runtime import derive_seed


def blend(alpha: float, *parts: int) -> float:
    """The share of an image in its blend with the one before, drawn from Beta(alpha, alpha) for a whole batch.

    Args:
        alpha: > 0; small ones leave most batches nearly as they are.
        parts: the numbers of run, epoch and step, on which alone the draw depends.
    """
    return float(np.random.default_rng(derive_seed("mixup", *parts)).beta(alpha, alpha))


def mixup(inputs: Tensor, targets: Tensor, num_classes: int, share: float, *, whole: bool) -> tuple[Tensor, Tensor]:
    """Blend each image with the one before it; the first follows the last.

    Args:
        inputs: (B, 3, H, W) float.
        targets: (B,) int64.
        num_classes: K.
        share: of the image itself, in [0, 1]; see `blend`.
        whole: `inputs` is a whole batch. Else it is one process's share, behind the image before it, which is only
            blended in: the results are one fewer. See `TrainBatches`.

    Returns:
        Blended inputs, and the shares of the classes, (B, K) in the inputs' type; or B - 1 of both.

    Source: Zhang et al., ICLR 2018; pairs as in torchvision's v2.MixUp.
    """
    shares = F.one_hot(targets, num_classes).to(inputs.dtype)
    if whole:
        return inputs.roll(1, 0).lerp(inputs, share), shares.roll(1, 0).lerp(shares, share)
    return inputs[:-1].lerp(inputs[1:], share), shares[:-1].lerp(shares[1:], share)
