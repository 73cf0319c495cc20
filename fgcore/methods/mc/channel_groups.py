"""MC-Loss's channels, class by class, from the very functions that the loss is made of.

The authors' rule (their issue 9): take a class and look at its own channels as they are; no gradients are needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fgcore.methods.mc import losses
from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.records import ChannelGroups, Group
from fgcore.methods.mc.settings import MCLossSettings


@dataclass(frozen=True)
class GroupScores:
    """The classes' own channels as a classifier, under a mask: what L_dis is the cross-entropy of."""

    scores: np.ndarray  # (K,) g(F_i), without unit
    probabilities: np.ndarray  # (K,) their softmax; L_dis is -log of the true class's

    def rank(self, class_index: int) -> int:
        """Place of a class among all by its score, from 1, the highest; equals share the better place."""
        return 1 + int((self.scores > self.scores[class_index]).sum())


def channel_groups(output: MCOutput, image: int = 0) -> ChannelGroups:
    """The channel groups of one image of a batch."""
    features = output.features[image : image + 1].detach().float().cpu()
    sizes = output.group_sizes
    return ChannelGroups(
        features=features[0].numpy(),
        group_sizes=sizes,
        scores=losses.class_scores(features, sizes)[0].numpy(),
        diversity=losses.class_diversity(features, sizes)[0].numpy(),
        level=output.level,
    )


def group(groups: ChannelGroups, class_index: int, mask: np.ndarray | None = None) -> Group:
    """One class's channels: raw maps, CCMP, mask, score, diversity and overlap.

    Args:
        groups: all channels of the image.
        class_index: 0 .. K - 1.
        mask: (xi,) bool, CWA: False where a channel is dropped; None keeps all.

    Raises:
        ValueError: no such class, or a mask of another length.
    """
    if not 0 <= class_index < len(groups.group_sizes):
        raise ValueError(f"expected a class from 0 to {len(groups.group_sizes) - 1}, got {class_index}")
    owned = groups.channels_of(class_index)
    mask = np.ones(len(owned), bool) if mask is None else np.asarray(mask, bool)
    if mask.shape != (len(owned),):
        raise ValueError(f"expected a mask of {len(owned)} channels for class {class_index}, got shape {mask.shape}")
    channels = torch.from_numpy(groups.features[owned.start : owned.stop])[None]  # (1, xi, h, w)
    sizes, keep = (len(owned),), torch.from_numpy(mask)
    masked = channels * keep[:, None, None]
    softmax = losses.spatial_softmax(channels)  # (1, xi, h * w)
    return Group(
        class_index=class_index,
        channels=channels[0].numpy(),
        mask=mask,
        ccmp=losses.group_max(channels, sizes)[0, 0].numpy(),
        masked_ccmp=losses.group_max(masked, sizes)[0, 0].numpy(),
        winner=channels[0].argmax(0).numpy(),
        score=float(losses.class_scores(channels, sizes)),
        masked_score=float(losses.class_scores(channels, sizes, keep)),
        softmax=softmax[0].view(channels.shape[1:]).numpy(),
        softmax_ccmp=losses.group_max(softmax, sizes)[0, 0].view(channels.shape[2:]).numpy(),
        diversity=float(losses.class_diversity(channels, sizes)),
        overlap=overlap(softmax[0].numpy()),
    )


def overlap(distributions: np.ndarray) -> np.ndarray:
    """Shared mass of each pair of distributions: the sum over positions of the smaller of the two.

    Args:
        distributions: (xi, positions), each row sums to one.

    Returns:
        (xi, xi) symmetric, 0 where two look at disjoint places, 1 where at the same ones.

    For two channels h = 2 - overlap, since the larger and the smaller of two numbers add up to both.
    """
    return np.minimum(distributions[:, None], distributions[None]).sum(2)


def draw_masks(sizes: Sequence[int], seed: int, settings: MCLossSettings | None = None) -> np.ndarray:
    """The CWA mask of all groups that training draws from a generator with this seed. (C,) bool, True: kept.

    Args:
        sizes: channels of each class, K numbers.
        seed: of the draw.
        settings: of the loss; None: its defaults.
    """
    generator = torch.Generator().manual_seed(seed)
    return losses.draw_mask(settings or MCLossSettings(), sizes, 1, generator)[0].numpy()


def group_scores(groups: ChannelGroups, mask: np.ndarray) -> GroupScores:
    """What the groups say of the image when the channels where `mask` is False count as 0.

    Args:
        groups: all channels of the image.
        mask: (C,) bool, CWA.

    Raises:
        ValueError: a mask of another length.
    """
    mask = np.asarray(mask, bool)
    if mask.shape != groups.features.shape[:1]:
        raise ValueError(f"expected a mask of {len(groups.features)} channels, got shape {mask.shape}")
    features = torch.from_numpy(groups.features)[None]
    scores = losses.class_scores(features, groups.group_sizes, torch.from_numpy(mask))[0]
    return GroupScores(scores.numpy(), scores.softmax(0).numpy())


def wins(shown: Group) -> np.ndarray:
    """Share of the positions at which each channel of a group gives the CCMP. (xi,), sums to at most one.

    Positions where all channels are silent (0) are won by none.
    """
    winners = shown.winner[shown.ccmp > 0]
    return np.bincount(winners, minlength=len(shown.channels)) / shown.winner.size
