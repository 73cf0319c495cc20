"""Does a class's group of channels fire for that class, and do its channels differ? MC-Loss's claims as numbers.

The numbers of the true class's group stand beside those of another class's group, drawn at random, as control.
"""

import numpy as np
import torch
from torch import Tensor

from fgcore.methods.mc import losses
from fgcore.methods.mc.channel_groups import overlap
from fgcore.methods.mc.output import MCOutput

GROUP_MEASURES = ("group_rank", "group_first", "diversity", "overlap")


@torch.no_grad()
def group_measures(output: MCOutput, classes: Tensor) -> dict[str, np.ndarray]:
    """What one class's group does on each image of a batch.

    Args:
        output: B images.
        classes: (B,) int64, whose group is asked, 0 .. K - 1.

    Returns:
        Name -> (B,) float64:
        group_rank: place of the group among all by g, from 1; equals share the better place. 1 is pure;
        group_first: 1 where no group has a higher g, else 0; its mean is the accuracy of the groups alone;
        diversity: h, from 1 (channels alike) to the group's size (disjoint);
        overlap: mean shared mass of two of its channels, 0 (disjoint) to 1 (alike); nan for a single channel.

    Source: g and h of Chang et al., TIP 2020; the rank of g is ours: it is what L_dis trains.
    """
    features, sizes = output.features.float(), output.group_sizes
    scores = losses.class_scores(features, sizes)  # (B, K)
    own = scores.gather(1, classes[:, None])
    rank = 1 + (scores > own).sum(1)
    spread = losses.class_diversity(features, sizes).gather(1, classes[:, None])[:, 0]
    shared = [mean_overlap(channels) for channels in class_channels(output, classes)]
    return {
        "group_rank": rank.double().cpu().numpy(),
        "group_first": (rank == 1).double().cpu().numpy(),
        "diversity": spread.double().cpu().numpy(),
        "overlap": np.array(shared),
    }


def class_channels(output: MCOutput, classes: Tensor) -> list[np.ndarray]:
    """The channels of one class for each image of a batch: B arrays (xi, h, w) float32."""
    starts = np.cumsum((0, *output.group_sizes))
    features = output.features.detach()
    return [
        features[image, starts[k] : starts[k + 1]].float().cpu().numpy() for image, k in enumerate(classes.tolist())
    ]


def mean_overlap(channels: np.ndarray) -> float:
    """The mean of `channel_groups.overlap` over all pairs of different channels (xi, h, w); nan for a single one."""
    if len(channels) < 2:
        return float("nan")
    distributions = losses.spatial_softmax(torch.from_numpy(channels)[None])[0].numpy()
    above = np.triu_indices(len(channels), 1)
    return float(overlap(distributions)[above].mean())
