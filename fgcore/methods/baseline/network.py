"""The baseline's network: a trunk and the authors' dense head."""

from torch import Generator, Tensor, nn

from fgcore.config import ModelConfig
from fgcore.methods.baseline.output import BaselineOutput
from fgcore.methods.heads import max_pool_head
from fgcore.trunks import Trunk, build_trunk, check_input


class Baseline(nn.Module):
    """Trunk and dense head: what the methods are compared with."""

    def __init__(
        self, trunk: Trunk, num_classes: int, *, level: int = 5, hidden: int = 512, head_pool: int = 1
    ) -> None:
        super().__init__()
        self.trunk, self.level = trunk.up_to(level), level
        self.head = max_pool_head(trunk.channels[level - 3], hidden, num_classes, head_pool)

    def forward(self, images: Tensor, *, generator: Generator | None = None) -> BaselineOutput:
        """Classify a batch. (B, 3, H, W), sides multiples of 32. Nothing here is random."""
        check_input(images)
        features = self.trunk(images)  # (B, C, H/2^level, W/2^level)
        return BaselineOutput(features, self.head(features), self.level)


def build(config: ModelConfig) -> Baseline:
    """The network of a config whose settings are `BaselineSettings`."""
    trunk, own = build_trunk(config.trunk, config.weights), config.settings
    return Baseline(trunk, config.num_classes, level=own.level, hidden=config.hidden, head_pool=own.head_pool)
