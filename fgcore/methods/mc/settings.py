"""What can be set of MC-Loss and of its network."""

from typing import Annotated, Literal

from fgcore.config import between, settings


@settings
class MCSettings:
    """How the last channels are divided among the classes."""

    level: Annotated[int, between(4, 5)] = 5  # pyramid level (stride 2^level) whose channels head and loss read
    groups: Literal["trunk", "conv", "scratch"] = "trunk"  # its own channels, uneven; new even last conv; the authors'
    channels_per_class: Annotated[int, between(1, 64)] = 3  # xi of "conv" and "scratch"
    widened: Annotated[int, between(1, 2)] = 2  # last blocks of VGG16 from scratch that end in the groups' channels
    head_pool: Annotated[int, between(1, 14)] = 1  # side of the max-pooled map that enters the dense head (VGG16: 7)


@settings
class MCLossSettings:
    """Weights of the loss terms. Total: CE + mc_weight * (L_dis - diversity_weight * L_div)."""

    mc_weight: Annotated[float, between(0, 10_000)] = 1.5  # mu
    diversity_weight: Annotated[float, between(0, 10_000)] = 4.0  # lambda; L_div lies in [1, xi]
    dropped: Annotated[int, between(-1, 4096)] = -1  # channels that CWA drops in each group; -1: floor(xi / 2)
    mask_per_image: bool = False  # one CWA mask per image instead of one for the batch
