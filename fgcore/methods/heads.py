"""The authors' dense head, shared by all three networks."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from fgcore.records import Prediction


def dense_head(channels: int, hidden: int, num_classes: int) -> OrderedDict[str, nn.Module]:
    """BN, FC, BN, ELU, FC on (B, channels), as both papers' code classifies, as named layers of a Sequential.

    Args:
        channels: inputs of the head.
        hidden: width of the hidden layer.
        num_classes: K, its outputs.
    """
    return OrderedDict(
        norm=nn.BatchNorm1d(channels),
        hidden=nn.Linear(channels, hidden),
        hidden_norm=nn.BatchNorm1d(hidden),
        activation=nn.ELU(inplace=True),
        classifier=nn.Linear(hidden, num_classes),
    )


def max_pool_head(channels: int, hidden: int, num_classes: int, side: int = 1) -> nn.Sequential:
    """Max pooling to side x side, then the dense head. (B, channels, H, W) -> (B, num_classes).

    Source: the authors' MC-Loss scripts (side 7 for VGG16, global for ResNets).
    """
    head = dense_head(channels * side * side, hidden, num_classes)
    return nn.Sequential(OrderedDict(pool=nn.AdaptiveMaxPool2d(side), flatten=nn.Flatten(), **head))


def predictions(logits: Tensor, names: Sequence[str]) -> tuple[Prediction, ...]:
    """(N, K) logits of one image -> N predictions."""
    probabilities = logits.detach().float().softmax(1).cpu().numpy()
    return tuple(Prediction(name, row) for name, row in zip(names, probabilities, strict=True))
