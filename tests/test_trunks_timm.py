"""A dozen families of timm as trunks. `python -m benchmarks trunks` tries all architectures."""

import warnings
from urllib.error import URLError

import pytest
import timm
import torch

from benchmarks.trunks import try_out
from fgcore.config import DataConfig, ModelConfig
from fgcore.data import transforms
from fgcore.data.images import read_image
from fgcore.methods import build_model
from fgcore.methods.mc.settings import MCSettings
from fgcore.trunks import build_trunk, sources

FAMILIES = {  # channels of the three levels; whether they are signed; whether AP-CNN can start again at level 3
    "resnet10t": ((128, 256, 512), False, True),
    "regnety_002": ((56, 152, 368), False, True),
    "tf_efficientnet_lite0": ((40, 112, 320), True, True),
    "mobilenetv3_small_050": ((16, 24, 288), True, True),
    "ghostnet_050": ((20, 40, 80), True, True),
    "convnext_atto": ((80, 160, 320), True, True),
    "mambaout_femto": ((96, 192, 288), True, True),  # channels last
    "mobilevit_xxs": ((48, 64, 320), True, True),
    "edgenext_xx_small": ((48, 88, 168), True, True),
    "efficientvit_b0": ((32, 64, 128), True, True),
    "dla46_c": ((64, 128, 256), False, True),
    "hrnet_w18_small": ((256, 512, 1024), False, False),  # its branches exchange features all the way
}
CHAIN_NEEDED = "cannot be split there; use a trunk that is a chain of stages"


def noise(side, count=1):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))


def of_timm(name, state):
    """Timm's own network of feature maps with the weights of a whole network."""
    with warnings.catch_warnings(action="ignore"):
        return timm.create_model(
            name, features_only=True, pretrained=True, pretrained_cfg_overlay={"state_dict": dict(state)}
        ).eval()


