"""MC-Loss's recipes: for two cores, and the authors' own, which want a GPU and the full data sets."""

from fgcore.config import DataConfig, Experiment, LossConfig, ModelConfig, OptimConfig
from fgcore.methods.mc.settings import MCLossSettings, MCSettings
from fgcore.methods.recipes import BIRDS, CARS, CARS196, CLIP_NORM, CUB, CUB50, cars196, demo, own, photo

# Between the authors' mu of 1.5 for training from scratch and their 0.005 and 0.0005 for pre-trained trunks
_WEIGHTS = MCLossSettings(mc_weight=0.2, diversity_weight=0.3)


def _demo(name: str, data: DataConfig, clip_norm: float = 0.0) -> Experiment:
    """MC-Loss weighted for a pre-trained trunk."""
    loss = LossConfig("mc", settings=_WEIGHTS)
    return demo(name, "mc", data, MCSettings(level=4), loss, clip_norm=clip_norm)


def mc_cub() -> Experiment:
    """MC-Loss on all 200 classes of CUB-200-2011, on two cores: every class owns 6 channels of a new last convolution.

    Source: Chang et al., TIP 2020, on EfficientNet-Lite0 at 224 pixels; the recipe is `baseline_cub`'s. Number of
    channels and weights were found on training images of CUB-50 that were held aside, see the method's README.
    Command: `python -m fgcore train mc_cub`
    Time: 6 minutes an epoch on one core of a busy machine, fp32. Accuracy: 75.5 % (CUB-200-2011, 2,867 of its 5,794
    test images, seed 1, last epoch).
    """
    loss = LossConfig("mc", settings=MCLossSettings(mc_weight=2.0, diversity_weight=0.5))
    return photo("mc_cub", "mc", CUB, MCSettings(groups="conv", channels_per_class=6), loss)


def mc_birds_first() -> Experiment:
    """A first run: MC-Loss from scratch on nine drawn birds, three families of three look-alikes, 128 pixels.

    Made to be watched: small enough for one core, and the channels of each class drift apart from epoch to epoch.

    Source: Chang et al., TIP 2020, the authors' ResNet-18 for training from scratch: 9 groups of 3 channels at stride
    16. **Differs**: their mu of 1.5 and lambda of 4.4 push the channels apart within the first epoch; here 0.2 and 1.
    Command: `python -m fgcore train mc_birds_first`; with `--probes 4` it keeps its filmstrip.
    Time: 2 minutes of one core (bf16; a third more in fp32). Accuracy: 77.8 % (90 drawings, seed 1, last epoch); h of
    the right class on them: 2.05 before training, 2.88 of 3 after.
    """
    model = ModelConfig("mc", "resnet18", settings=MCSettings(groups="scratch", channels_per_class=3))
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
    loss = LossConfig("mc", settings=MCLossSettings(mc_weight=0.2, diversity_weight=1.0))
    return Experiment(name="mc_birds_first", model=model, loss=loss, data=data, optim=optim)


def mc_cub50() -> Experiment:
    """MC-Loss on the first 50 classes of CUB-200-2011: 38 groups of 10 and 12 of 11 channels.

    Source: Chang et al., TIP 2020, on this project's small trunk; the recipe is `baseline_cub50`'s.
    Command: `python -m fgcore train mc_cub50`
    Time: 21 s an epoch on one core, 4 minutes. Accuracy: 72.6 % (CUB-50, 697 test images, seed 1, last epoch).
    """
    return _demo("mc_cub50", CUB50, CLIP_NORM)


def mc_cars196() -> Experiment:
    """MC-Loss on photographs of 196 car models: 120 groups of 3 and 76 of 2 channels.

    Source: Chang et al., TIP 2020, on this project's small trunk; the recipe is `baseline_cars196`'s.
    Command: `python -m fgcore train mc_cars196`
    Time: about 90 s an epoch on one core. Accuracy: 82.2 % (own split, 1,222 crops, seed 1, last epoch).
    """
    return cars196(_demo("mc_cars196", CARS196, CLIP_NORM), trunk_lr=0.004)


def mc_birds() -> Experiment:
    """MC-Loss on the drawn birds.

    Source: Chang et al., TIP 2020, on this project's small trunk.
    Command: `python -m fgcore train mc_birds`
    Time: 13 s an epoch on one core, 3 minutes. Accuracy: 99.2 % (240 drawings, seed 1, last epoch).
    """
    return _demo("mc_birds", BIRDS)


def mc_cars() -> Experiment:
    """MC-Loss on the drawn cars.

    Source: Chang et al., TIP 2020, on this project's small trunk.
    Command: `python -m fgcore train mc_cars`
    Time: 15 s an epoch on one core, 3 minutes. Accuracy: 98.3 % (240 drawings, seed 1, last epoch).
    """
    return _demo("mc_cars", CARS)


def _mc_scratch(name: str, trunk: str, dataset: str, head_pool: int) -> Experiment:
    model = ModelConfig("mc", trunk, settings=MCSettings(groups="scratch", channels_per_class=3, head_pool=head_pool))
    loss = LossConfig(
        "mc", settings=MCLossSettings(mc_weight=1.5, diversity_weight=20 / (1.5 * 3))
    )  # alpha 1.5, beta 20 on 1 - h / xi
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
    loss = LossConfig("mc", settings=MCLossSettings(mc_weight=0.0005, diversity_weight=10 / 10 + 10 / 11, dropped=4))
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


def mc_own() -> Experiment:
    """MC-Loss on a folder of your own photographs: every class owns 16 channels of a new last convolution.

    Source: Chang et al., TIP 2020; the recipe is `baseline_own`'s.
    Command: `python -m fgcore train mc_own data.root=DIR`
    Time: 6 s an epoch of 36 images on one core in fp32. Accuracy: 96.6 % of 29 test images of three look-alikes of
    CUB-200-2011, 12 training images each, seed 1, last epoch: an example, no figure of merit.
    """
    settings = MCSettings(groups="conv", channels_per_class=16)
    return own("mc_own", "mc", settings, LossConfig("mc", settings=_WEIGHTS))


PRESETS = (
    mc_birds_first,
    mc_own,
    mc_cub,
    mc_cub50,
    mc_cars196,
    mc_birds,
    mc_cars,
    mc_vgg16_cub_scratch,
    mc_vgg16_cars_scratch,
    mc_resnet18_cub_scratch,
    mc_resnet18_cars_scratch,
    mc_resnet50_cub,
    mc_resnet50_cars,
)
