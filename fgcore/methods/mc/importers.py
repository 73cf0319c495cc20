"""Import of MC-Loss files by others: the authors' scripts and Kurumi233's re-implementation, by their key names."""

import math
import re
from collections.abc import Mapping

from torch import Tensor

from fgcore.config import DataConfig, Experiment, LossConfig, ModelConfig
from fgcore.methods.base import Imported
from fgcore.methods.mc.settings import MCLossSettings, MCSettings
from fgcore.trunks import resnet_name

_SETS = {200: "cub", 196: "cars", 100: "aircraft"}  # by their number of classes
_HEAD = {"0": "norm", "1": "hidden", "2": "hidden_norm", "4": "classifier"}  # their Sequential's places -> ours
_RESNET = {  # places in a Sequential of torchvision's ResNet without its last two layers -> ours
    "0": "stem.conv1",
    "1": "stem.bn1",
    "4": "stem.layer1",
    "5": "stem.layer2",
    "6": "level4",
    "7": "level5",
}
_LAST_NORM = re.compile(r"7\.\d+\.bn[23]\.running_mean")
_SECOND_PART = 34  # the authors cut VGG16 before block 5 and count again from 0
_LAST_CONV = 40  # Kurumi233's last convolution, in VGG16's own count
_AUTHORS = re.compile(r"features(_1|_2)?\.(?:module\.)?(\d+)\.(.+)|classifier\.(?:module\.)?(\d+)\.(.+)")
_KURUMI = re.compile(
    r"net\.(?:module\.)?(?:backbone\.)?(last_conv\.)?(\d+)\.(.+)|metric\.(?:module\.)?(?:dense\.)?(\d+)\.(.+)"
)


def import_mc(state: Mapping[str, Tensor], dataset: str = "") -> Imported | None:
    """A file of the authors' MC-Loss scripts, or of Kurumi233's, as one of our networks; None: another file.

    VGG16 and ResNets from scratch, whose last layers have K * xi channels, and ResNets with their own channels, such
    as ResNet-50 with groups of 10 and 11. The classes keep their order.

    Args:
        state: their names -> tensors; `net` and `metric` in front of Kurumi233's two parts.
        dataset: cub, cars or aircraft; "": the set with that many classes; "folder": other classes.

    Raises:
        ValueError: such a file, but of a network that is not built here.

    Source: PRIS-CV/Mutual-Channel-Loss, CUB-200-2011.py, CUB-200-2011_ResNet18.py and, in its history,
    MC_ResNet50.py; Kurumi233/Mutual-Channel-Loss, models/.
    """
    for source, pattern in (("the authors' MC-Loss", _AUTHORS), ("Kurumi233's MC-Loss", _KURUMI)):
        matches = {key: pattern.fullmatch(key) for key in state}
        head = {f"{m[4]}.{m[5]}": state[key] for key, m in matches.items() if m and m[4]}
        if not {"0.running_mean", "2.running_mean"} <= head.keys():  # other networks have "features" too
            continue
        if foreign := next((key for key, match in matches.items() if not match), ""):
            raise ValueError(f"unexpected entry {foreign!r} in a file of {source}; is this their file?")
        body = {_place(m, key): state[key] for key, m in matches.items() if m and not m[4]}
        model, tensors = _converted(body, head)
        return Imported(model, tensors, _experiment(model, dataset, pattern is _KURUMI), source)
    return None


def _place(match: re.Match[str], key: str) -> str:
    """An entry of the body with its layer's place in the whole Sequential in front: "34.weight"."""
    shift = {"_2": _SECOND_PART, "last_conv.": _LAST_CONV}.get(match[1] or "", 0)
    if int(match[2]) > _LAST_CONV + 3:
        raise ValueError(f"expected VGG16 or a ResNet, got the entry {key!r}")
    return f"{int(match[2]) + shift}.{match[3]}"


def _converted(body: Mapping[str, Tensor], head: Mapping[str, Tensor]) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The network whose shapes these are, and its tensors by our names."""
    places = {name.split(".")[0] for name in head}
    if places != _HEAD.keys() or head["4.weight"].ndim != 2 or head["1.weight"].ndim != 2:
        raise ValueError(f"expected a head of BN, FC, BN, ELU and FC, got layers {', '.join(sorted(places))}")
    tensors = {f"head.{_renamed(name, _HEAD)}": value for name, value in head.items()}
    is_vgg = "40.weight" in body
    trunk = "vgg16_bn" if is_vgg else _resnet(body)
    names = {name: f"trunk.{name if is_vgg else _renamed(name, _RESNET)}" for name in body}
    tensors |= {names[name]: value for name, value in body.items()}
    last = "40.weight" if is_vgg else max(filter(_LAST_NORM.fullmatch, body), default="")
    classes, channels, inputs = head["4.weight"].shape[0], body[last].shape[0], head["0.running_mean"].numel()
    side = math.isqrt(inputs // channels)
    if side * side * channels != inputs:
        raise ValueError(f"expected a head on a square map of {channels} channels, got one of {inputs} inputs")
    settings = MCSettings(head_pool=side)
    if is_vgg or channels != {"resnet50": 2048}.get(trunk, 512):
        if channels % classes:
            raise ValueError(f"expected as many channels for each of {classes} classes, got {channels} in all")
        own_fourth = is_vgg and body["30.weight"].shape[0] != channels
        settings = MCSettings(
            groups="scratch", channels_per_class=channels // classes, widened=1 if own_fourth else 2, head_pool=side
        )
    return ModelConfig("mc", trunk, num_classes=classes, hidden=head["1.weight"].shape[0], settings=settings), tensors


def _renamed(name: str, places: Mapping[str, str]) -> str:
    place, _, rest = name.partition(".")
    if place not in places:
        raise ValueError(f"unexpected entry {name!r} among the layers of a ResNet")
    return f"{places[place]}.{rest}"


def _resnet(body: Mapping[str, Tensor]) -> str:
    """The trunk with as many blocks in each layer."""
    blocks = [{name.split(".")[1] for name in body if name.startswith(f"{layer}.")} for layer in range(4, 8)]
    return resnet_name([len(found) for found in blocks], "4.0.conv3.weight" in body)


def _experiment(model: ModelConfig, dataset: str, kurumi: bool) -> Experiment:
    """How the images are prepared and the loss is weighed in their scripts."""
    if scratch := model.settings.groups == "scratch":
        size, loss = 224, MCLossSettings(mc_weight=1.5, diversity_weight=20 / (1.5 * 3))
    else:
        size, loss = 600, MCLossSettings(mc_weight=0.0005, diversity_weight=10 / 10 + 10 / 11, dropped=4)
    data = DataConfig(
        dataset=dataset or _SETS.get(model.num_classes, "folder"),
        resize=size,
        square=True,
        crop=224 if scratch else 448,
        normalise="imagenet" if kurumi and not scratch else "half",
    )
    return Experiment(name="official MC-Loss", model=model, loss=LossConfig("mc", settings=loss), data=data)
