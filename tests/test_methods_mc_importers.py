"""Files of the MC-Loss authors and of Kurumi233: the imported network gives the logits of theirs."""

import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from fgcore import presets
from fgcore.checkpoints import checkpoint, official
from fgcore.checkpoints.checkpoint import CheckpointError
from fgcore.methods.mc.settings import MCSettings


def convolutions(widths, channels=3):
    """VGG's layers: a number is a 3 x 3 convolution with batch norm and ReLU, "M" a pooling."""
    layers = []
    for width in widths:
        if width == "M":
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
    return layers


def resnet_layers(block, counts, last, stride):
    """A ResNet up to its last layer, which has `last` planes and `stride`."""
    network = ResNet(block, counts)
    network.inplanes = 256 * block.expansion
    network.layer4 = network._make_layer(block, last, counts[3], stride=stride)
    return list(network.children())[:-2]


def dense(inputs, hidden, classes):
    return nn.Sequential(
        nn.BatchNorm1d(inputs), nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden), nn.ELU(), nn.Linear(hidden, classes)
    )


class Parallel(nn.Module):
    """What DataParallel does to the names of a part."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x)


class Authors(nn.Module):
    """The scripts' network: features in one part or in two, a pooling, a head."""

    def __init__(self, parts, side, head):
        super().__init__()
        for name, layers in parts.items():
            setattr(self, name, Parallel(nn.Sequential(*layers)))
        self.parts, self.max = list(parts), nn.MaxPool2d(side, side)
        self.classifier = Parallel(head)

    def forward(self, x):
        for name in self.parts:
            x = getattr(self, name)(x)
        return self.classifier(self.max(x).flatten(1))

    def saved(self):
        return self.state_dict()


class Kurumi(nn.Module):
    """Kurumi233's two modules and file."""

    def __init__(self, net, pool, head):
        super().__init__()
        self.net, self.pool, self.metric = net, pool, nn.Sequential()
        self.metric.dense = head

    def forward(self, x):
        return self.metric(self.pool(self.net(x)).flatten(1))

    def saved(self):
        state = {"net": self.net.state_dict(), "metric": self.metric.state_dict()}
        return {**state, "acc": 0.86, "epoch": 140}


def kurumi_body(layers, last=()):
    net = nn.Sequential()
    net.backbone = nn.Sequential(*layers)
    if last:
        net.last_conv = nn.Sequential(*last)
    return net


K, XI = 9, 4
VGG = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M"]


def authors_vgg16():
    widths = [*VGG, 512, 512, K * XI, "M", 512, 512, K * XI]
    first, second = convolutions(widths)[:34], [*convolutions(widths)[34:], nn.AvgPool2d(1, 1)]
    return Authors({"features_1": first, "features_2": second}, 2, dense(K * XI * 49, 32, K)), 224


def authors_resnet18():
    layers = resnet_layers(BasicBlock, [2, 2, 2, 2], K * XI, stride=1)
    return Authors({"features": layers}, 14, dense(K * XI, 32, K)), 224


def authors_resnet50():
    layers = resnet_layers(Bottleneck, [3, 4, 6, 3], 512, stride=2)
    return Authors({"features": layers}, 14, dense(2048, 32, 200)), 448


def authors_resnet50_from_scratch():
    layers = resnet_layers(Bottleneck, [3, 4, 6, 3], K, stride=1)
    return Authors({"features": layers}, 14, dense(4 * K, 32, K)), 224


def kurumi_vgg16():
    layers = convolutions([*VGG, 512, 512, 512, "M", 512, 512])
    last = [*convolutions([K * XI], 512), nn.AvgPool2d(1, 1)]
    return Kurumi(kurumi_body(layers, last), nn.MaxPool2d(2, 2), dense(K * XI * 49, 32, K)), 224


def kurumi_resnet18():
    layers = resnet_layers(BasicBlock, [2, 2, 2, 2], 512, stride=2)
    return Kurumi(kurumi_body(layers), nn.AdaptiveMaxPool2d(1), dense(512, 32, 200)), 224


def kurumi_resnet50():
    layers = resnet_layers(Bottleneck, [3, 4, 6, 3], 512, stride=2)
    return Kurumi(kurumi_body(layers), nn.AdaptiveMaxPool2d(1), dense(2048, 32, 200)), 224


SCRATCH, OWN = {"groups": "scratch", "channels_per_class": XI}, {"groups": "trunk"}
CASES = {  # network -> its trunk, its settings, the preset whose images are prepared in the same way
    authors_vgg16: ("vgg16_bn", MCSettings(**SCRATCH, head_pool=7), "mc_vgg16_cub_scratch"),
    authors_resnet18: ("resnet18", MCSettings(**SCRATCH), "mc_resnet18_cub_scratch"),
    authors_resnet50: ("resnet50", MCSettings(**OWN), "mc_resnet50_cub"),
    authors_resnet50_from_scratch: ("resnet50", MCSettings(**SCRATCH), "mc_resnet18_cub_scratch"),
    kurumi_vgg16: ("vgg16_bn", MCSettings(**SCRATCH, head_pool=7, widened=1), "mc_vgg16_cub_scratch"),
    kurumi_resnet18: ("resnet18", MCSettings(**OWN), ""),
    kurumi_resnet50: ("resnet50", MCSettings(**OWN), ""),
}


