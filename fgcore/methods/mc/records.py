"""MC-Loss on one image, as arrays: all channels, and the channels of one class."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ChannelGroups:
    """MC-Loss on one image: every channel, and who owns it. See `channel_groups.group` for one class."""

    features: np.ndarray  # (C, h, w) float32, >= 0, last feature map
    group_sizes: tuple[int, ...]  # channels of each class, K numbers
    scores: np.ndarray  # (K,) g(F_i): mean over positions of the group's maximum, no mask
    diversity: np.ndarray  # (K,) h(F_i), from 1 (channels alike) to the group's size (disjoint)
    level: int = 5  # of the features: stride 2^level

    def channels_of(self, class_index: int) -> range:
        """The channel numbers that a class owns."""
        start = sum(self.group_sizes[:class_index])
        return range(start, start + self.group_sizes[class_index])


@dataclass(frozen=True)
class Group:
    """The channels of one class on one image."""

    class_index: int
    channels: np.ndarray  # (xi, h, w) float32, raw values as in the paper's figures
    mask: np.ndarray  # (xi,) bool, CWA: True where kept
    ccmp: np.ndarray  # (h, w) maximum over the group's channels
    masked_ccmp: np.ndarray  # (h, w) the same after the mask
    winner: np.ndarray  # (h, w) int, which channel (0 .. xi - 1) gives the maximum
    score: float  # g(F_i) without mask
    masked_score: float  # g(F_i) with the mask
    softmax: np.ndarray  # (xi, h, w) each channel as a distribution over positions
    softmax_ccmp: np.ndarray  # (h, w) maximum over these maps; its sum is h
    diversity: float  # h(F_i), 1 .. xi
    overlap: np.ndarray  # (xi, xi) shared mass of two channels' softmax maps, 0 (disjoint) .. 1 (equal)
