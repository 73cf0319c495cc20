"""Trunks: backbones cut at the strides where the methods read them, and where their weights come from."""

from dataclasses import dataclass

from fgcore.trunks import timm_trunk, vision
from fgcore.trunks.base import Trunk, TrunkPart, check_input
from fgcore.trunks.sources import HUB, PACKAGES, package_file, weights_source
from fgcore.trunks.vision import build_scratch_features, resnet_name

__all__ = [
    "DEFAULT", "TRUNKS", "Facts", "Trunk", "TrunkPart", "build_scratch_features", "build_trunk", "check_input", "facts",
    "names", "normalisation", "resnet_name", "weights_source",
]  # fmt: skip

TRUNKS = vision.NAMES  # torchvision's
DEFAULT = "timm:tf_efficientnet_lite0"  # its weights are installed with the program
_PREFIX = "timm:"
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SUGGESTED = (  # of timm's hundreds, for pickers
    "tf_efficientnet_lite0", "tf_efficientnet_lite2", "mobilenetv3_large_100", "resnet50d", "convnext_atto",
    "convnext_tiny", "regnety_008", "efficientnetv2_rw_t", "tf_efficientnetv2_b0", "densenet121",
)  # fmt: skip

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Facts:
    """What there is to know of a trunk before it is built."""

    name: str
    normalise: tuple[RGB, RGB]  # mean and standard deviation of its inputs' colours
    licence: str  # of its weights; "": unknown, as of random ones and of files
    source: str  # of its weights, in words
    size: int  # side of the only input that it takes, pixels; 0: any multiple of 32


def build_trunk(name: str, weights: str = "") -> Trunk:
    """A backbone as a `Trunk`.

    Args:
        name: one of `TRUNKS`, or "timm:NAME" for any architecture of timm that gives strides 8, 16 and 32.
        weights: "" for random ones; "imagenet" for the trunk's own (a file `<name>_imagenet_features.pth` in the folder
            FG_WEIGHTS is taken first, then a package, then timm's or torchvision's download); "package"; or a path to
            a state_dict of the whole timm or torchvision model.

    Raises:
        ValueError: an unknown name, an architecture that does not fit, or weights of another network.
        FileNotFoundError: no file at the given path.
        OSError: a download that failed.
    """
    if name.startswith(_PREFIX):
        return timm_trunk.build(name.removeprefix(_PREFIX), weights)
    if name not in TRUNKS:
        raise ValueError(f"trunk must be timm:NAME or one of {', '.join(TRUNKS)}, got {name!r}")
    return vision.build(name, weights)


def facts(name: str, weights: str = "imagenet") -> Facts:
    """What there is to know of a trunk and its weights; nothing is built or downloaded.

    Raises:
        ValueError: an unknown name.
        FileNotFoundError: no file at the given path.
    """
    source = weights_source(name, weights)
    words = {"": "random", HUB: "a download of timm" if name.startswith(_PREFIX) else "a download of torchvision"}
    told = words.get(source, "a file")
    if not name.startswith(_PREFIX):
        if name not in TRUNKS:
            raise ValueError(f"trunk must be timm:NAME or one of {', '.join(TRUNKS)}, got {name!r}")
        return Facts(name, _IMAGENET, "BSD-3-Clause" if source == HUB else "", told, 0)
    bare = name.removeprefix(_PREFIX)
    config = timm_trunk.default_config(bare)
    licence = str(config.license or "") if source == HUB else ""
    if source and source != HUB and bare in PACKAGES and source == package_file(bare):
        told, licence = f"the package {PACKAGES[bare][0]}", "Apache-2.0"
    size = config.input_size[-1] if config.fixed_input_size else 0
    return Facts(name, (tuple(config.mean), tuple(config.std)), licence, told, size)


def normalisation(name: str) -> tuple[RGB, RGB]:
    """Mean and standard deviation of the colours, as the trunk's own weights expect them."""
    return facts(name, "").normalise


def names() -> tuple[str, ...]:
    """Trunks for a picker: torchvision's, and some of timm's."""
    return (*(f"{_PREFIX}{name}" for name in _SUGGESTED), *TRUNKS)
