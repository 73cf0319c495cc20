"""What recipes share: data sets as they ship, a budget for two cores, the authors' own settings."""

import dataclasses
from typing import Any

from fgcore.config import DataConfig, Experiment, LossConfig, ModelConfig, OptimConfig

_AUGMENTED = {"scale_jitter": 0.5}  # random crops of at least half the image
_DRAWN = {"resize": 224, "square": True, "crop_padding": 8, "eval_crop": False} | _AUGMENTED  # nothing is cut off
CUB50 = DataConfig(dataset="cub", classes=50)
BIRDS = DataConfig(dataset="synthetic_birds", **_DRAWN)
CARS = DataConfig(dataset="synthetic_cars", **_DRAWN)
CARS196 = DataConfig(dataset="cars", **_DRAWN | {"scale_jitter": 0.3})  # crops of cars are wide: shown whole, squeezed
CLIP_NORM = 5.0  # of one cross-entropy, on photographs: without it CUB-50's baseline, seed 3, collapsed in epoch 6


def demo(
    name: str,
    method: str,
    data: DataConfig,
    settings: Any,
    loss: LossConfig | None = None,
    **optim: Any,
) -> Experiment:
    """SqueezeNet with ImageNet weights at 224 pixels, for two cores; the same budget for every method.

    Args:
        name: of the recipe.
        method: which network.
        data: which images.
        settings: the method's own.
        loss: None: the method's own.
        optim: what differs in the optimiser.
    """
    model = ModelConfig(method, "squeezenet1_1", "imagenet", settings=settings)
    loss = loss or LossConfig()
    if data.scale_jitter:
        loss = dataclasses.replace(loss, label_smoothing=0.1)
    rates = {"epochs": 12, "warmup_epochs": 1.0, "lr": 0.01, "trunk_lr": 0.008}
    return Experiment(name=name, model=model, loss=loss, data=data, optim=OptimConfig(**rates | optim))


def cars196(experiment: Experiment, trunk_lr: float) -> Experiment:
    """For 196 classes of photographs: no label smoothing, and a trunk's rate at which the loss leaves chance."""
    loss = dataclasses.replace(experiment.loss, label_smoothing=0.0)
    optim = dataclasses.replace(experiment.optim, trunk_lr=trunk_lr)
    return dataclasses.replace(experiment, loss=loss, optim=optim)
