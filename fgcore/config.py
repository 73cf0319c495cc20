"""Every setting of an experiment, as frozen dataclasses with their defaults and limits in sight.

The command line, the checkpoint reader and the Train form take types, limits and choices from here, and nowhere else:
what can be written can be read again. An `Experiment` is stored as a plain dictionary in each checkpoint, so that a
checkpoint rebuilds its model and a reader can see how it was made. Named experiments live in `fgcore.presets`.

A method and a loss bring settings of their own (`ModelConfig.settings`, `LossConfig.settings`), registered in
`NETWORK_SETTINGS` and `LOSS_SETTINGS` by `fgcore.methods`.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import Field, ValidationInfo, field_validator, model_validator

from fgcore.checked import Rate, Share, Text, Whole, bare, between, from_dict, limits_of, settings, shown, to_dict

__all__ = [
    "DATASETS", "LOSS_SETTINGS", "NETWORK_SETTINGS", "OWN_LOSS", "STRIDE", "DataConfig", "Experiment", "LossConfig",
    "ModelConfig", "NoSettings", "OptimConfig", "between", "choices", "from_dict", "limits", "override", "settings",
    "to_dict",
]  # fmt: skip

DATASETS = ("synthetic_birds", "synthetic_cars", "cub", "cars", "aircraft", "folder")
STRIDE = 32  # of the coarsest level: sides of a network input are multiples of it

NETWORK_SETTINGS: dict[str, type] = {}  # method -> the class of its settings
LOSS_SETTINGS: dict[str, type] = {}  # loss -> the class of its settings
OWN_LOSS: dict[str, str] = {}  # method -> the loss it was published with


@settings
class NoSettings:
    """Of a method or loss without settings of its own."""


@settings
class ModelConfig:
    """Which network; everything needed to rebuild it without its weights."""

    method: str = ""  # a name of `fgcore.methods.METHODS`; "": the first of them
    trunk: Text = "timm:tf_efficientnet_lite0"  # see `fgcore.trunks`
    weights: Text = ""  # "" random, "imagenet", "package", or a path to a state_dict; see `fgcore.trunks`
    num_classes: Annotated[int, between(0, 20_000)] = 0  # K; 0: taken from the data
    hidden: Annotated[int, between(1, 8192)] = 512  # width of the dense heads' hidden layer
    freeze: Literal["nothing", "stem", "trunk"] = "nothing"  # part of the trunk that does not train
    freeze_norm: bool = False  # the trunk's batch norms keep the statistics and scales they came with
    settings: Any = None  # the method's own; None: its defaults

    @field_validator("method", mode="after")
    @classmethod
    def _known(cls, method: str) -> str:
        if method and method not in NETWORK_SETTINGS:
            raise ValueError(f"method must be one of {', '.join(NETWORK_SETTINGS)}, got {shown(method)}")
        return method or next(iter(NETWORK_SETTINGS))

    @field_validator("settings", mode="plain")
    @classmethod
    def _own(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        return _own_settings(value, NETWORK_SETTINGS.get(info.data.get("method", "")), "method", info)


@settings
class LossConfig:
    """What is minimised. A loss is chosen beside the network, and has settings of its own."""

    kind: str = ""  # a name of `fgcore.methods.LOSSES`; "": the one that the method was published with
    label_smoothing: Annotated[float, between(0, 0.99)] = 0.0  # of every cross-entropy
    settings: Any = None  # the loss's own; None: its defaults

    @field_validator("kind", mode="after")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind and kind not in LOSS_SETTINGS:
            raise ValueError(f"loss.kind must be one of {', '.join(LOSS_SETTINGS)}, got {shown(kind)}")
        return kind

    @field_validator("settings", mode="plain")
    @classmethod
    def _own(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        kind = info.data.get("kind", "")
        return value if not kind else _own_settings(value, LOSS_SETTINGS[kind], "kind", info)


@settings
class DataConfig:
    """Which images, and how they become network inputs."""

    dataset: Literal["synthetic_birds", "synthetic_cars", "cub", "cars", "aircraft", "folder"] = "synthetic_birds"
    root: Text = ""  # its folder; "": the usual folder name under FG_DATA
    labels: Literal["variant", "family", "manufacturer"] = "variant"  # aircraft only: which of its three label sets
    classes: Annotated[int, between(0, 20_000)] = 0  # only the first n classes; 0: all
    holdout: Annotated[float, between(0, 0.9)] = 0.0  # share of the training images held aside to choose by; 0: none
    train_per_class: Annotated[int, between(0, 2000)] = 40  # synthetic only
    test_per_class: Annotated[int, between(0, 2000)] = 10  # synthetic only
    resize: Annotated[int, between(STRIDE, 2048)] = 256  # pixels: shorter side, or both sides when `square`
    square: bool = False  # resize to a square (changes the aspect ratio), as the authors' scripts do
    crop: Annotated[int, between(STRIDE, 1536)] = 224  # side of the network input, a multiple of 32
    crop_padding: Annotated[int, between(0, 256)] = 0  # zero pixels around the image before the random crop
    eval_crop: bool = True  # False: evaluation resizes the whole image to crop x crop
    scale_jitter: Annotated[float, between(0, 0.99)] = 0.0  # > 0: random resized crop of >= 1 - this share of the area
    colour_jitter: Share = 0.0  # brightness, contrast and saturation jitter
    balanced: bool = False  # training draws every class equally often, however many images it has
    trivial_augment: bool = False  # one random operation of torchvision's TrivialAugmentWide on each training image
    normalise: Text = "trunk"  # the trunk's own, or "imagenet", "half", "clip", "none"; see `transforms.normalisation`

    @model_validator(mode="after")
    def _sides_fit(self) -> "DataConfig":
        if self.crop % STRIDE:
            nearest = max(1, round(self.crop / STRIDE)) * STRIDE
            raise ValueError(f"crop should be a multiple of {STRIDE} pixels, got {self.crop}; {nearest} is the nearest")
        if self.resize < self.crop:
            raise ValueError(
                f"resize should be at least crop, got resize {self.resize} and crop {self.crop} pixels; "
                "enlarge resize or choose a smaller crop"
            )
        return self


@settings
class OptimConfig:
    """The optimiser and its schedule. Learning rates are per step, for the whole batch."""

    optimizer: Literal["sgd", "adamw"] = "sgd"  # sgd, as both papers; adamw's rates and decays are of another size
    epochs: Annotated[int, between(1, 100_000)] = 15
    batch_size: Annotated[int, between(1, 65_536)] = 32
    lr: Rate = 0.01  # of the new layers
    trunk_lr: Rate = 0.003  # of the parameters below `trunk_prefixes`
    trunk_prefixes: tuple[Text, ...] = ("trunk",)  # parameter names that train at trunk_lr
    momentum: Share = 0.9  # AdamW: the first of its betas; the second is 0.999
    weight_decay: Rate = 5e-4  # times the learning rate; AdamW's acts on the weights alone (decoupled)
    schedule: Literal["cosine", "step"] = "cosine"  # both per epoch
    milestones: tuple[Annotated[int, between(0, 100_000)], ...] = ()  # epochs of the steps
    gamma: Rate = 0.1  # factor of each step
    warmup_epochs: Rate = 0.0
    accumulate: Annotated[int, between(1, 4096)] = 1  # batches per update; batch norm still sees single batches
    clip_norm: Annotated[float, between(0, 1e9)] = 0.0  # longest gradient (2-norm) of an update; 0: as it comes
    mixup: Rate = 0.0  # alpha of the Beta distribution that mixes each image with its neighbour; 0: none
    ema: Annotated[float, between(0, 0.999999)] = 0.0  # decay of the EMA model that is evaluated and saved; 0: none


@settings
class Experiment:
    """One training run: model, loss, data, optimiser, seed.

    It gives the same result, up to rounding, on one process and on several that share each batch, unless
    `sync_batch_norm` is off. See `fgcore.machine.distributed`.
    """

    name: Annotated[str, Field(max_length=200)] = "custom"
    seed: Whole = 1
    model: ModelConfig = Field(default_factory=ModelConfig)
    loss: LossConfig = Field(default_factory=LossConfig)
    data: DataConfig = Field(default_factory=DataConfig)
    optim: OptimConfig = Field(default_factory=OptimConfig)
    start: Text = ""  # a checkpoint to start from, in place of the trunk's weights; see `fgcore.training.start`
    precision: Literal["auto", "bf16", "fp32"] = "auto"  # auto: bf16 autocast where the machine has it
    workers: Annotated[int, between(-1, 256)] = -1  # data loading processes; -1: chosen by the machine
    cache_images: bool = True  # keep decoded images in memory (small sets)
    sync_batch_norm: bool = True  # several processes: batch norm over the whole batch, not over each one's share
    compile: bool = False  # torch.compile for training; goes on without where that fails
    tensorboard: bool = False  # event files in the run's folder too; needs the package tensorboard

    @field_validator("loss", mode="after")
    @classmethod
    def _named(cls, loss: LossConfig, info: ValidationInfo) -> LossConfig:
        """A loss without a name becomes the method's own."""
        if loss.kind or "model" not in info.data:
            return loss
        return dataclasses.replace(loss, kind=OWN_LOSS[info.data["model"].method])


