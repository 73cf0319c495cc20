"""Experiments as older files describe them, in today's words."""

from collections.abc import Mapping
from typing import Any

FORMAT = "finegrain-lens-1"  # until November 2026: one flat set of settings for all methods

_OWN = {  # the fields of each method's own settings, of the three that there were
    "baseline": ("level", "head_pool"),
    "mc": ("level", "groups", "channels_per_class", "head_pool"),
    "ap": ("pyramid_channels", "gate_gain", "roi"),
}
_OF_MC_LOSS = ("mc_weight", "diversity_weight", "dropped", "mask_per_image")


def experiment(values: Mapping[str, Any]) -> dict[str, Any]:
    """The experiment of a file of `FORMAT` as the dictionary that today's `Experiment` is read from.

    Fields that only other methods had are dropped: they had no effect. Anything unknown stays, so that it is refused.

    Raises:
        ValueError: not an experiment of that format.
    """
    model, loss = values.get("model", {}), values.get("loss", {})
    if not isinstance(model, Mapping) or not isinstance(loss, Mapping):
        raise ValueError("its model and loss are not sets of named values")
    method = model.get("method", "mc")
    if method not in _OWN:
        raise ValueError(f"method must be one of {', '.join(_OWN)}, got {method!r}")
    elsewhere = {name for names in _OWN.values() for name in names}
    new = {name: value for name, value in model.items() if name not in elsewhere} | {"method": method}
    new["settings"] = {name: model[name] for name in _OWN[method] if name in model}
    terms = {name: value for name, value in loss.items() if name not in _OF_MC_LOSS}
    if method == "mc":
        terms["settings"] = {name: loss[name] for name in _OF_MC_LOSS if name in loss}
        terms["kind"] = "mc"
    data = {"normalise": "imagenet"} | values.get("data", {})
    return {**values, "model": new, "loss": terms, "data": data}
