"""Every setting of an experiment, as frozen dataclasses with their defaults in sight.

An `Experiment` is stored as a plain dictionary in each checkpoint, so that a checkpoint rebuilds its model and
a reader can see how it was made. Named experiments live in `fgcore.presets`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

METHODS = ("baseline", "mc", "ap")
TRUNKS = ("resnet18", "resnet34", "resnet50", "vgg16_bn", "vgg19_bn", "squeezenet1_1")
DATASETS = ("synthetic_birds", "synthetic_cars", "cub", "cars", "aircraft", "folder")


@dataclass(frozen=True)
class ROIConfig:
    """How AP-CNN turns spatial gates into boxes. All lengths in pixels of the network input.

    Source: Ding et al., TIP 2021, ROI pyramid and the authors' code (anchors for 448-pixel input).
    """

    anchors: tuple[float, float, float] = (64.0, 128.0, 256.0)  # side of the square anchor, levels 3, 4, 5
    top_k: tuple[int, int, int] = (5, 3, 1)  # boxes kept per level
    nms_iou: float = 0.05  # a box overlapping a better one by more than this is removed
    border: float = 0.1  # share of each side in which no box is centred (authors: 0.2 on CUB, else 0.1)
    threshold: float = 1.0  # keep cells whose gate exceeds this multiple of the map's mean
    drop_probabilities: tuple[float, float] = (0.3, 0.3)  # of dropping one ROI of level 3, of level 4


@dataclass(frozen=True)
class ModelConfig:
    """Which network; everything needed to rebuild it without its weights."""

    method: str = "mc"  # one of METHODS
    trunk: str = "squeezenet1_1"  # one of TRUNKS
    weights: str = ""  # "" random, "imagenet" from torchvision (or FG_WEIGHTS), or a path to a state_dict
    num_classes: int = 0  # K; 0: taken from the data
    hidden: int = 512  # width of the dense heads' hidden layer
    # Baseline and MC-Loss
    level: int = 5  # pyramid level (stride 2^level) whose channels the head and MC-Loss read
    groups: str = "trunk"  # "trunk": its own channels, uneven; "conv": new even last conv; "scratch": authors'
    channels_per_class: int = 3  # xi of "conv" and "scratch"
    head_pool: int = 1  # side of the max-pooled map that enters the dense head (authors: 7 for VGG16, else 1)
    # AP-CNN
    pyramid_channels: int = 256
    gate_gain: float = 1.0  # on the gates' initial weights; below 1 they start near one half, where they learn fastest
    roi: ROIConfig = field(default_factory=ROIConfig)


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss terms. Total: CE + mc_weight * (L_dis - diversity_weight * L_div)."""

    mc_weight: float = 1.5  # mu
    diversity_weight: float = 4.0  # lambda; L_div lies in [1, xi]
    dropped: int = -1  # channels that CWA drops in each group; -1: floor(xi / 2)
    mask_per_image: bool = False  # one CWA mask per image instead of one for the batch
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class DataConfig:
    """Which pictures, and how they become network inputs."""

    dataset: str = "synthetic_birds"  # one of DATASETS
    root: str = ""  # its folder; "": the usual folder name under FG_DATA
    classes: int = 0  # only the first n classes; 0: all
    train_per_class: int = 40  # synthetic only
    test_per_class: int = 10  # synthetic only
    resize: int = 256  # pixels: shorter side, or both sides when `square`
    square: bool = False  # resize to a square (changes the aspect ratio), as the authors' scripts do
    crop: int = 224  # side of the network input, a multiple of 32
    crop_padding: int = 0  # zero pixels around the picture before the random crop
    eval_crop: bool = True  # False: evaluation resizes the whole picture to crop x crop
    scale_jitter: float = 0.0  # > 0: random resized crop of at least 1 - scale_jitter of the area
    colour_jitter: float = 0.0  # brightness, contrast and saturation jitter
    trivial_augment: bool = False  # one random operation of torchvision's TrivialAugmentWide on each training picture
    normalise: str = "imagenet"  # "imagenet" mean and std, or "half": 0.5 and 0.5