def _own_settings(value: Any, kind: type | None, chosen_by: str, info: ValidationInfo) -> Any:  # noqa: ANN401
    """The settings of a method or loss as its own class."""
    if kind is None:  # its name was refused before
        return value
    if value is None:
        return kind()
    if isinstance(value, Mapping):
        return from_dict(kind, value)
    if not isinstance(value, kind):
        got = type(value).__name__
        raise ValueError(f"{chosen_by}={info.data[chosen_by]} takes settings of {kind.__name__}, got {got}")
    return value


def limits(experiment: Experiment, path: str) -> tuple[float, float]:
    """The lowest and highest value of a number such as "optim.epochs"; for forms."""
    return limits_of(_paths(experiment)[path])


def choices(experiment: Experiment, path: str) -> tuple[str, ...]:
    """What a setting such as "optim.schedule" may be; () where anything of its type may."""
    hint = bare(_paths(experiment)[path])
    return get_args(hint) if get_origin(hint) is Literal else ()


_SHORT = {"from": "start"}  # what the command line calls a setting whose name Python keeps for itself


def override(experiment: Experiment, settings: Mapping[str, str]) -> Experiment:
    """The experiment with `key=value` settings applied, as given on the command line.

    Args:
        experiment: the preset.
        settings: field -> text. A field is named in full (`optim.epochs`) or, where only one config has it,
            by its last word (`epochs`). Tuples are comma-separated. Another `method` or `loss.kind` keeps those of
            its own settings that the new one has too.

    Raises:
        ValueError: an unknown or ambiguous field, or a text that is not of the field's type.
    """
    named = {_full_name(key, experiment): text for key, text in settings.items() if _full_name(key, experiment)}
    for field in ("model.method", "loss.kind"):
        if field in named:
            experiment = _with_kind(experiment, field, named.pop(field))
    values, paths = to_dict(experiment), _paths(experiment)
    for key, text in settings.items():
        matches = _matches(key, paths)
        if matches in (["model.method"], ["loss.kind"]):
            continue
        if len(matches) != 1:
            hint = f"could mean {' or '.join(matches)}" if matches else f"is none of {', '.join(paths)}"
            raise ValueError(f"setting {key!r} {hint}")
        *parents, leaf = matches[0].split(".")
        functools.reduce(lambda part, name: part[name], parents, values)[leaf] = _parse(
            matches[0], paths[matches[0]], text
        )
    return from_dict(Experiment, values)