@pytest.mark.parametrize("name", FAMILIES)
@torch.no_grad()
def test_levels_are_those_of_timms_own_network_with_the_weights_of_a_file(tmp_path, name):
    torch.manual_seed(1)
    state = timm.create_model(name).state_dict()
    torch.save({"state_dict": state}, tmp_path / "weights.pth")
    trunk = build_trunk(f"timm:{name}", str(tmp_path / "weights.pth")).eval()
    reference = of_timm(name, state)
    maps = dict(zip(reference.feature_info.reduction(), reference(noise(64, 2)), strict=True))
    levels = trunk(noise(64, 2))
    channels, signed, splits = FAMILIES[name]
    assert (tuple(trunk.channels), trunk.signed, trunk.splits) == (channels, signed, splits)
    for level, width, stride in zip(levels, channels, (8, 16, 32), strict=True):
        expected = maps[stride] if maps[stride].shape[1] == width else maps[stride].permute(0, 3, 1, 2)
        assert level.shape == (2, width, 64 // stride, 64 // stride)
        assert level.equal(expected)
    assert trunk.up_to(4)(noise(64, 2)).equal(levels.level4)
    if splits:
        assert all(a.equal(b) for a, b in zip(trunk.above_stem(trunk.level3(noise(64, 2))), levels, strict=True))
    else:
        assert not hasattr(trunk, "stem")


@pytest.mark.parametrize("name", FAMILIES)
def test_every_method_explains_with_it_and_comes_back_from_a_file_to_the_last_bit(name):
    outcome = try_out(name)
    assert outcome["stated"]
    assert (outcome["side"], outcome["signed"]) == (32, FAMILIES[name][1])
    problems = outcome["methods"]
    if not FAMILIES[name][2]:
        assert CHAIN_NEEDED in problems.pop("ap")
    assert set(problems.values()) == {""}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("inception_v3", "states stride 8, but makes"),
        ("vit_tiny_patch16_224", "gives no feature maps at strides 8, 16 and 32"),
        ("levit_128s", "gives no feature maps"),
        ("resnet99", "timm has no architecture 'resnet99'; near it"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence_that_names_near_ones(name, why):
    with pytest.raises(ValueError, match=why) as caught:
        build_trunk(f"timm:{name}")
    sentence, _, near = str(caught.value).rpartition(": ")
    assert "\n" not in sentence
    assert near.split(", ")
    assert all(timm.is_model(other) for other in near.split(", "))


def test_the_only_side_of_an_input_is_said_when_another_comes():
    trunk = build_trunk("timm:maxvit_pico_rw_256").eval()
    assert trunk.size == 256
    with pytest.raises(ValueError, match=r"takes 256 x 256 pixels only, got 64 x 64; set data.crop=256"):
        trunk(noise(64))


def test_mc_loss_refuses_to_mask_signed_features_and_takes_them_through_a_convolution():
    def network(groups, name="timm:convnext_atto"):
        return build_model(ModelConfig("mc", name, num_classes=4, hidden=16, settings=MCSettings(groups=groups)))

    with pytest.raises(ValueError, match=r"groups=trunk needs features that are not negative.*use groups=conv"):
        network("trunk")
    assert network("conv").eval()(noise(64)).features.min() == 0
    assert network("trunk", "timm:resnet10t").eval()(noise(64)).features.min() == 0


def test_a_trunk_is_described_without_memory_and_filled_later():
    with torch.device("meta"):
        described = build_trunk("timm:convnext_atto")
    assert all(value.is_meta for value in described.state_dict().values())
    source = build_trunk("timm:convnext_atto").eval()
    described.load_state_dict(source.state_dict(), assign=True)
    with torch.no_grad():
        assert described.eval()(noise(64)).level5.equal(source(noise(64)).level5)


def test_building_a_trunk_takes_random_numbers_for_its_weights_alone():
    states = []
    for _ in range(2):  # where the levels lie is found the first time only
        torch.manual_seed(3)
        states.append(build_trunk("timm:resnet14t").state_dict())
    assert all(states[0][name].equal(states[1][name]) for name in states[0])


def test_without_a_network_it_says_what_to_set_instead(monkeypatch):
    def offline(*_, **__):
        raise URLError("no route to host")

    monkeypatch.delenv("FG_WEIGHTS", raising=False)
    for name in ("load_state_dict_from_hf", "load_state_dict_from_url"):
        monkeypatch.setattr(f"timm.models._builder.{name}", offline)
    with pytest.raises(OSError, match=r"weights of timm:resnet10t could not be downloaded.*set weights=FILE, put resn"):
        build_trunk("timm:resnet10t", "imagenet")


def lite0():
    """The whole network of ImageNet's 1,000 classes with the package's weights."""
    network = timm.create_model("tf_efficientnet_lite0").eval()
    found = sources.read_state(sources.package_file("tf_efficientnet_lite0"), "tf_efficientnet_lite0")
    network.load_state_dict(sources.in_order(found, network.state_dict(), "tf_efficientnet_lite0"))
    return network


@torch.no_grad()
def test_the_packages_weights_reach_the_trunk(monkeypatch):
    monkeypatch.delenv("FG_WEIGHTS", raising=False)
    network, images = lite0(), noise(64)
    expected = network.blocks(network.bn1(network.conv_stem(images)))
    for weights in ("package", "imagenet"):
        assert build_trunk("timm:tf_efficientnet_lite0", weights).eval()(images).level5.equal(expected)


def test_the_second_package_fits_its_trunk_too():
    trunk = build_trunk("timm:tf_efficientnet_lite2", "package")
    stored = sources.read_state(sources.package_file("tf_efficientnet_lite2"), "tf_efficientnet_lite2")
    assert next(trunk.parameters()).equal(next(iter(stored.values())))


@torch.no_grad()
def test_the_packages_network_names_an_indigo_bunting(data_dir):
    files = sorted((data_dir / "CUB_200_2011" / "images").glob("014.*/*.jpg"))[:3]
    assert files
    network, data = lite0(), DataConfig(normalise="half")
    images = torch.stack([transforms.preprocess(read_image(file), data)[0] for file in files])
    assert network(images).argmax(1).tolist() == [14] * len(files)
