"""What the network of MC-Loss returns, and how channels are shared out among classes."""

from dataclasses import dataclass

from torch import Tensor

from fgcore.outputs import Evidence


def group_sizes(channels: int, classes: int) -> tuple[int, ...]:
    """How many consecutive channels each class owns when `channels` are shared out as evenly as possible.

    With f = floor(channels / classes), the first classes own f channels and the last `channels - classes * f` own
    f + 1: 2048 channels for 200 classes are 152 groups of 10 and 48 of 11.

    Raises:
        ValueError: fewer channels than classes.

    Source: the authors' ResNet-50 script (first the smaller groups).
    """
    if classes < 1:
        raise ValueError(f"expected at least one class, got {classes}")
    if channels < classes:
        raise ValueError(
            f"each class needs at least one channel: got {channels} channels for {classes} classes; "
            "use a wider layer or fewer classes"
        )
    size, larger = divmod(channels, classes)
    return (size,) * (classes - larger) + (size + 1,) * larger


@dataclass(frozen=True)
class MCOutput:
    """Trunk and dense head, with the channels divided among the classes."""

    features: Tensor  # (B, C, h, w) last feature map, non-negative, C = sum(group_sizes)
    logits: Tensor  # (B, K)
    group_sizes: tuple[int, ...]  # channels of each class, K numbers, consecutive
    level: int  # of the features: stride 2^level

    def heads(self) -> dict[str, Tensor]:
        """The dense head."""
        return {"ce": self.logits}

    def scored(self) -> dict[str, Tensor]:
        """The dense head."""
        return {"head": self.logits}

    def evidence(self) -> dict[str, Evidence]:
        """The channels that the head reads."""
        return {"last features": Evidence(self.features, self.logits, self.level)}
