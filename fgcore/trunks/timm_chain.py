"""Cutting timm's feature networks at level 3 and level 4, where they are chains of modules."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from fgcore.outputs import LEVELS

Part = OrderedDict[str, nn.Module]


def _chain(network: nn.Module) -> list[Part] | None:
    """The network as three chains of modules that end at the three levels; None where it is no chain."""
    import timm.models._features as features
    from timm.models.efficientnet import EfficientNetFeatures
    from timm.models.mobilenetv3 import MobileNetV3Features

    if isinstance(network, features.FeatureListNet) and not network.concat:
        ends = [name for name in network if name in network.return_layers]
        return _three(OrderedDict(network.named_children()), ends)
    if isinstance(network, EfficientNetFeatures | MobileNetV3Features) and network.feature_hooks is None:
        ahead = OrderedDict((n, m) for n, m in network.named_children() if n != "blocks")
        blocks = {f"block{number}": block for number, block in enumerate(network.blocks)}
        if 0 in network._stage_out_idx:
            return None
        return _three(OrderedDict(ahead | blocks), [f"block{stage - 1}" for stage in sorted(network._stage_out_idx)])
    return None


def _three(modules: Part, ends: list[str]) -> list[Part] | None:
    if len(ends) != len(LEVELS):
        return None
    parts, current = [], OrderedDict()
    for name, module in modules.items():
        current[name] = module
        if name in ends:
            parts.append(current)
            current = OrderedDict()
    return parts


def cut(network: nn.Module, last: bool) -> list[nn.Module]:
    """The network as the three parts of a `Trunk`, sharing its weights.

    Args:
        network: one that `can_split`.
        last: channels are the last axis inside; outside they are the second.
    """
    chain = _chain(network)
    if not last:
        return [nn.Sequential(part) for part in chain]
    first, *others = chain
    inner = [nn.Sequential(OrderedDict(first | {"channels_second": _Permuted(0, 3, 1, 2)}))]
    for part in others:
        around = {"channels_last": _Permuted(0, 2, 3, 1)} | part | {"channels_second": _Permuted(0, 3, 1, 2)}
        inner.append(nn.Sequential(OrderedDict(around)))
    return inner


def can_split(network: nn.Module, side: int, last: bool) -> bool:
    """Whether the network is a chain whose links pass one tensor on; tried with an image of `side` pixels."""
    if _chain(network) is None:
        return False
    place = next(network.parameters()).device
    with torch.no_grad(), torch.device(place):
        values = torch.zeros(1, 3, side, side)
        for part in cut(network, last):
            try:
                values = part(values)
            except (RuntimeError, TypeError, AttributeError):  # what it passes on is no tensor
                return False
            if not isinstance(values, Tensor):
                return False
    return True


class _Permuted(nn.Module):
    """Another order of the axes."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, values: Tensor) -> Tensor:
        """Any tensor of that many axes."""
        return values.permute(*self.order).contiguous()