def with_statistics(network):
    """As if trained: batch norms whose scales, shifts and statistics differ from each other's."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor, low, high in (
                *((module.weight, 0.5, 1.5), (module.bias, -0.5, 0.5)),
                *((module.running_mean, -0.2, 0.2), (module.running_var, 0.5, 1.5)),
            ):
                nn.init.uniform_(tensor, low, high)
    return network.eval()


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_an_imported_network_gives_the_same_logits(tmp_path, make):
    theirs, side = make()
    with_statistics(theirs)
    torch.save(theirs.saved(), tmp_path / "a.pth")
    model, source = official.load(tmp_path / "a.pth")
    trunk, settings, preset = CASES[make]
    assert (source.experiment.model.trunk, source.experiment.model.settings) == (trunk, settings)
    if preset:
        data = presets.get(preset).data
        ours = source.experiment.data
        assert [getattr(ours, n) for n in ("resize", "square", "crop", "normalise")] == [
            getattr(data, n) for n in ("resize", "square", "crop", "normalise")
        ]
    images = torch.randn(1, 3, side, side)
    with torch.no_grad():
        output, expected = model(images), theirs(images)
    assert expected.std() > 0.01
    torch.testing.assert_close(output.logits, expected, rtol=1e-4, atol=1e-5)
    assert sum(output.group_sizes) == output.features.shape[1]
    assert output.features.shape[-1] == side // 2**output.level


def test_resnet50_s_channels_are_152_groups_of_10_and_48_of_11(tmp_path):
    theirs, _ = authors_resnet50()
    torch.save(theirs.saved(), tmp_path / "a.pth")
    model, source = official.load(tmp_path / "a.pth")
    assert model.group_sizes == (10,) * 152 + (11,) * 48
    assert source.experiment.data.dataset == "cub"
    assert source.experiment.loss.settings == presets.get("mc_resnet50_cub").loss.settings
    assert source.provenance["command"] == "converted from a.pth, the authors' MC-Loss"


def small():
    theirs, _ = authors_resnet18()
    return theirs.state_dict()


def bare(state):
    return {name.replace(".module.", "."): value for name, value in state.items()}


@pytest.mark.parametrize(
    "wrap",
    [bare, lambda s: {"state_dict": {f"module.{n}": v for n, v in bare(s).items()}}, lambda s: {"net": s, "acc": 0.6}],
)
def test_wrappings_are_taken_off(tmp_path, wrap):
    torch.save(small(), tmp_path / "a.pth")
    torch.save(wrap(small()), tmp_path / "b.pth")
    plain, wrapped = (official.load(tmp_path / name)[1].experiment for name in ("a.pth", "b.pth"))
    assert plain == wrapped


def test_an_imported_file_becomes_a_checkpoint(tmp_path):
    torch.save(small(), tmp_path / "a.pth")
    model, source = official.load(tmp_path / "a.pth", "folder", [f"bird {n}" for n in range(K)])
    path = tmp_path / "b.safetensors"
    checkpoint.save(path, model, source.experiment, source.class_names, source.report, source.provenance, half=False)
    again, found = checkpoint.load(path)
    assert (found.experiment, found.class_names[2]) == (source.experiment, "bird 2")
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in again.state_dict().items())


def test_files_from_before_batch_norm_counted_are_read(tmp_path):
    state = small()
    torch.save(state, tmp_path / "a.pth")
    torch.save({n: v for n, v in state.items() if "num_batches_tracked" not in n}, tmp_path / "b.pth")
    with_counts, without = (official.load(tmp_path / name)[0].state_dict() for name in ("a.pth", "b.pth"))
    assert all(torch.equal(value, with_counts[name]) for name, value in without.items())


def refused(tmp_path, state, match):
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=match) as caught:
        official.load(tmp_path / "a.pth")
    assert "\n" not in str(caught.value)


def test_what_is_no_such_network_is_refused(tmp_path):
    state = bare(small())
    refused(tmp_path, {**state, "extra.weight": torch.ones(1)}, "unexpected entry 'extra.weight' in a file of the auth")
    refused(tmp_path, {**state, "features.44.weight": torch.ones(1)}, "expected VGG16 or a ResNet")
    refused(tmp_path, {**state, "features.9.weight": torch.ones(1)}, "among the layers of a ResNet")
    for missing, match in (
        ("classifier.4.", "expected a head of BN, FC, BN, ELU and FC"),
        ("features.7.1.", "expected ResNet-18, 34 or 50, got basic blocks"),
        ("features.6.0.conv1.weight", "1 missing"),
    ):
        refused(tmp_path, {name: value for name, value in state.items() if not name.startswith(missing)}, match)
    without = {name: value for name, value in state.items() if "7." not in name or "running_mean" not in name}
    refused(tmp_path, without, "parts of its network are missing or empty")
    refused(tmp_path, {**state, "classifier.0.running_mean": torch.ones(77)}, "a square map of 36 channels")
    refused(tmp_path, {**state, "classifier.4.weight": torch.ones(5, 32)}, "as many channels for each of 5 classes")
    refused(tmp_path, {**state, "features.7.1.bn2.running_mean": torch.ones(0)}, "missing or empty")
    features = {"features.0.weight": torch.ones(64, 3, 3, 3), "classifier.0.weight": torch.ones(8, 4)}  # VGG, AlexNet
    refused(tmp_path, features, r"is not an official file that can be imported \(MC-Loss, AP-CNN\)")
