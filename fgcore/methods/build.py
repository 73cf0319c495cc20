"""The three networks; `build_model` makes one from its config."""

import dataclasses

from torch import nn

from fgcore.config import METHODS, ModelConfig
from fgcore.methods.ap.network import APCNN
from fgcore.methods.mc.network import Baseline, MCNet, even_conv
from fgcore.outputs import group_sizes
from fgcore.trunks.backbone import build_scratch_features, build_trunk

GROUPS = ("trunk", "conv", "scratch")


def build_model(config: ModelConfig) -> nn.Module:
    """The network that `config` describes, in training mode, called as `model(images, generator=None)`.

    Raises:
        ValueError: a setting that no network has, with what it may be.
        FileNotFoundError: `config.weights` names no file.
    """
    if config.num_classes < 1:
        raise ValueError(f"a network needs at least one class, got num_classes={config.num_classes}")
    if config.method == "ap":
        trunk = build_trunk(config.trunk, config.weights)
        width = config.pyramid_channels
        return APCNN(
            trunk, config.num_classes, hidden=config.hidden, width=width, roi=config.roi, gate_gain=config.gate_gain
        )
    if config.method == "mc":
        return _build_mc(config)
    if config.method == "baseline":
        trunk = build_trunk(config.trunk, config.weights)
        return Baseline(trunk, config.num_classes, level=config.level, hidden=config.hidden, head_pool=config.head_pool)
    raise ValueError(f"method must be one of {', '.join(METHODS)}, got {config.method!r}")


def _build_mc(config: ModelConfig) -> MCNet:
    """MCNet in one of its three ways to groups; see `ModelConfig.groups`."""
    classes, xi = config.num_classes, config.channels_per_class
    sizes, last_conv = (xi,) * classes, None
    if config.groups == "scratch":
        if config.weights:
            raise ValueError("groups=scratch changes the trunk's layers, so weights= must be empty; or use groups=conv")
        features = build_scratch_features(config.trunk, classes * xi)
    elif config.groups in GROUPS:
        trunk = build_trunk(config.trunk, config.weights)
        features, channels = trunk.up_to(config.level), trunk.channels[config.level - 3]
        if config.groups == "conv":
            last_conv = even_conv(channels, classes, xi)
        else:
            sizes = group_sizes(channels, classes)
    else:
        raise ValueError(f"groups must be one of {', '.join(GROUPS)}, got {config.groups!r}")
    return MCNet(features, sizes, last_conv=last_conv, hidden=config.hidden, head_pool=config.head_pool)


def without_weights(config: ModelConfig) -> ModelConfig:
    """The same network with random weights: what a checkpoint fills with its own."""
    return dataclasses.replace(config, weights="")
