"""What becomes of MC-Loss's channels: what the classifier makes of each group, and the loss term by term.

The head is handed over by the caller and run on the features that were recorded; the loss is computed by the very
functions of `fgcore.methods.mc.losses`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fgcore.methods.mc import losses
from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.records import ChannelGroups
from fgcore.records import Prediction


@dataclass(frozen=True)
class HeadReading:
    """How the classifier, which mixes all channels, uses those of each group for one class on one image.

    The head is max-pool, BN, FC, BN, ELU, FC: not linear. What stands for its weights is the slope of the class's
    logit with respect to each pooled channel at this image, which for a linear head is its weight.
    """

    class_index: int  # whose logit
    weight_mass: np.ndarray  # (K,) sum of |slope| over each group's channels, as a share of all; sums to one
    contribution_mass: np.ndarray  # (K,) the same of |slope * pooled value|: silent channels count for nothing
    whole: Prediction  # of all channels, as the model predicts
    alone: Prediction  # every channel outside the class's group set to 0 before the head
    without: Prediction  # every channel of the class's group set to 0 before the head


@dataclass(frozen=True)
class LossParts:
    """The training loss of one image, in float32: total = ce + mu * (discriminality - lambda * diversity)."""

    ce: float  # of the classifier
    discriminality: float  # L_dis, of the groups' scores under the mask
    diversity: float  # L_div, mean of h over the classes
    mc_weight: float  # mu
    diversity_weight: float  # lambda
    total: float


def read_head(head: nn.Sequential, groups: ChannelGroups, class_index: int) -> HeadReading:
    """What the classifier makes of the groups for one class. See `HeadReading`.

    Args:
        head: of an `MCNet` in evaluation mode.
        groups: all channels of the image.
        class_index: 0 .. K - 1.

    Raises:
        ValueError: no such class.

    Source: the question and the author's advice, to feed only one group's channels, in their issue 7.
    """
    if not 0 <= class_index < len(groups.group_sizes):
        raise ValueError(f"expected a class from 0 to {len(groups.group_sizes) - 1}, got {class_index}")
    owned = groups.channels_of(class_index)
    with torch.enable_grad():
        pooled = head[0](_features(groups)).detach().requires_grad_(True)  # (1, C, s, s)
        slopes = torch.autograd.grad(head[1:](pooled)[0, class_index], pooled)[0]
    pooled = pooled.detach()
    inside = torch.zeros_like(pooled)
    inside[:, owned.start : owned.stop] = 1
    with torch.no_grad():  # pooling first is the same as zeroing first: the features are not negative
        logits = head[1:](torch.cat([pooled, pooled * inside, pooled * (1 - inside)]))
    whole, alone, without = logits.softmax(1).numpy()
    return HeadReading(
        class_index=class_index,
        weight_mass=_shares(slopes, groups),
        contribution_mass=_shares(slopes * pooled, groups),
        whole=Prediction("all channels", whole),
        alone=Prediction("only its group", alone),
        without=Prediction("without its group", without),
    )


def _features(groups: ChannelGroups) -> Tensor:
    return torch.from_numpy(groups.features)[None]  # (1, C, h, w)


def _shares(values: Tensor, groups: ChannelGroups) -> np.ndarray:
    """Absolute values (1, C, s, s) summed over each group, as shares of all. (K,); zeros where all are 0."""
    mass = values.abs().double().sum((0, 2, 3)).numpy()
    starts = np.cumsum((0, *groups.group_sizes[:-1]))
    total = mass.sum()
    return np.add.reduceat(mass, starts) / (total or 1.0)


def loss_parts(
    loss: losses.MCLoss, head: nn.Module, groups: ChannelGroups, target: int, mask: np.ndarray | int
) -> LossParts:
    """The loss of one image as training computes it: one call of `loss`.

    Args:
        loss: of the model.
        head: of its `MCNet`, in evaluation mode.
        groups: all channels of the image.
        target: the class that the loss takes for true, 0 .. K - 1.
        mask: (C,) bool, CWA: False where a channel is dropped; or the seed that training would draw it from.

    Raises:
        ValueError: no such class.
    """
    if not 0 <= target < len(groups.group_sizes):
        raise ValueError(f"expected a target from 0 to {len(groups.group_sizes) - 1}, got {target}")
    features, seeded = _features(groups), isinstance(mask, int)
    with torch.no_grad():
        terms = loss(
            MCOutput(features, head(features), groups.group_sizes, groups.level),
            torch.tensor([target]),
            generator=torch.Generator().manual_seed(mask) if seeded else None,
            mask=None if seeded else torch.from_numpy(np.array(mask, bool)),
        )
    weights = {"mc_weight": loss.settings.mc_weight, "diversity_weight": loss.settings.diversity_weight}
    return LossParts(**{name: float(value) for name, value in terms.parts.items()}, **weights, total=float(terms.total))
