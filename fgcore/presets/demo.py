"""What ships in `checkpoints/`: three methods on four data sets, on a small trunk, for two cores."""

import dataclasses

from fgcore.config import DataConfig, Experiment, LossConfig, ModelConfig, OptimConfig, ROIConfig

_AUGMENTED = {"scale_jitter": 0.5}  # random crops of at least half the picture
_DRAWN = {"resize": 224, "square": True, "crop_padding": 8, "eval_crop": False} | _AUGMENTED  # nothing is cut off
_CUB50 = DataConfig(dataset="cub", classes=50)
_BIRDS = DataConfig(dataset="synthetic_birds", **_DRAWN)
_CARS = DataConfig(dataset="synthetic_cars", **_DRAWN)
_CARS196 = DataConfig(dataset="cars", **_DRAWN | {"scale_jitter": 0.3})  # crops of cars are wide: shown whole, squeezed


def _demo(name: str, method: str, data: DataConfig, loss: LossConfig | None = None) -> Experiment:
    """SqueezeNet with ImageNet weights at 224 pixels, for two cores; the same budget for every method.

    AP-CNN sums eight cross-entropies: its trunk trains at an eighth of the others' rate. Its pyramids are half as wide,
    and its gates start near one half: at the authors' start half of them are saturated on this trunk.
    """
    model = ModelConfig(
        method=method,
        trunk="squeezenet1_1",
        weights="imagenet",
        level=4,
        pyramid_channels=128,
        gate_gain=0.1,
        roi=ROIConfig(anchors=(32.0, 64.0, 128.0), border=0.1),  # the authors' anchors for 448 pixels, halved
    )
    rates = {"lr": 0.005, "trunk_lr": 0.001} if method == "ap" else {"lr": 0.01, "trunk_lr": 0.008}
    optim, loss = OptimConfig(epochs=12, warmup_epochs=1.0, **rates), loss or LossConfig()
    if data.scale_jitter:
        loss = dataclasses.replace(loss, label_smoothing=0.1)
    return Experiment(name=name, model=model, loss=loss, data=data, optim=optim)


def _demo_mc(name: str, data: DataConfig) -> Experiment:
    """MC-Loss weighted for a pre-trained trunk: mu 0.2, lambda 0.3.

    Between the authors' 1.5 for training from scratch and their 0.005 and 0.0005 for pre-trained trunks.
    """
    return _demo(name, "mc", data, LossConfig(mc_weight=0.2, diversity_weight=0.3))


def _clipped(experiment: Experiment) -> Experiment:
    """Gradients cut short, on photographs: without it CUB-50's baseline, seed 3, collapsed in its sixth epoch."""
    clip_norm = 20.0 if experiment.model.method == "ap" else 5.0  # AP-CNN's is that of eight cross-entropies
    return dataclasses.replace(experiment, optim=dataclasses.replace(experiment.optim, clip_norm=clip_norm))


def baseline_cub50() -> Experiment:
    """Cross-entropy on the first 50 classes of CUB-200-2011: what the two methods are compared with.

    Source: this project's; the trunk is SqueezeNet 1.1 with ImageNet weights, the head the authors' dense head.
    Command: `python -m fgcore train baseline_cub50`
    Time: 21 s an epoch on one core, 4 minutes. Accuracy: 73.7 % (CUB-50, 697 test images, seed 1, last epoch).
    """
    return _clipped(_demo("baseline_cub50", "baseline", _CUB50))


def mc_cub50() -> Experiment:
    """MC-Loss on the first 50 classes of CUB-200-2011: 38 groups of 10 and 12 of 11 channels.

    Source: Chang et al., TIP 2020, on this project's small trunk; the recipe is `baseline_cub50`'s.
    Command: `python -m fgcore train mc_cub50`
    Time: 21 s an epoch on one core, 4 minutes. Accuracy: 72.6 % (CUB-50, 697 test images, seed 1, last epoch).
    """
    return _clipped(_demo_mc("mc_cub50", _CUB50))


def ap_cub50() -> Experiment:
    """AP-CNN on the first 50 classes of CUB-200-2011.

    Source: Ding et al., TIP 2021, on this project's small trunk; the recipe is `baseline_cub50`'s but for the rates
    and the limit on gradients.
    Command: `python -m fgcore train ap_cub50`
    Time: 43 s an epoch on one core, 9 minutes. Accuracy: 74.9 % (CUB-50, 697 test images, seed 1, last epoch).
    """
    return _clipped(_demo("ap_cub50", "ap", _CUB50))


