"""Trunks: torchvision's classifiers cut at the strides where the two methods read them.

The only file that knows torchvision's layer names.
"""

import os
from collections import OrderedDict
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from fgcore.outputs import Pyramid

# torchvision's `features` indices at which level 4 and level 5 begin (levels end with a max pooling)
_VGG_CUTS = {"vgg16_bn": (24, 34), "vgg19_bn": (27, 40)}
_SQUEEZENET_CUT = 8  # fire2 to fire5 before, pooling and fire6 to fire9 after
_SQUEEZENET_SCALES = (1 / 32, 1 / 16)  # of levels 3 and 4; powers of two, so that scaling rounds nothing
_BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}


class Trunk(nn.Module):
    """A backbone in three parts: images -> level 3 (stride 8) -> level 4 (16) -> level 5 (32).

    Sides of the input must be multiples of 32; every level n is then exactly side / 2^n.
    """

    def __init__(self, stem: nn.Module, level4: nn.Module, level5: nn.Module, channels: Pyramid[int]) -> None:
        super().__init__()
        self.stem = stem
        self.level4 = level4
        self.level5 = level5
        self.channels = channels
        self.signed = False
        self.last_level = 5 if any(True for _ in level5.parameters()) else 4

    def freeze(self, part: str, norm: bool) -> None:
        """Placeholder until the trunks' own package lands."""

    def above_stem(self, level3: Tensor) -> Pyramid[Tensor]:
        """All three levels from a level-3 map. (B, C_3, h, w) -> (B, C_n, H/2^n, W/2^n)."""
        level4 = self.level4(level3)
        return Pyramid(level3, level4, self.level5(level4))

    def forward(self, images: Tensor) -> Pyramid[Tensor]:
        """The pyramid of an input batch. (B, 3, H, W) -> (B, C_n, H/2^n, W/2^n)."""
        check_input(images)
        return self.above_stem(self.stem(images))

    def up_to(self, level: int) -> nn.Sequential:
        """The part that ends at `level` (4 or 5), sharing this trunk's weights under their own names."""
        parts = OrderedDict(stem=self.stem, level4=self.level4)
        if level == 5:
            parts["level5"] = self.level5
        elif level != 4:
            raise ValueError(f"features are read at level 4 (stride 16) or 5 (stride 32), got {level}")
        return nn.Sequential(parts)


def check_input(images: Tensor) -> None:
    """Refuse what the networks cannot take.

    Raises:
        ValueError: not (B, 3, H, W), or a side that is not a multiple of 32.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"expected images of shape (B, 3, H, W), got {tuple(images.shape)}")
    height, width = images.shape[-2:]
    if height % 32 or width % 32 or not height or not width:
        raise ValueError(f"expected sides that are multiples of 32, got {height} x {width}; resize or pad the images")


def build_trunk(name: str, weights: str = "") -> Trunk:
    """A torchvision backbone as a `Trunk`.

    Args:
        name: resnet18, resnet34, resnet50, vgg16_bn, vgg19_bn or squeezenet1_1.
        weights: "" for random ones; "imagenet" for torchvision's (a file `<name>_imagenet_features.pth` in the
            folder FG_WEIGHTS is taken first, for machines without a network); or a path to a state_dict of the
            whole torchvision model or of its `features`.

    Raises:
        ValueError: unknown name, or weights of another network.
        FileNotFoundError: no file at the given path.

    **Differs**: SqueezeNet's first convolution is padded by one pixel, so that its levels have strides 8 and 16
    exactly; its level 5 is level 4, max-pooled; its levels are scaled to the size that batch norm gives the others.
    """
    if name in _BLOCKS:
        network = torchvision.models.get_model(name)
        _load_weights(network, name, weights)
        return _resnet_trunk(network)
    if name in _VGG_CUTS:
        network = torchvision.models.get_model(name, init_weights=not weights)
        _load_weights(network.features, name, weights)
        return _vgg_trunk(network.features, *_VGG_CUTS[name])
    if name == "squeezenet1_1":
        network = torchvision.models.get_model(name)
        _load_weights(network.features, name, weights)
        return _squeezenet_trunk(network.features)
    raise ValueError(f"trunk must be one of {', '.join([*_BLOCKS, *_VGG_CUTS, 'squeezenet1_1'])}, got {name!r}")


def _resnet_trunk(network: ResNet) -> Trunk:
    names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2")
    stem = nn.Sequential(OrderedDict((name, getattr(network, name)) for name in names))
    widths = [_out_channels(layer) for layer in (network.layer2, network.layer3, network.layer4)]
    return Trunk(stem, network.layer3, network.layer4, Pyramid(*widths))


def _out_channels(layer: nn.Sequential) -> int:
    block = layer[-1]
    return (block.conv3 if isinstance(block, Bottleneck) else block.conv2).out_channels


def _vgg_trunk(features: nn.Sequential, level4: int, level5: int) -> Trunk:
    return Trunk(features[:level4], features[level4:level5], features[level5:], Pyramid(256, 512, 512))


class Scale(nn.Module):
    """Multiplies by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, features: Tensor) -> Tensor:
        """Any shape."""
        return features * self.factor


