"""Torchvision's classifiers as trunks. The only file that knows their layer names."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from fgcore.outputs import Pyramid
from fgcore.trunks.base import Trunk
from fgcore.trunks.sources import HUB, offline_explained, read_state, weights_source

# torchvision's `features` indices at which level 4 and level 5 begin (levels end with a max pooling)
_VGG_CUTS = {"vgg16_bn": (24, 34), "vgg19_bn": (27, 40)}
_SQUEEZENET_CUT = 8  # fire2 to fire5 before, pooling and fire6 to fire9 after
_SQUEEZENET_SCALES = (1 / 32, 1 / 16)  # of levels 3 and 4; powers of two, so that scaling rounds nothing
_BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}


NAMES = (*_BLOCKS, *_VGG_CUTS, "squeezenet1_1")


def build(name: str, weights: str = "") -> Trunk:
    """A torchvision backbone as a `Trunk`; see `fgcore.trunks.build_trunk`.

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
    network = torchvision.models.get_model(name)
    _load_weights(network.features, name, weights)
    return _squeezenet_trunk(network.features)


def _resnet_trunk(network: ResNet) -> Trunk:
    names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2")
    stem = nn.Sequential(OrderedDict((name, getattr(network, name)) for name in names))
    widths = [_out_channels(layer) for layer in (network.layer2, network.layer3, network.layer4)]
    return Trunk(stem, network.layer3, network.layer4, Pyramid(*widths))


def _out_channels(layer: nn.Sequential) -> int:
    block = layer[-1]
    return (block.conv3 if isinstance(block, Bottleneck) else block.conv2).out_channels


def resnet_name(blocks: Sequence[int], bottleneck: bool) -> str:
    """The ResNet whose four layers have so many blocks.

    Raises:
        ValueError: there is none here.
    """
    for name, counts in _BLOCKS.items():
        if (tuple(blocks), bottleneck) == (counts, name == "resnet50"):
            return name
    kind = "bottleneck" if bottleneck else "basic"
    raise ValueError(f"expected ResNet-18, 34 or 50, got {kind} blocks {[*blocks]}; other depths are not supported")


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


def build_scratch_features(name: str, channels: int, blocks: int = 2) -> nn.Module:
    """The authors' from-scratch backbones: the last convolutions are widened to `channels`, at stride 16.

    Args:
        name: vgg16_bn, resnet18, resnet34 or resnet50.
        channels: K * xi.
        blocks: of VGG16 that end in so many channels, the last 1 or 2.

    Returns:
        Module (B, 3, H, W) -> (B, channels, H/16, W/16), randomly initialised.

    Raises:
        ValueError: another trunk, or for ResNet-50 channels that are not a multiple of 4.

    Source: the authors' scripts: VGG16's blocks 4 and 5 end in K * xi channels and its last pooling is removed;
    ResNet-18's last layer has K * xi planes and stride 1, ResNet-50's K * xi / 4. Kurumi233's VGG16 widens block 5
    alone.
    """
    if name == "vgg16_bn":
        fourth = channels if blocks == 2 else 512
        widths = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, fourth, "M", 512, 512, channels]
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
    return nn.Sequential(OrderedDict(_resnet_trunk(network).named_children()))


def _load_weights(network: nn.Module, name: str, weights: str) -> None:
    """Load `weights` into a torchvision model or its `features`; classifier entries are ignored."""
    source = weights_source(name, weights)
    if not source:
        return
    if source == HUB:
        with offline_explained(name):
            state = torchvision.models.get_model_weights(name).DEFAULT.get_state_dict(progress=True, check_hash=True)
    else:
        state = read_state(source, name)
    state = {key.removeprefix("features."): value for key, value in state.items() if not key.startswith("classifier.")}
    try:
        problems = network.load_state_dict(_fitting(network, state), strict=False)
    except RuntimeError as error:
        wrong = str(error).strip().splitlines()[-1].strip()
        raise ValueError(f"{Path(source).name} does not hold the weights of {name}: {wrong}") from error
    missing = [key for key in problems.missing_keys if not key.startswith("fc.")]
    if missing or problems.unexpected_keys:
        wrong = (missing or problems.unexpected_keys)[0]
        raise ValueError(
            f"{Path(source).name} does not hold the weights of {name}: {wrong!r} does not fit; give its own file"
        )


def _fitting(network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without a classifier for other classes."""
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    return {key: v for key, v in state.items() if not (key.startswith("fc.") and v.shape != shapes.get(key))}
