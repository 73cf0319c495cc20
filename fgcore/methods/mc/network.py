"""The network of MC-Loss: a trunk and a dense head on last channels that are divided among the classes."""

from collections import OrderedDict

from torch import Generator, Tensor, nn

from fgcore.config import ModelConfig
from fgcore.methods.heads import max_pool_head
from fgcore.methods.mc.output import MCOutput, group_sizes
from fgcore.trunks import build_scratch_features, build_trunk, check_input

MOST_CHANNELS = 65_536  # of all classes' groups


class MCNet(nn.Module):
    """Trunk and dense head whose last channels are divided among the classes.

    MC-Loss acts on `features` while training; at inference only the head is used.
    """

    def __init__(
        self,
        trunk: nn.Module,
        group_sizes: tuple[int, ...],
        *,
        level: int = 5,
        last_conv: nn.Module | None = None,
        hidden: int = 512,
        head_pool: int = 1,
    ) -> None:
        """Put the head on `trunk`.

        Args:
            trunk: (B, 3, H, W) -> (B, C, h, w).
            group_sizes: channels of each class, K numbers.
            level: of its features, stride 2^level.
            last_conv: what turns the trunk's channels into sum(group_sizes) non-negative ones; None: the trunk's
                own channels are the groups.
            hidden: width of the dense head.
            head_pool: side of the map that the head sees after max pooling.
        """
        super().__init__()
        self.trunk = trunk
        self.last_conv = last_conv or nn.Identity()
        self.group_sizes, self.level = group_sizes, level
        self.head = max_pool_head(sum(group_sizes), hidden, len(group_sizes), head_pool)

    def forward(self, images: Tensor, *, generator: Generator | None = None) -> MCOutput:
        """Classify a batch. (B, 3, H, W), sides multiples of 32. Nothing here is random."""
        check_input(images)
        features = self.last_conv(self.trunk(images))  # (B, sum(group_sizes), h, w)
        return MCOutput(features, self.head(features), self.group_sizes, self.level)


def even_conv(channels: int, num_classes: int, channels_per_class: int) -> nn.Sequential:
    """A new last convolution after which every class owns equally many channels, for any pre-trained trunk.

    (B, channels, h, w) -> (B, num_classes * channels_per_class, h, w), non-negative. The authors either divide the
    trunk's own channels, which leaves groups of two sizes, or train from scratch.
    """
    wanted = num_classes * channels_per_class
    conv = nn.Conv2d(channels, wanted, kernel_size=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(wanted), relu=nn.ReLU(inplace=True)))


def build(config: ModelConfig) -> MCNet:
    """The network of a config whose settings are `MCSettings`, in one of the three ways to groups."""
    own, classes = config.settings, config.num_classes
    if classes * own.channels_per_class > MOST_CHANNELS:
        raise ValueError(
            f"expected at most {MOST_CHANNELS} channels in all groups, got {classes} classes x {own.channels_per_class}"
        )
    sizes, last_conv, level = (own.channels_per_class,) * classes, None, own.level
    if own.groups == "scratch":
        if config.weights:
            raise ValueError("groups=scratch changes the trunk's layers, so weights= must be empty; or use groups=conv")
        features, level = build_scratch_features(config.trunk, sum(sizes), own.widened), 4
    else:
        trunk = build_trunk(config.trunk, config.weights)
        features, channels = trunk.up_to(level), trunk.channels[level - 3]
        if own.groups == "conv":
            last_conv = even_conv(channels, classes, own.channels_per_class)
        elif trunk.signed:
            raise ValueError(
                "groups=trunk needs features that are not negative, since MC-Loss masks channels by zero, and those of "
                f"{config.trunk} are signed; use groups=conv"
            )
        else:
            sizes = group_sizes(channels, classes)
    return MCNet(features, sizes, level=level, last_conv=last_conv, hidden=config.hidden, head_pool=own.head_pool)
