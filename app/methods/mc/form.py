"""MC-Loss's own settings on the Train page."""

from app.methods.base import Fields
from fgcore.config import Experiment
from fgcore.methods.mc import MC_LOSS

_GROUPS = {
    "trunk": "the trunk's own channels, uneven",
    "conv": "a new last convolution, even",
    "scratch": "the authors' widened network, from scratch",
}


def form(base: Experiment, fields: Fields) -> None:
    """Where the groups come from, and what the loss weighs."""
    groups = fields.choice("Groups from", "model.settings.groups", _GROUPS)
    if groups != "trunk":
        fields.number("Channels per class, ξ", "model.settings.channels_per_class")
    if base.loss.kind == MC_LOSS.name:
        fields.number("Weight of MC-Loss, μ", "loss.settings.mc_weight", step=0.05)
        fields.number("Weight of diversity in it, λ", "loss.settings.diversity_weight", step=0.1)
