"""Named experiments: functions whose docstrings state source, command, time and accuracy.

Demo presets (`*_cub50`, `*_birds`, `*_cars`) finish on two cores. The authors' recipes (`ap_resnet50_*`,
`mc_vgg16_*`, `mc_resnet*`) want a GPU and the full data sets.
"""

import dataclasses
from collections.abc import Callable

from fgcore.config import DataConfig, Experiment, LossConfig, ModelConfig, OptimConfig, ROIConfig

_AUGMENTED = {"scale_jitter": 0.5}  # random crops of at least half the picture
_DRAWN = {"resize": 224, "square": True, "crop_padding": 8, "eval_crop": False} | _AUGMENTED  # nothing is cut off
_CUB50 = DataConfig(dataset="cub", classes=50)
_BIRDS = DataConfig(dataset="synthetic_birds", **_DRAWN)
_CARS = DataConfig(dataset="synthetic_cars", **_DRAWN)


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


def baseline_cub50() -> Experiment:
    """Cross-entropy on the first 50 classes of CUB-200-2011: what the two methods are compared with.

    Source: this project's; the trunk is SqueezeNet 1.1 with ImageNet weights, the head the authors' dense head.
    Command: `python -m fgcore train baseline_cub50`
    Time: 21 s an epoch on one core, 4 minutes. Accuracy: 73.9 % (CUB-50, 697 test images, seed 1, last epoch).
    """
    return _demo("baseline_cub50", "baseline", _CUB50)


def mc_cub50() -> Experiment:
    """MC-Loss on the first 50 classes of CUB-200-2011: 38 groups of 10 and 12 of 11 channels.

    Source: Chang et al., TIP 2020, on this project's small trunk; the recipe is `baseline_cub50`'s.
    Command: `python -m fgcore train mc_cub50`
    Time: 21 s an epoch on one core, 4 minutes. Accuracy: 73.7 % (CUB-50, 697 test images, seed 1, last epoch).
    """
    return _demo_mc("mc_cub50", _CUB50)


