"""The authors' recipes: they want a GPU and the full data sets, and were not run here."""

from fgcore.config import DataConfig, Experiment, LossConfig, ModelConfig, OptimConfig, ROIConfig


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
