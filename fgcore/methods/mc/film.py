"""MC-Loss's filmstrip: the channels of the right class, each in a colour of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fgcore.methods.base import Film
from fgcore.methods.mc.channel_groups import group, overlap
from fgcore.records import Explanation
from fgcore.report import render


@dataclass(frozen=True)
class Channels:
    """One probe after one epoch."""

    first: int  # number of the class's first channel
    channels: np.ndarray  # (xi, h, w) of the probe's class; their maximum is CCMP
    scores: np.ndarray  # (K,) g(F_i)
    diversity: np.ndarray  # (K,) h(F_i)

    @property
    def softmax(self) -> np.ndarray:
        """(xi, h, w): the channels as distributions over positions, which h compares."""
        exponentials = np.exp(self.channels - self.channels.max((1, 2), keepdims=True))
        return exponentials / exponentials.sum((1, 2), keepdims=True)

    @property
    def overlap(self) -> np.ndarray:
        """(xi, xi): shared mass of two channels' softmax maps, 0 (disjoint) .. 1 (equal)."""
        return overlap(self.softmax.reshape(len(self.channels), -1))


def pack(explanation: Explanation, target: int) -> dict[str, np.ndarray]:
    """The channels of the target in half precision; nothing that can be derived from the rest."""
    groups = explanation.detail
    return {
        "first": np.array(groups.channels_of(target).start),
        "channels": group(groups, target).channels.astype(np.float16),
        "scores": groups.scores,
        "diversity": groups.diversity,
    }


def unpack(arrays: Mapping[str, np.ndarray]) -> Channels:
    """See `pack`."""
    channels = arrays["channels"].astype(np.float32)
    return Channels(int(arrays["first"]), channels, arrays["scores"], arrays["diversity"])


def image(pixels: np.ndarray, shown: Channels, stretch: float) -> np.ndarray:
    """The channels over the grey image, mixed by their share at each place."""
    return render.blend(render.grey(pixels), render.colour_map(shown.softmax))


def caption(shown: Channels, target: int) -> str:
    """The diversity of the target's channels."""
    return f"h {shown.diversity[target]:.2f} of {len(shown.channels)}"


FILM = Film(pack, unpack, image, caption)