def baseline_birds() -> Experiment:
    """Cross-entropy on the drawn birds.

    Source: this project's.
    Command: `python -m fgcore train baseline_birds`
    Time: 11 s an epoch on one core, 2.5 minutes. Accuracy: 99.6 % (240 drawings, seed 1, last epoch).
    """
    return _demo("baseline_birds", "baseline", _BIRDS)


def mc_birds() -> Experiment:
    """MC-Loss on the drawn birds.

    Source: Chang et al., TIP 2020, on this project's small trunk.
    Command: `python -m fgcore train mc_birds`
    Time: 13 s an epoch on one core, 3 minutes. Accuracy: 99.2 % (240 drawings, seed 1, last epoch).
    """
    return _demo_mc("mc_birds", _BIRDS)


def ap_birds() -> Experiment:
    """AP-CNN on the drawn birds.

    Source: Ding et al., TIP 2021, on this project's small trunk.
    Command: `python -m fgcore train ap_birds`
    Time: 27 s an epoch on one core, 6 minutes. Accuracy: 99.6 % (240 drawings, seed 1, last epoch).
    """
    return _demo("ap_birds", "ap", _BIRDS)


def baseline_cars() -> Experiment:
    """Cross-entropy on the drawn cars.

    Source: this project's.
    Command: `python -m fgcore train baseline_cars`
    Time: 13 s an epoch on one core, 2.6 minutes. Accuracy: 98.8 % (240 drawings, seed 1, last epoch).
    """
    return _demo("baseline_cars", "baseline", _CARS)


def mc_cars() -> Experiment:
    """MC-Loss on the drawn cars.

    Source: Chang et al., TIP 2020, on this project's small trunk.
    Command: `python -m fgcore train mc_cars`
    Time: 15 s an epoch on one core, 3 minutes. Accuracy: 98.3 % (240 drawings, seed 1, last epoch).
    """
    return _demo_mc("mc_cars", _CARS)


def ap_cars() -> Experiment:
    """AP-CNN on the drawn cars.

    Source: Ding et al., TIP 2021, on this project's small trunk.
    Command: `python -m fgcore train ap_cars`
    Time: 29 s an epoch on one core, 6 minutes. Accuracy: 98.8 % (240 drawings, seed 1, last epoch).
    """
    return _demo("ap_cars", "ap", _CARS)


def _cars196(experiment: Experiment) -> Experiment:
    """At the drawn sets' trunk rate the loss stays at chance on 196 classes: half of it, and gradients cut short.

    AP-CNN's sum of eight losses gets the length of four, and keeps its rate: at half of it, cut to the length of one,
    it had come to 54 % after nine epochs.
    """
    optim = experiment.optim
    if experiment.model.method != "ap":
        optim = dataclasses.replace(optim, trunk_lr=optim.trunk_lr / 2)
    loss = dataclasses.replace(experiment.loss, label_smoothing=0.0)
    return _clipped(dataclasses.replace(experiment, optim=optim, loss=loss))


def baseline_cars196() -> Experiment:
    """Cross-entropy on photographs of 196 car models, cut out of Stanford Cars.

    Source: this project's.
    Command: `python -m fgcore train baseline_cars196`
    Time: 85 s an epoch on one core. Accuracy: 82.0 % (own split, 1,222 crops, seed 1, last epoch).
    """
    return _cars196(_demo("baseline_cars196", "baseline", _CARS196))


def mc_cars196() -> Experiment:
    """MC-Loss on photographs of 196 car models: 120 groups of 3 and 76 of 2 channels.

    Source: Chang et al., TIP 2020, on this project's small trunk; the recipe is `baseline_cars196`'s.
    Command: `python -m fgcore train mc_cars196`
    Time: about 90 s an epoch on one core. Accuracy: 82.2 % (own split, 1,222 crops, seed 1, last epoch).
    """
    return _cars196(_demo_mc("mc_cars196", _CARS196))


def ap_cars196() -> Experiment:
    """AP-CNN on photographs of 196 car models.

    Source: Ding et al., TIP 2021, on this project's small trunk; the recipe is `baseline_cars196`'s but for the rates.
    Command: `python -m fgcore train ap_cars196`
    Time: 154 s an epoch on one core, 31 minutes. Accuracy: 67.8 % (own split, 1,222 crops, seed 1, last epoch).
    """
    return _cars196(_demo("ap_cars196", "ap", _CARS196))
