"""The networks of MC-Loss and of the baseline: a trunk and a dense head on its last channels."""

from collections import OrderedDict

from torch import Generator, Tensor, nn

from fgcore.methods.heads import max_pool_head
from fgcore.outputs import BaselineOutput, MCOutput
from fgcore.trunks.backbone import Trunk, check_input


class Baseline(nn.Module):
    """Trunk, dense head, cross-entropy: what the two methods are compared with."""

    def __init__(
        self, trunk: Trunk, num_classes: int, *, level: int = 5, hidden: int = 512, head_pool: int = 1
    ) -> None:
        super().__init__()
        self.trunk = trunk.up_to(level)
        self.head = max_pool_head(trunk.channels[level - 3], hidden, num_classes, head_pool)

    def forward(self, images: Tensor, *, generator: Generator | None = None) -> BaselineOutput:
        """Classify a batch. (B, 3, H, W), sides multiples of 32. Nothing here is random."""
        check_input(images)
        features = self.trunk(images)  # (B, C, H/2^level, W/2^level)
        return BaselineOutput(features, self.head(features))


class MCNet(nn.Module):
    """Trunk and dense head whose last channels are divided among the classes.

    MC-Loss acts on `features` while training; at inference only the head is used.
    """

    def __init__(
        self,
        trunk: nn.Module,
        group_sizes: tuple[int, ...],
        *,
        last_conv: nn.Module | None = None,
        hidden: int = 512,
        head_pool: int = 1,
    ) -> None:
        """Put the head on `trunk`.

        Args:
            trunk: (B, 3, H, W) -> (B, C, h, w).
            group_sizes: channels of each class, K numbers.
            last_conv: what turns the trunk's channels into sum(group_sizes) non-negative ones; None: the trunk's
                own channels are the groups.
            hidden: width of the dense head.
            head_pool: side of the map that the head sees after max pooling.
        """
        super().__init__()
        self.trunk = trunk
        self.last_conv = last_conv or nn.Identity()
        self.group_sizes = group_sizes
        self.head = max_pool_head(sum(group_sizes), hidden, len(group_sizes), head_pool)

    def forward(self, images: Tensor, *, generator: Generator | None = None) -> MCOutput:
        """Classify a batch. (B, 3, H, W), sides multiples of 32. Nothing here is random."""
        check_input(images)
        features = self.last_conv(self.trunk(images))  # (B, sum(group_sizes), h, w)
        return MCOutput(features, self.head(features), self.group_sizes)


def even_conv(channels: int, num_classes: int, channels_per_class: int) -> nn.Sequential:
    """A new last convolution after which every class owns equally many channels, for any pre-trained trunk.

    (B, channels, h, w) -> (B, num_classes * channels_per_class, h, w), non-negative. The authors either divide the
    trunk's own channels, which leaves groups of two sizes, or train from scratch.
    """
    wanted = num_classes * channels_per_class
    conv = nn.Conv2d(channels, wanted, kernel_size=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(wanted), relu=nn.ReLU(inplace=True)))
