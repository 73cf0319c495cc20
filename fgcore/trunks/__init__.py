"""Trunks: backbones cut at the strides where the methods read them, and where their weights come from."""

from fgcore.trunks.backbone import Trunk, build_scratch_features, build_trunk, check_input, weights_source

__all__ = ["Trunk", "build_scratch_features", "build_trunk", "check_input", "weights_source"]


def normalisation(name):
    return (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
