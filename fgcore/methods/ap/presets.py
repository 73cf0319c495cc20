"""AP-CNN's recipes: for two cores, and the authors' own, which want a GPU and the full data sets."""

from fgcore.config import DataConfig, Experiment, LossConfig, ModelConfig, OptimConfig
from fgcore.methods.ap.settings import APSettings, GuideSettings, ROIConfig
from fgcore.methods.recipes import BIRDS, CARS, CARS196, CUB, CUB50, cars196, demo, own, photo

_CLIP_NORM = 20.0  # of eight cross-entropies
_OWN = APSettings(
    pyramid_channels=128,
    gate_gain=0.1,  # near one half: at the authors' start half of the gates are saturated on this trunk
    roi=ROIConfig(anchors=(32.0, 64.0, 128.0), border=0.1),  # the authors' anchors for 448 pixels, halved
)

_FOUND = APSettings(  # found on training images of CUB-50 that were held aside, see README.md
    pyramid_channels=128,
    gate="standardised",
    gate_gain=0.1,
    roi=ROIConfig(anchors=(48.0, 80.0, 112.0), centred=True, threshold=2.0),
)


def _photo(name: str, data: DataConfig) -> Experiment:
    loss = LossConfig("ap_guided", settings=GuideSettings(guide_weight=0.3))
    return photo(name, "ap", data, _FOUND, loss, lr=0.005, trunk_lr=0.002, clip_norm=_CLIP_NORM)


def ap_cub() -> Experiment:
    """AP-CNN on all 200 classes of CUB-200-2011, on two cores.

    Source: Ding et al., TIP 2021, on EfficientNet-Lite0 at 224 pixels. **Differs**: standardised gates, kept on the
    evidence by `ap_guided`; anchors around the middle of their cells, of other sides; see the method's README.
    Command: `python -m fgcore train ap_cub`
    Time: 11 minutes an epoch on one core of a busy machine, fp32. Accuracy: 75.4 % (CUB-200-2011, 2,867 of its 5,794
    test images, seed 1, last epoch).
    """
    return _photo("ap_cub", CUB)


def _demo(name: str, data: DataConfig, clip_norm: float = 0.0) -> Experiment:
    """The sum of eight cross-entropies: the trunk trains at an eighth of the others' rate."""
    return demo(name, "ap", data, _OWN, lr=0.005, trunk_lr=0.001, clip_norm=clip_norm)


def ap_cub50() -> Experiment:
    """AP-CNN on the first 50 classes of CUB-200-2011.

    Source: Ding et al., TIP 2021, on this project's small trunk; the recipe is `baseline_cub50`'s but for the rates
    and the limit on gradients.
    Command: `python -m fgcore train ap_cub50`
    Time: 43 s an epoch on one core, 9 minutes. Accuracy: 74.9 % (CUB-50, 697 test images, seed 1, last epoch).
    """
    return _demo("ap_cub50", CUB50, _CLIP_NORM)


def ap_cars196() -> Experiment:
    """AP-CNN on photographs of 196 car models.

    Source: Ding et al., TIP 2021, on this project's small trunk; the recipe is `baseline_cars196`'s but for the rates.
    Command: `python -m fgcore train ap_cars196`
    Time: 154 s an epoch on one core, 31 minutes. Accuracy: 67.8 % (own split, 1,222 crops, seed 1, last epoch).
    """
    return cars196(_demo("ap_cars196", CARS196, _CLIP_NORM), trunk_lr=0.001)


def ap_birds() -> Experiment:
    """AP-CNN on the drawn birds.

    Source: Ding et al., TIP 2021, on this project's small trunk.
    Command: `python -m fgcore train ap_birds`
    Time: 27 s an epoch on one core, 6 minutes. Accuracy: 99.6 % (240 drawings, seed 1, last epoch).
    """
    return _demo("ap_birds", BIRDS)


def ap_cars() -> Experiment:
    """AP-CNN on the drawn cars.

    Source: Ding et al., TIP 2021, on this project's small trunk.
    Command: `python -m fgcore train ap_cars`
    Time: 29 s an epoch on one core, 6 minutes. Accuracy: 98.8 % (240 drawings, seed 1, last epoch).
    """
    return _demo("ap_cars", CARS)


def _ap_resnet50(
    name: str, dataset: str, *, resize: int, border: float, hidden: int, slow: tuple[str, ...]
) -> Experiment:
    model = ModelConfig("ap", "resnet50", "imagenet", hidden=hidden, settings=APSettings(roi=ROIConfig(border=border)))
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


def ap_own() -> Experiment:
    """AP-CNN on a folder of your own photographs.

    Source: Ding et al., TIP 2021; the recipe is `baseline_own`'s but for the rates and the limit on gradients.
    Command: `python -m fgcore train ap_own data.root=DIR`
    Time: 15 s an epoch of 36 images on one core in fp32. Accuracy: 89.7 % of 29 test images of three look-alikes of
    CUB-200-2011, 12 training images each, seed 1, last epoch: an example, no figure of merit.
    """
    return own("ap_own", "ap", _OWN, lr=0.005, trunk_lr=0.001, clip_norm=_CLIP_NORM)


PRESETS = (
    ap_own,
    ap_cub,
    ap_cub50,
    ap_cars196,
    ap_birds,
    ap_cars,
    ap_resnet50_cub,
    ap_resnet50_cars,
    ap_resnet50_aircraft,
)