def ap_cub50() -> Experiment:
    """AP-CNN on the first 50 classes of CUB-200-2011.

    Source: Ding et al., TIP 2021, on this project's small trunk; the recipe is `baseline_cub50`'s but for the rates.
    Command: `python -m fgcore train ap_cub50`
    Time: 43 s an epoch on one core, 9 minutes. Accuracy: 73.3 % (CUB-50, 697 test images, seed 1, last epoch).
    """
    return _demo("ap_cub50", "ap", _CUB50)


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
    Time: not run here. Accuracy: not run here.
    """
    return _demo("baseline_cars", "baseline", _CARS)


def mc_cars() -> Experiment:
    """MC-Loss on the drawn cars.

    Source: Chang et al., TIP 2020, on this project's small trunk.
    Command: `python -m fgcore train mc_cars`
    Time: not run here. Accuracy: not run here.
    """
    return _demo_mc("mc_cars", _CARS)


def ap_cars() -> Experiment:
    """AP-CNN on the drawn cars.

    Source: Ding et al., TIP 2021, on this project's small trunk.
    Command: `python -m fgcore train ap_cars`
    Time: not run here. Accuracy: not run here.
    """
    return _demo("ap_cars", "ap", _CARS)


def mc_birds_first() -> Experiment:
    """A first run: MC-Loss from scratch on nine drawn birds, three families of three look-alikes, 128 pixels.

    Made to be watched: small enough for one core, and the channels of each class drift apart from epoch to epoch.

    Source: Chang et al., TIP 2020, the authors' ResNet-18 for training from scratch: 9 groups of 3 channels at stride
    16. **Differs**: their mu of 1.5 and lambda of 4.4 push the channels apart within the first epoch; here 0.2 and 1.
    Command: `python -m fgcore train mc_birds_first`; with `--probes 4` it keeps its filmstrip.
    Time: 2 minutes of one core (bf16; a third more in fp32). Accuracy: 77.8 % (90 drawings, seed 1, last epoch); h of
    the right class on them: 2.05 before training, 2.88 of 3 after.
    """
    model = ModelConfig("mc", "resnet18", groups="scratch", channels_per_class=3)
    data = DataConfig(
        dataset="synthetic_birds",
        classes=9,
        train_per_class=100,
        resize=128,
        square=True,
        crop=128,
        crop_padding=8,
        eval_crop=False,
        scale_jitter=0.3,
    )
    optim = OptimConfig(epochs=10, batch_size=16, lr=0.02, trunk_prefixes=(), warmup_epochs=1.0)
    loss = LossConfig(mc_weight=0.2, diversity_weight=1.0)
    return Experiment(name="mc_birds_first", model=model, loss=loss, data=data, optim=optim)


def _ap_resnet50(
    name: str, dataset: str, *, resize: int, border: float, hidden: int, slow: tuple[str, ...]
) -> Experiment:
    model = ModelConfig("ap", "resnet50", "imagenet", hidden=hidden, roi=ROIConfig(border=border))
    data = DataConfig(dataset=dataset, resize=resize, square=True, crop=448)
    optim = OptimConfig(epochs=100, batch_size=16, lr=1e-3, trunk_lr=1e-4, trunk_prefixes=slow)
    return Experiment(name=name, model=model, data=data, optim=optim)


def ap_resnet50_cub() -> Experiment:
    """AP-CNN as published for CUB-200-2011, ResNet-50 at 448 pixels.

    Everything below layer4 trains at a tenth of the rate; layer4, pyramids and heads at the full one.

    Source: the authors' configuration and training script (PRIS-CV/AP-CNN_Pytorch-master).
    Command: `python -m fgcore train ap_resnet50_cub`
    Time: not run here. Accuracy: not run here; the authors' checkpoint is listed at 88.4 %.
    **Differs**: torchvision's newer ImageNet weights; dropblock draws are seeded; bf16 autocast where the machine
    has it (`precision=fp32` is the authors').
    """
    slow = ("trunk.stem", "trunk.level4")
    return _ap_resnet50("ap_resnet50_cub", "cub", resize=600, border=0.2, hidden=512, slow=slow)


def ap_resnet50_cars() -> Experiment:
    """AP-CNN as published for Stanford Cars, ResNet-50 at 448 pixels, one learning rate for all.

    Source: the authors' configuration and training script.
    Command: `python -m fgcore train ap_resnet50_cars`
    Time: not run here. Accuracy: not run here; the authors' checkpoint is listed at 95.3 %.
    **Differs**: as `ap_resnet50_cub`.
    """
    return _ap_resnet50("ap_resnet50_cars", "cars", resize=448, border=0.1, hidden=256, slow=())


def ap_resnet50_aircraft() -> Experiment:
    """AP-CNN as published for FGVC-Aircraft, ResNet-50 at 448 pixels, one learning rate for all.

    Source: the authors' configuration and training script.
    Command: `python -m fgcore train ap_resnet50_aircraft`
    Time: not run here. Accuracy: not run here; the authors' checkpoint is listed at 94.0 %.
    **Differs**: as `ap_resnet50_cub`.
    """
    return _ap_resnet50("ap_resnet50_aircraft", "aircraft", resize=448, border=0.1, hidden=256, slow=())


def _mc_scratch(name: str, trunk: str, dataset: str, head_pool: int) -> Experiment:
    model = ModelConfig("mc", trunk, groups="scratch", channels_per_class=3, head_pool=head_pool)
    loss = LossConfig(mc_weight=1.5, diversity_weight=20 / (1.5 * 3))  # alpha 1.5, beta 20 on 1 - h / xi
    data = DataConfig(dataset=dataset, resize=224, square=True, crop=224, crop_padding=4, normalise="half")
    optim = OptimConfig(
        epochs=300,
        batch_size=32,
        lr=0.1,
        trunk_lr=0.1,
        trunk_prefixes=(),
        schedule="step",
        milestones=(150, 225),
    )
    return Experiment(name=name, model=model, loss=loss, data=data, optim=optim)


def mc_vgg16_cub_scratch() -> Experiment:
    """MC-Loss from scratch on CUB-200-2011, VGG16 with 600 last channels at 224 pixels.

    Source: the authors' script (PRIS-CV/Mutual-Channel-Loss), alpha 1.5 and beta 20.
    Command: `python -m fgcore train mc_vgg16_cub_scratch`
    Time: not run here. Accuracy: not run here; the best run in the authors' own sweep reads about 67.9 %.
    **Differs**: bf16 autocast where the machine has it (`precision=fp32` is the authors'); seeded masks.
    """
    return _mc_scratch("mc_vgg16_cub_scratch", "vgg16_bn", "cub", head_pool=7)


def mc_vgg16_cars_scratch() -> Experiment:
    """MC-Loss from scratch on Stanford Cars, VGG16 with 588 last channels at 224 pixels.

    Source: the authors' CUB script; they published none for Cars.
    Command: `python -m fgcore train mc_vgg16_cars_scratch`
    Time: not run here. Accuracy: not run here.
    **Differs**: as `mc_vgg16_cub_scratch`; the recipe is CUB's.
    """
    return _mc_scratch("mc_vgg16_cars_scratch", "vgg16_bn", "cars", head_pool=7)


def mc_resnet18_cub_scratch() -> Experiment:
    """MC-Loss from scratch on CUB-200-2011, ResNet-18 with 600 last channels at stride 16 and 224 pixels.

    Source: the authors' script, alpha 1.5 and beta 20.
    Command: `python -m fgcore train mc_resnet18_cub_scratch`
    Time: not run here. Accuracy: not run here; published: 59.41 %, and 45.70 % for cross-entropy alone.
    **Differs**: as `mc_vgg16_cub_scratch`.
    """
    return _mc_scratch("mc_resnet18_cub_scratch", "resnet18", "cub", head_pool=1)


def mc_resnet18_cars_scratch() -> Experiment:
    """MC-Loss from scratch on Stanford Cars, ResNet-18 with 588 last channels at stride 16 and 224 pixels.

    Source: the authors' CUB script; they published none for Cars.
    Command: `python -m fgcore train mc_resnet18_cars_scratch`
    Time: not run here. Accuracy: not run here.
    **Differs**: as `mc_vgg16_cub_scratch`; the recipe is CUB's.
    """
    return _mc_scratch("mc_resnet18_cars_scratch", "resnet18", "cars", head_pool=1)


def _mc_resnet50(name: str, dataset: str) -> Experiment:
    model = ModelConfig("mc", "resnet50", "imagenet")
    loss = LossConfig(mc_weight=0.0005, diversity_weight=10 / 10 + 10 / 11, dropped=4)
    data = DataConfig(dataset=dataset, resize=600, square=True, crop=448, normalise="half")
    optim = OptimConfig(epochs=300, batch_size=64, lr=0.1, trunk_lr=0.01)
    return Experiment(name=name, model=model, loss=loss, data=data, optim=optim)


def mc_resnet50_cub() -> Experiment:
    """MC-Loss on a pre-trained ResNet-50 for CUB-200-2011: 152 groups of 10 and 48 of 11 channels, 448 pixels.

    Source: the ResNet-50 script in the authors' history: alpha 0.0005, beta 10, 4 channels dropped per group.
    Command: `python -m fgcore train mc_resnet50_cub`
    Time: not run here. Accuracy: not run here; published 87.3 %, the script's log ends at 86.25 %, best 87.26 %.
    **Differs**: the script adds the mean of 1 - h / xi over the groups of 10 to that over the groups of 11; here
    L_div is one mean over all classes, with a lambda of the same total weight, 10/10 + 10/11. Its last epoch jumps
    back to the full learning rate and its test drops the last batch; ours do neither. bf16 and seeds as
    `mc_vgg16_cub_scratch`.
    """
    return _mc_resnet50("mc_resnet50_cub", "cub")


def mc_resnet50_cars() -> Experiment:
    """MC-Loss on a pre-trained ResNet-50 for Stanford Cars: 108 groups of 10 and 88 of 11 channels, 448 pixels.

    Source: the authors' ResNet-50 script for CUB; they published none for Cars.
    Command: `python -m fgcore train mc_resnet50_cars`
    Time: not run here. Accuracy: not run here.
    **Differs**: as `mc_resnet50_cub`; the recipe is CUB's.
    """
    return _mc_resnet50("mc_resnet50_cars", "cars")


PRESETS: dict[str, Callable[[], Experiment]] = {
    preset.__name__: preset
    for preset in (
        mc_birds_first,
        baseline_cub50,
        mc_cub50,
        ap_cub50,
        baseline_birds,
        mc_birds,
        ap_birds,
        baseline_cars,
        mc_cars,
        ap_cars,
        ap_resnet50_cub,
        ap_resnet50_cars,
        ap_resnet50_aircraft,
        mc_vgg16_cub_scratch,
        mc_vgg16_cars_scratch,
        mc_resnet18_cub_scratch,
        mc_resnet18_cars_scratch,
        mc_resnet50_cub,
        mc_resnet50_cars,
    )
}


def get(name: str) -> Experiment:
    """The experiment called `name`.

    Raises:
        ValueError: an unknown name.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset is called {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]()
