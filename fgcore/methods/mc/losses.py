"""MC-Loss as pure functions and a thin Module.

MC-Loss (Chang et al., TIP 2020) gives each class its own consecutive group of xi channels. The discriminality
component L_dis makes every channel of a group recognise the class on its own; the diversity component L_div makes
the channels of a group look at different places. Total: CE + mu * (L_dis - lambda * L_div).
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from fgcore.config import LossConfig, ModelConfig
from fgcore.methods.baseline.loss import CrossEntropy, at_least_single
from fgcore.methods.draws import rand
from fgcore.methods.mc.output import MCOutput, group_sizes
from fgcore.methods.mc.settings import MCLossSettings
from fgcore.outputs import LossTerms

__all__ = [
    "MCLoss",
    "build",
    "channel_mask",
    "class_diversity",
    "class_scores",
    "discriminality",
    "diversity",
    "group_max",
    "group_sizes",
    "spatial_softmax",
]


def _runs(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Consecutive groups of equal size as (number of groups, channels per group)."""
    return [(len(list(group)), size) for size, group in groupby(sizes)]


def _check_channels(features: Tensor, sizes: Sequence[int]) -> None:
    if features.ndim != 4 or features.shape[1] != sum(sizes):
        raise ValueError(
            f"expected features of shape (B, {sum(sizes)}, H, W) for {len(sizes)} groups, got {tuple(features.shape)}"
        )


