"""What recipes share: data sets as they ship, a budget for two cores, the authors' own settings."""

import dataclasses
from typing import Any

from fgcore.config import DataConfig, Experiment, LossConfig, ModelConfig, OptimConfig

_AUGMENTED = {"scale_jitter": 0.5}  # random crops of at least half the image
_DRAWN = {"resize": 224, "square": True, "crop_padding": 8, "eval_crop": False} | _AUGMENTED  # nothing is cut off
CUB50 = DataConfig(dataset="cub", classes=50)
CUB = DataConfig(dataset="cub", scale_jitter=0.5)
LITE0 = "timm:tf_efficientnet_lite0"  # installed with its ImageNet weights
BIRDS = DataConfig(dataset="synthetic_birds", **_DRAWN)
CARS = DataConfig(dataset="synthetic_cars", **_DRAWN)
CARS196 = DataConfig(dataset="cars", **_DRAWN | {"scale_jitter": 0.3})  # crops of cars are wide: shown whole, squeezed
CLIP_NORM = 5.0  # of one cross-entropy, on photographs: without it CUB-50's baseline, seed 3, collapsed in epoch 6


def demo(
    name: str,
    method: str,
    data: DataConfig,
    settings: Any,  # noqa: ANN401
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


def photo(
    name: str,
    method: str,
    data: DataConfig,
    settings: Any,  # noqa: ANN401
    loss: LossConfig | None = None,
    **optim: Any,
) -> Experiment:
    """Photographs of many classes on two cores: EfficientNet-Lite0 at 224 pixels, its stem and batch norms frozen.

    In float32: on CPUs without bf16 depthwise convolutions autocast is the slower of the two. Arguments as `demo`'s.
    """
    model = ModelConfig(method, LITE0, "package", freeze="stem", freeze_norm=True, settings=settings)
    loss = dataclasses.replace(loss or LossConfig(), label_smoothing=0.1)
    rates = {"epochs": 8, "warmup_epochs": 1.0, "lr": 0.01, "trunk_lr": 0.004, "clip_norm": CLIP_NORM}
    return Experiment(
        name=name, model=model, loss=loss, data=data, optim=OptimConfig(**rates | optim), precision="fp32"
    )


def own(
    name: str,
    method: str,
    settings: Any,  # noqa: ANN401
    loss: LossConfig | None = None,
    **optim: Any,
) -> Experiment:
    """For a folder of one's own photographs, on two cores and offline: EfficientNet-Lite0 with its stem frozen.

    Few images: the stem and all batch norms of the trunk stay as ImageNet left them, the images are varied by
    TrivialAugmentWide, and the EMA model is kept. Arguments as `demo`'s.
    """
    model = ModelConfig(method, LITE0, "package", hidden=256, freeze="stem", freeze_norm=True, settings=settings)
    data = DataConfig(dataset="folder", scale_jitter=0.5, trivial_augment=True)
    rates = {"epochs": 15, "batch_size": 16, "warmup_epochs": 1.0, "lr": 0.01, "trunk_lr": 0.003, "ema": 0.95}
    loss = dataclasses.replace(loss or LossConfig(), label_smoothing=0.1)
    optimiser = OptimConfig(**rates | {"clip_norm": CLIP_NORM} | optim)
    return Experiment(name=name, model=model, loss=loss, data=data, optim=optimiser)


def strong(name: str, method: str, trunk: str, settings: Any) -> Experiment:  # noqa: ANN401
    """A present-day fine-tuning recipe for CUB-200-2011 and a GPU: AdamW, mixup, EMA, TrivialAugmentWide."""
    model = ModelConfig(method, trunk, "imagenet", settings=settings)
    data = DataConfig(dataset="cub", resize=512, crop=448, scale_jitter=0.5, colour_jitter=0.2, trivial_augment=True)
    optim = OptimConfig(
        optimizer="adamw",
        epochs=60,
        batch_size=32,
        accumulate=2,
        lr=1e-3,
        trunk_lr=1e-4,
        weight_decay=0.05,
        warmup_epochs=5.0,
        clip_norm=1.0,
        mixup=0.2,
        ema=0.999,
    )
    loss = LossConfig(label_smoothing=0.1)
    return Experiment(name=name, model=model, loss=loss, data=data, optim=optim, compile=True)
