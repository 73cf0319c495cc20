"""Experiments as older files describe them, in today's words."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from fgcore.config import LOSS_SETTINGS, NETWORK_SETTINGS, OWN_LOSS, LossConfig, ModelConfig

_SHARED = {field.name for kind in (ModelConfig, LossConfig) for field in dataclasses.fields(kind)}  # of all methods
_REMOVED = {("optim", "nesterov"): False}  # settings that no recipe used, and the one value that changes nothing
FORMAT = "finegrain-lens-1"  # until November 2026: one flat set of settings for all methods


def experiment(values: Mapping[str, Any]) -> dict[str, Any]:
    """The experiment of a file of `FORMAT` as the dictionary that today's `Experiment` is read from.

    Fields that only other methods had are dropped: they had no effect. Anything unknown stays, so that it is refused.

    Raises:
        ValueError: not an experiment of that format.
    """
    model, loss, data = (values.get(name, {}) for name in ("model", "loss", "data"))
    if not all(isinstance(part, Mapping) for part in (model, loss, data)):
        raise ValueError("its model, loss and data are not sets of named values")
    method = model.get("method")
    if method not in NETWORK_SETTINGS:
        raise ValueError(f"method must be one of {', '.join(NETWORK_SETTINGS)}, got {method!r}")
    return {
        **without_removed(values),
        "model": _nested(model, NETWORK_SETTINGS, NETWORK_SETTINGS[method]),
        "loss": _nested(loss, LOSS_SETTINGS, LOSS_SETTINGS[OWN_LOSS[method]]) | {"kind": OWN_LOSS[method]},
        "data": {"normalise": "imagenet"} | data,
    }


def _nested(flat: Mapping[str, Any], kinds: Mapping[str, type], own: type) -> dict[str, Any]:
    """Fields of one method or loss gathered in its settings; those of others left out."""
    theirs = {field.name for kind in kinds.values() for field in dataclasses.fields(kind)} - _SHARED
    settings = {field.name: flat[field.name] for field in dataclasses.fields(own) if field.name in flat}
    return {name: value for name, value in flat.items() if name not in theirs} | {"settings": settings}


def current(values: Mapping[str, Any]) -> dict[str, Any]:
    """The experiment of a run's folder, which says no format, in today's words."""
    old = isinstance(values, Mapping) and "settings" not in values.get("model", {})
    return experiment(values) if old else without_removed(values)


def without_removed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The experiment without settings that are no more, where they had no effect; else they stay, to be refused."""
    kept = dict(values)
    for (section, name), idle in _REMOVED.items():
        part = kept.get(section)
        if isinstance(part, Mapping) and part.get(name) == idle:
            kept[section] = {key: value for key, value in part.items() if key != name}
    return kept