def _matches(key: str, paths: Mapping[str, Any]) -> list[str]:
    key = _SHORT.get(key, key)
    return [path for path in paths if path == key] or [path for path in paths if path.rpartition(".")[2] == key]


def _full_name(key: str, experiment: Experiment) -> str:
    matches = _matches(key, _paths(experiment))
    return matches[0] if len(matches) == 1 else ""


def _with_kind(experiment: Experiment, field: str, name: str) -> Experiment:
    """The experiment with another method or loss; the loss follows a method that had its own."""
    section, _, attribute = field.partition(".")
    known = NETWORK_SETTINGS if section == "model" else LOSS_SETTINGS
    values = to_dict(experiment)
    old = values[section][attribute]
    if name in known and name != old:
        fields = {item.name for item in dataclasses.fields(known[name])}
        own = {key: value for key, value in values[section]["settings"].items() if key in fields}
        values[section] |= {attribute: name, "settings": own}
        if section == "model" and values["loss"]["kind"] == OWN_LOSS[old]:
            values["loss"] = {"label_smoothing": values["loss"]["label_smoothing"]}
    else:
        values[section][attribute] = name
    return from_dict(Experiment, values)


def _paths(config: Any, prefix: str = "") -> dict[str, Any]:  # noqa: ANN401
    """Every setting below a config -> its type, by its full name."""
    paths: dict[str, Any] = {}
    for name, hint in get_type_hints(type(config), include_extras=True).items():
        value = getattr(config, name)
        if dataclasses.is_dataclass(value):
            paths |= _paths(value, f"{prefix}{name}.")
        else:
            paths[f"{prefix}{name}"] = hint
    return paths


_READERS: dict[type, Callable[[str], Any]] = {int: int, float: float, str: str}


def _parse(name: str, hint: Any, text: str) -> Any:  # noqa: ANN401
    kind = bare(hint)
    if get_origin(kind) is tuple:
        return [_parse(name, get_args(kind)[0], item) for item in text.split(",") if item]
    if get_origin(kind) is Literal:
        return text
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{name} takes true or false, got {text!r}")
        return text.lower() == "true"
    try:
        return _READERS[kind](text)
    except ValueError:
        raise ValueError(f"{name} takes {kind.__name__}, got {text!r}") from None
