"""The methods and losses of the program: one folder each, one line each here.

A package of its own can bring further ones: it names a `fgcore.methods.base.Method` or `Loss` as an entry point of the
group "fgcore.methods".
"""

from importlib.metadata import entry_points

from torch import nn

from fgcore import config
from fgcore.methods.ap import AP, GUIDED
from fgcore.methods.base import Loss, Method
from fgcore.methods.baseline import BASELINE, CROSS_ENTROPY
from fgcore.methods.mc import MC, MC_LOSS
from fgcore.trunks.base import Frozen

METHODS: dict[str, Method] = {}
LOSSES: dict[str, Loss] = {}

__all__ = ["LOSSES", "METHODS", "build_loss", "build_model", "register"]


def register(*kinds: Method | Loss) -> None:
    """Add methods and losses under their names."""
    for kind in kinds:
        if isinstance(kind, Loss):
            LOSSES[kind.name] = kind
            config.LOSS_SETTINGS[kind.name] = kind.settings
        else:
            METHODS[kind.name] = kind
            config.NETWORK_SETTINGS[kind.name] = kind.settings
            config.OWN_LOSS[kind.name] = kind.loss


register(CROSS_ENTROPY, BASELINE)
register(MC_LOSS, MC)
register(GUIDED, AP)
register(*(point.load() for point in entry_points(group="fgcore.methods")))


def build_model(settings: config.ModelConfig) -> nn.Module:
    """The network that `settings` describe, in training mode, called as `network(images, generator=None)`.

    Raises:
        ValueError: a setting that no network has, with what it may be.
        FileNotFoundError: `settings.weights` names no file.
    """
    if settings.num_classes < 1:
        raise ValueError(f"a network needs at least one class, got num_classes={settings.num_classes}")
    network = METHODS[settings.method].build(settings)
    if settings.freeze != "nothing" or settings.freeze_norm:
        if not isinstance(network.trunk, Frozen):
            raise ValueError("a trunk that is trained from scratch has nothing to freeze; use freeze=nothing")
        network.trunk.freeze(settings.freeze, settings.freeze_norm)
    return network


def build_loss(loss: config.LossConfig, model: config.ModelConfig) -> nn.Module:
    """The loss of a network, called as `loss(output, targets, generator=None) -> LossTerms`.

    Raises:
        ValueError: a loss that this network cannot have.
    """
    kind, method = LOSSES[loss.kind], METHODS[model.method]
    if kind.needs and kind.needs not in method.offers:
        able = ", ".join(name for name, other in METHODS.items() if kind.needs in other.offers)
        raise ValueError(f"loss.kind={kind.name} works with method={able}, got method={method.name}; choose another")
    return kind.build(loss, model)
