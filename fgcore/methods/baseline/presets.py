"""The baseline's recipes."""

from fgcore.config import Experiment
from fgcore.methods.baseline.settings import BaselineSettings
from fgcore.methods.recipes import BIRDS, CARS, CARS196, CLIP_NORM, CUB, CUB50, cars196, demo, own, photo, strong

_OWN = BaselineSettings(level=4)


def baseline_cub() -> Experiment:
    """Cross-entropy on all 200 classes of CUB-200-2011, on two cores: what the two methods are compared with.

    Source: this project's; EfficientNet-Lite0 at 224 pixels with its ImageNet weights, stem and batch norms frozen.
    Command: `python -m fgcore train baseline_cub`
    Time: 6 minutes an epoch on one core of a busy machine, fp32. Accuracy: 74.1 % (CUB-200-2011, 2,867 of its 5,794
    test images, seed 1, last epoch).
    """
    return photo("baseline_cub", "baseline", CUB, BaselineSettings())


def baseline_cub50() -> Experiment:
    """Cross-entropy on the first 50 classes of CUB-200-2011: what the two methods are compared with.

    Source: this project's; the trunk is SqueezeNet 1.1 with ImageNet weights, the head the authors' dense head.
    Command: `python -m fgcore train baseline_cub50`
    Time: 21 s an epoch on one core, 4 minutes. Accuracy: 73.7 % (CUB-50, 697 test images, seed 1, last epoch).
    """
    return demo("baseline_cub50", "baseline", CUB50, _OWN, clip_norm=CLIP_NORM)


def baseline_cars196() -> Experiment:
    """Cross-entropy on photographs of 196 car models, cut out of Stanford Cars.

    Source: this project's.
    Command: `python -m fgcore train baseline_cars196`
    Time: 85 s an epoch on one core. Accuracy: 82.0 % (own split, 1,222 crops, seed 1, last epoch).
    """
    return cars196(demo("baseline_cars196", "baseline", CARS196, _OWN, clip_norm=CLIP_NORM), trunk_lr=0.004)


def baseline_birds() -> Experiment:
    """Cross-entropy on the drawn birds.

    Source: this project's.
    Command: `python -m fgcore train baseline_birds`
    Time: 11 s an epoch on one core, 2.5 minutes. Accuracy: 99.6 % (240 drawings, seed 1, last epoch).
    """
    return demo("baseline_birds", "baseline", BIRDS, _OWN)


def baseline_cars() -> Experiment:
    """Cross-entropy on the drawn cars.

    Source: this project's.
    Command: `python -m fgcore train baseline_cars`
    Time: 13 s an epoch on one core, 2.6 minutes. Accuracy: 98.8 % (240 drawings, seed 1, last epoch).
    """
    return demo("baseline_cars", "baseline", CARS, _OWN)


def baseline_own() -> Experiment:
    """Cross-entropy on a folder of your own photographs.

    Source: this project's; EfficientNet-Lite0 with its ImageNet weights, which are installed with the program.
    Command: `python -m fgcore train baseline_own data.root=DIR`
    Time: 6 s an epoch of 36 images on one core in fp32. Accuracy: 89.7 % of 29 test images of three look-alikes of
    CUB-200-2011, 12 training images each, seed 1, last epoch: an example, no figure of merit.
    """
    return own("baseline_own", "baseline", BaselineSettings())


def baseline_cub_convnext() -> Experiment:
    """Cross-entropy on CUB-200-2011 with a present-day trunk and recipe, for a GPU.

    Source: this project's; ConvNeXt-Tiny of timm at 448 pixels, AdamW, mixup, EMA, TrivialAugmentWide.
    Command: `python -m fgcore train baseline_cub_convnext`
    Time: not run here. Accuracy: not run here.
    """
    return strong("baseline_cub_convnext", "baseline", "timm:convnext_tiny", BaselineSettings())


PRESETS = (
    baseline_own,
    baseline_cub,
    baseline_cub50,
    baseline_cars196,
    baseline_birds,
    baseline_cars,
    baseline_cub_convnext,
)