def _squeezenet_trunk(features: nn.Sequential) -> Trunk:
    """SqueezeNet has no batch norm: on photographs its levels reach hundreds, where gates and MC-Loss saturate."""
    features[0].padding = (1, 1)
    scale3, scale4 = _SQUEEZENET_SCALES
    stem, level4 = OrderedDict(features[:_SQUEEZENET_CUT].named_children()), OrderedDict(scale=Scale(1 / scale3))
    level4 |= OrderedDict(features[_SQUEEZENET_CUT:].named_children())
    level5 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
    stem, level4 = stem | {"scale": Scale(scale3)}, level4 | {"scale_down": Scale(scale4)}
    return Trunk(nn.Sequential(stem), nn.Sequential(level4), level5, Pyramid(256, 512, 512))


def build_scratch_features(name: str, channels: int) -> nn.Module:
    """The authors' from-scratch backbones: the last convolutions are widened to `channels`, at stride 16.

    Args:
        name: vgg16_bn, resnet18, resnet34 or resnet50.
        channels: K * xi.

    Returns:
        Module (B, 3, H, W) -> (B, channels, H/16, W/16), randomly initialised.

    Raises:
        ValueError: another trunk, or for ResNet-50 channels that are not a multiple of 4.

    Source: the authors' scripts: VGG16's blocks 4 and 5 end in K * xi channels and its last pooling is removed;
    ResNet-18's last layer has K * xi planes and stride 1, ResNet-50's K * xi / 4.
    """
    if name == "vgg16_bn":
        widths = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, channels, "M", 512, 512, channels]
        return torchvision.models.vgg.make_layers(widths, batch_norm=True)
    if name in _BLOCKS:
        return _widened_resnet(name, channels)
    raise ValueError(f"training from scratch is defined for vgg16_bn and ResNets, got {name!r}; use groups=conv")


def _widened_resnet(name: str, channels: int) -> nn.Module:
    block = Bottleneck if name == "resnet50" else BasicBlock
    if channels % block.expansion:
        raise ValueError(f"{name} needs channels that are a multiple of {block.expansion}, got {channels}; change xi")
    network = ResNet(block, list(_BLOCKS[name]))
    network.inplanes = 256 * block.expansion
    layer = network._make_layer(block, channels // block.expansion, _BLOCKS[name][3], stride=1)
    for module in layer.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    network.layer4 = layer
    return _resnet_trunk(network).up_to(5)


def weights_source(name: str, weights: str) -> str:
    """Where `build_trunk` takes its weights: a file path, "torchvision", or "" for random ones.

    Raises:
        FileNotFoundError: no file at the given path.
    """
    if weights in ("", "imagenet"):
        local = Path(os.environ.get("FG_WEIGHTS", "")) / f"{name}_imagenet_features.pth"
        return "" if not weights else str(local) if "FG_WEIGHTS" in os.environ and local.is_file() else "torchvision"
    if not Path(weights).is_file():
        raise FileNotFoundError(f"expected a state_dict of {name} at {weights!r}, found no file; check weights=")
    return weights


def _load_weights(network: nn.Module, name: str, weights: str) -> None:
    """Load `weights` into a torchvision model or its `features`; classifier entries are ignored."""
    source = weights_source(name, weights)
    if not source:
        return
    if source == "torchvision":
        state = torchvision.models.get_model_weights(name).DEFAULT.get_state_dict(progress=True, check_hash=True)
    else:
        state = torch.load(source, map_location="cpu", weights_only=True)
    state = {key.removeprefix("features."): value for key, value in state.items() if not key.startswith("classifier.")}
    problems = network.load_state_dict(state, strict=False)
    missing = [key for key in problems.missing_keys if not key.startswith("fc.")]
    if missing or problems.unexpected_keys:
        wrong = (missing or problems.unexpected_keys)[0]
        raise ValueError(f"{source} does not hold the weights of {name}: {wrong!r} does not fit; give its own file")