def channel_mask(
    sizes: Sequence[int],
    *,
    dropped: int | None = None,
    images: int = 1,
    generator: Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """CWA: a random keep-mask that drops the same number of channels in every group.

    Args:
        sizes: channels of each class, K numbers.
        dropped: channels dropped per group, at most size - 1 of them; None: floor(xi / 2).
        images: independent masks to draw; 1 is shared by the batch.
        generator: source of randomness, on any device; None: torch's global one on the CPU.
        device: where the mask is wanted.

    Returns:
        (images, C) bool, True where the channel is kept.

    Source: Chang et al., channel-wise attention; floor(xi / 2) zeros and ceil(xi / 2) ones per group.
    **Differs**: the authors' ResNet-50 script drops 4 of 10 and 4 of 11 channels (`dropped=4`).
    """
    masks = []
    for groups, size in _runs(sizes):
        drop = size // 2 if dropped is None else min(dropped, size - 1)
        noise = rand((images, groups, size), generator, images_axis=None if images == 1 else 0)
        masks.append((noise.argsort(dim=2) >= drop).flatten(1))
    return torch.cat(masks, dim=1).to(device, non_blocking=True)


def group_max(features: Tensor, sizes: Sequence[int]) -> Tensor:
    """CCMP: the highest value among the channels of each class, at each position.

    Args:
        features: (B, C, ...), C = sum(sizes).
        sizes: channels of each class, K numbers.

    Returns:
        (B, K, ...).

    Source: Chang et al., cross-channel max pooling.
    """
    runs = _runs(sizes)
    if len(runs) == 1:
        return _Highest.apply(features.unflatten(1, runs[0]))
    parts = features.split([groups * size for groups, size in runs], dim=1)
    return torch.cat([_Highest.apply(part.unflatten(1, run)) for part, run in zip(parts, runs, strict=True)], dim=1)


class _Highest(torch.autograd.Function):
    """`amax(2)` and its gradient, shared evenly among equals; its own backward takes up to 2.4 times as long."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:  # noqa: ANN401  (torch's own context object)
        highest = values.amax(2)
        context.save_for_backward(values, highest)
        return highest

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        values, highest = context.saved_tensors
        winners = (values == highest.unsqueeze(2)).to(gradient.dtype)
        return winners.mul_((gradient / winners.sum(2)).unsqueeze(2))


def class_scores(features: Tensor, sizes: Sequence[int], mask: Tensor | None = None) -> Tensor:
    """g(F_i): CWA mask, CCMP and GAP, the evidence that the channels of each class give for it.

    Args:
        features: (B, C, H, W).
        sizes: channels of each class, K numbers.
        mask: (1 or B, C) or (C,), 1 where kept; None keeps all. A masked channel counts as 0, so it still wins
            over negative features, as in the official code.

    Returns:
        (B, K).
    """
    _check_channels(features, sizes)
    if mask is not None:
        features = features * mask.to(features.dtype).reshape(-1, features.shape[1], 1, 1)
    winners = group_max(features, sizes)
    return winners.mean((2, 3), dtype=at_least_single(winners))


def discriminality(features: Tensor, targets: Tensor, sizes: Sequence[int], mask: Tensor | None = None) -> Tensor:
    """L_dis: cross-entropy of the classes' own channels, under a CWA mask.

    Args:
        features: (B, C, H, W), C = sum(sizes).
        targets: (B,) int64 in [0, K), or (B, K) shares of the classes, as after mixup.
        sizes: channels of each class, K numbers.
        mask: see `class_scores`; draw one with `channel_mask`.

    Returns:
        Scalar >= 0.

    Source: Chang et al., TIP 2020, discriminality component.
    """
    return F.cross_entropy(class_scores(features, sizes, mask), targets)


def spatial_softmax(features: Tensor) -> Tensor:
    """Each channel as a map over its positions that sums to one. (B, C, H, W) -> (B, C, H * W), at least float32."""
    flat = features.flatten(2)
    return flat.softmax(dim=2, dtype=at_least_single(flat))


def class_diversity(features: Tensor, sizes: Sequence[int]) -> Tensor:
    """h(F_i) of each class: 1 where its channels look at the same place, its xi where they are disjoint.

    Args:
        features: (B, C, H, W), C = sum(sizes).
        sizes: channels of each class, K numbers.

    Returns:
        (B, K), each in [1, xi].

    Source: Chang et al., TIP 2020: softmax over positions, CCMP, sum over positions.
    """
    _check_channels(features, sizes)
    return group_max(spatial_softmax(features), sizes).sum(2)


def diversity(features: Tensor, sizes: Sequence[int]) -> Tensor:
    """L_div: how differently the channels of each class look at the image, from 1 (alike) to xi (disjoint).

    The mean of `class_diversity` over all classes and images.

    Args:
        features: (B, C, H, W), C = sum(sizes).
        sizes: channels of each class, K numbers.

    Returns:
        Scalar in [1, max(sizes)].

    Source: Chang et al., TIP 2020, diversity component. **Differs**: the official code minimises 1 - h / xi; its
    beta equals mc_weight * diversity_weight * xi here. Its script for uneven groups adds the means of the two
    group sizes instead of averaging over all classes.
    """
    return class_diversity(features, sizes).mean()


class MCLoss(nn.Module):
    """Cross-entropy and MC-Loss with named terms. See `discriminality`, `diversity` and `MCLossSettings`."""

    def __init__(self, settings: MCLossSettings, cross_entropy: CrossEntropy) -> None:
        super().__init__()
        self.settings = settings
        self.cross_entropy = cross_entropy

    def forward(
        self, output: MCOutput, targets: Tensor, *, generator: Generator | None = None, mask: Tensor | None = None
    ) -> LossTerms:
        """The loss of a batch; its parts are the heads' cross-entropies, discriminality and diversity.

        Args:
            output: of a network whose last channels are divided among the classes.
            targets: (B,) int64, or (B, K) shares of the classes.
            generator: source of the CWA mask.
            mask: (1 or B, C) or (C,), the CWA mask; None: drawn, see `draw_mask`.
        """
        own, sizes = self.settings, output.group_sizes
        features = output.features.contiguous()  # channels_last would put the channels that CCMP compares far apart
        if mask is None:
            mask = draw_mask(own, sizes, len(features), generator, features.device)
        heads = self.cross_entropy(output, targets)
        parts = {
            "discriminality": discriminality(features, targets, sizes, mask),
            "diversity": diversity(features, sizes),
        }
        mc = parts["discriminality"] - own.diversity_weight * parts["diversity"]
        return LossTerms(heads.total + own.mc_weight * mc, heads.parts | parts)


def draw_mask(
    settings: MCLossSettings,
    sizes: Sequence[int],
    images: int,
    generator: Generator | None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """The CWA mask of a training step, of all groups at once; every mask that is shown is drawn here too.

    Args:
        settings: of the loss.
        sizes: channels of each class, K numbers.
        images: of the batch.
        generator: source of randomness; see `channel_mask`.
        device: where the mask is wanted.

    Returns:
        (images or 1, C) bool, True where the channel is kept.
    """
    dropped = None if settings.dropped < 0 else settings.dropped
    count = images if settings.mask_per_image else 1
    return channel_mask(sizes, dropped=dropped, images=count, generator=generator, device=device)


def build(config: LossConfig, model: ModelConfig) -> MCLoss:
    """The loss of a config whose settings are `MCLossSettings`."""
    return MCLoss(config.settings, CrossEntropy(config))