@dataclass(frozen=True)
class OptimConfig:
    """The optimiser and its schedule. Learning rates are per step, for the whole batch."""

    optimizer: str = "sgd"  # "sgd", as both papers; "adamw", whose rates and decays are of another size
    epochs: int = 15
    batch_size: int = 32
    lr: float = 0.01  # of the new layers
    trunk_lr: float = 0.003  # of the parameters below `trunk_prefixes`
    trunk_prefixes: tuple[str, ...] = ("trunk",)  # parameter names that train at trunk_lr
    momentum: float = 0.9  # AdamW: the first of its betas; the second is 0.999
    nesterov: bool = False  # SGD only
    weight_decay: float = 5e-4  # times the learning rate; AdamW's acts on the weights alone (decoupled)
    schedule: str = "cosine"  # "cosine" per epoch, or "step"
    milestones: tuple[int, ...] = ()  # epochs of the steps
    gamma: float = 0.1  # factor of each step
    warmup_epochs: float = 0.0
    accumulate: int = 1  # batches per update; batch norm and MC-Loss's shared mask still see single batches
    clip_norm: float = 0.0  # longest gradient (2-norm over all parameters) of an update; 0: as it comes
    mixup: float = 0.0  # alpha of the Beta distribution that mixes each picture with its neighbour; 0: none
    ema: float = 0.0  # decay of the averaged weights that are evaluated and saved, such as 0.999; 0: the weights


@dataclass(frozen=True)
class Experiment:
    """One training run: model, loss, data, optimiser, seed.

    It gives the same result, up to rounding, on one process and on several that share each batch, unless
    `sync_batch_norm` is off. See `fgcore.machine.distributed`.
    """

    name: str = "custom"
    seed: int = 1
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    precision: str = "auto"  # "auto": bf16 autocast where the machine has it; "bf16"; "fp32"
    workers: int = -1  # data loading processes; -1: chosen by the machine
    cache_images: bool = True  # keep decoded pictures in memory (small sets)
    sync_batch_norm: bool = True  # several processes: batch norm over the whole batch, not over each one's share
    compile: bool = False  # torch.compile for training; goes on without where that fails
    tensorboard: bool = False  # event files in the run's folder too; needs the package tensorboard


def to_dict(config: Any) -> dict[str, Any]:  # noqa: ANN401  (any dataclass of this module)
    """The config as nested plain dictionaries; tuples become lists, as in JSON."""
    return _plain(dataclasses.asdict(config))


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def from_dict(kind: type[T], values: Mapping[str, Any]) -> T:
    """The dataclass `kind` with `values`; fields left out keep their default.

    Raises:
        ValueError: an unknown field or a value of the wrong type, naming both.
    """
    hints = get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {unknown[0]!r}; its fields are {', '.join(hints)}")
    return kind(**{name: _typed(f"{kind.__name__}.{name}", hints[name], value) for name, value in values.items()})


def _typed(name: str, kind: Any, value: Any) -> Any:  # noqa: ANN401
    """`value` as `kind`: ints become floats and lists tuples; anything else of another type is refused."""
    if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        return from_dict(kind, value)
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        kinds = get_args(kind)
        if kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        if len(kinds) != len(value):
            raise ValueError(f"{name} takes {len(kinds)} values, got {len(value)}: {value!r}")
        return tuple(_typed(name, item_kind, item) for item_kind, item in zip(kinds, value, strict=True))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise ValueError(f"{name} takes {getattr(kind, '__name__', kind)}, got {value!r}")


def override(experiment: Experiment, settings: Mapping[str, str]) -> Experiment:
    """The experiment with `key=value` settings applied, as given on the command line.

    Args:
        experiment: the preset.
        settings: field -> text. A field is named in full (`optim.epochs`) or, where only one config has it,
            by its last word (`epochs`). Tuples are comma-separated.

    Raises:
        ValueError: an unknown or ambiguous field, or a text that is not of the field's type.
    """
    values = to_dict(experiment)
    paths = _paths(Experiment)
    for key, text in settings.items():
        matches = [path for path in paths if path == key] or [p for p in paths if p.rpartition(".")[2] == key]
        if len(matches) != 1:
            hint = f"could mean {' or '.join(matches)}" if matches else f"is none of {', '.join(paths)}"
            raise ValueError(f"setting {key!r} {hint}")
        *parents, leaf = matches[0].split(".")
        target = values
        for parent in parents:
            target = target[parent]
        target[leaf] = _parse(matches[0], paths[matches[0]], text)
    return from_dict(Experiment, values)


def _paths(kind: type, prefix: str = "") -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for name, hint in get_type_hints(kind).items():
        if dataclasses.is_dataclass(hint):
            paths |= _paths(hint, f"{prefix}{name}.")
        else:
            paths[f"{prefix}{name}"] = hint
    return paths


def _parse(name: str, kind: Any, text: str) -> Any:  # noqa: ANN401
    if get_origin(kind) is tuple:
        items = [item for item in text.split(",") if item]
        return [_parse(name, get_args(kind)[0], item) for item in items]
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{name} takes true or false, got {text!r}")
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{name} takes {kind.__name__}, got {text!r}") from None
