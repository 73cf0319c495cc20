"""MC-Loss on channels that somebody made up or moves about, by the very functions that the loss is made of."""

from collections.abc import Sequence

import numpy as np
import torch

from fgcore.methods.mc import losses
from fgcore.methods.mc.channel_groups import channel_groups, group
from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.records import ChannelGroups, Group

PEAK = 8.0  # activation at a hill's top: the softmax then puts 99.5 % of a channel's mass on its hill


def hills(centres: Sequence[tuple[float, float]], side: int = 14, width: float = 1.5) -> np.ndarray:
    """Channels with one hill each, shaped so that the spatial softmax makes a Gaussian blob of it.

    Args:
        centres: (row, column) of each top, in cells; 0 is the middle of the first cell.
        side: cells along each side.
        width: standard deviation of the blobs, cells.

    Returns:
        (len(centres), side, side) float32 in [0, `PEAK`].
    """
    row, column = np.indices((side, side))
    squares = np.stack([(row - y) ** 2 + (column - x) ** 2 for y, x in centres])
    return np.clip(PEAK - squares / (2 * width**2), 0, None).astype(np.float32)


def one_group(channels: np.ndarray) -> Group:
    """Any channels (xi, h, w), values >= 0, as the group of a single class. See `channel_groups.group`."""
    features = torch.from_numpy(channels)[None]
    return group(channel_groups(MCOutput(features, torch.zeros(1, 1), (len(channels),), 5)), 0)


def discriminality(groups: ChannelGroups, target: int) -> float:
    """L_dis of one image without a mask, were `target` the true class; exp of its negative is the class's share.

    Raises:
        ValueError: no such class.
    """
    if not 0 <= target < len(groups.group_sizes):
        raise ValueError(f"expected a class from 0 to {len(groups.group_sizes) - 1}, got {target}")
    features = torch.from_numpy(groups.features)[None]
    return float(losses.discriminality(features, torch.tensor([target]), groups.group_sizes))
