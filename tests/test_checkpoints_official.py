import dataclasses
import pickle
import zipfile

import pytest
import torch

from fgcore import presets
from fgcore.checkpoints import checkpoint, official
from fgcore.checkpoints.checkpoint import CheckpointError
from fgcore.config import ModelConfig
from fgcore.methods import build_model
from fgcore.methods.ap.convert import convert_apcnn
from training_helpers import official_names


class Evil:
    def __reduce__(self):
        return (exec, ("open('ran', 'w').close()",))


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return official_names(build_model(ModelConfig("ap", "resnet18", num_classes=5, hidden=8)).state_dict())


def test_an_official_file_becomes_a_model(state, tmp_path):
    torch.save(state, tmp_path / "a.pth")
    model, source = official.load(tmp_path / "a.pth")
    config, expected = convert_apcnn(state)
    assert not model.training
    assert source.experiment.model == config
    assert source.class_names == ("class 001", "class 002", "class 003", "class 004", "class 005")
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())


def test_weights_beside_other_things_are_found(state, tmp_path):
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "a.pth"
    )
    assert official.load(tmp_path / "a.pth", "aircraft")[1].experiment.data.dataset == "aircraft"


def test_a_file_of_half_precision_and_without_counters_becomes_the_same_model(state, tmp_path):
    torch.save(state, tmp_path / "a.pth")
    changed = {name: value.half() for name, value in state.items() if "num_batches_tracked" not in name}
    torch.save({"model_state_dict": changed}, tmp_path / "model_best.pth.tar")
    expected = official.load(tmp_path / "a.pth")[0].state_dict()
    found = official.load_any(tmp_path / "model_best.pth.tar")[0].state_dict()
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-6)


def test_parts_that_are_missing_or_empty_are_one_sentence(state, tmp_path):
    torch.save({name: value for name, value in state.items() if name != "fpn.P5_2.weight"}, tmp_path / "a.pth")
    refused(tmp_path / "a.pth", "parts of its network are missing or empty")


def test_a_converted_file_is_a_checkpoint(state, tmp_path):
    torch.save(state, tmp_path / "a.pth")
    model, source = official.load(tmp_path / "a.pth", "cub")
    checkpoint.save(
        tmp_path / "b.safetensors", model, source.experiment, source.class_names, {}, source.provenance, half=False
    )
    again, found = checkpoint.load(tmp_path / "b.safetensors")
    assert found.experiment == source.experiment
    assert found.provenance["source_sha256"] == source.sha256
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in again.state_dict().items())


@pytest.mark.parametrize("dataset", sorted(official.DATASETS))
def test_images_are_prepared_as_in_the_authors_recipe(state, tmp_path, dataset):
    torch.save(state, tmp_path / "a.pth")
    expected = presets.get(f"ap_resnet50_{dataset}").data  # "trunk" there: the resnet50's, which is ImageNet's
    found = official.load(tmp_path / "a.pth", dataset)[1].experiment.data
    assert found == dataclasses.replace(expected, normalise="imagenet")


def refused(path, match, error=CheckpointError):
    with pytest.raises(error, match=match) as caught:
        official.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path, monkeypatch, legacy, nested):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    content = {"state_dict": {"weight": Evil()}} if nested else Evil()
    torch.save(content, "a.pth", _use_new_zipfile_serialization=not legacy)
    refused(tmp_path / "a.pth", r"would run code \(builtins\.exec\)")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", pickle.dumps({"a": 1}), b"PK\x03\x04" + b"\0" * 50],
    ids=["empty", "text", "bare pickle", "half a zip"],
)
def test_junk_is_refused(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    refused(tmp_path / "a.pth", r"cannot be used: ")


def test_a_truncated_file_is_refused(state, tmp_path):
    torch.save(state, tmp_path / "a.pth")
    content = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(content[: len(content) // 2])
    refused(tmp_path / "a.pth", "not a file of plain tensors, or was cut short")


def test_a_small_file_with_a_huge_tensor_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(1).expand(10**6, 10**6)}, tmp_path / "a.pth")
    assert (tmp_path / "a.pth").stat().st_size < 5000
    refused(tmp_path / "a.pth", "a tensor that is larger than its memory in the file")


def test_a_file_that_would_grow_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(5_000_000)}, tmp_path / "plain.pth")
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain, zipfile.ZipFile(tmp_path / "a.pth", "w", 8) as packed:
        for member in plain.infolist():
            packed.writestr(member.filename, plain.read(member))
    refused(tmp_path / "a.pth", r"would grow from \d+ to 2\d{7} bytes")


@pytest.mark.parametrize(
    "content",
    [{"weight": 3}, [torch.ones(1)], {}, {1: torch.ones(1)}, torch.ones(1), {"weight": torch.ones(1).to_sparse()}],
)
def test_anything_but_named_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")
    refused(tmp_path / "a.pth", "expected a state_dict")


def test_another_networks_weights_are_refused(tmp_path):
    torch.save({"fc.weight": torch.ones(2, 2)}, tmp_path / "a.pth")
    refused(tmp_path / "a.pth", "is not an official file that can be imported")


def test_weights_of_another_shape_are_refused_with_the_difference(state, tmp_path):
    torch.save({**state, "conv1.weight": torch.ones(64, 3, 5, 5)}, tmp_path / "a.pth")
    refused(tmp_path / "a.pth", r"first 'trunk\.stem\.conv1\.weight': expected \(64, 3, 7, 7\), got \(64, 3, 5, 5\)")


def test_a_hidden_width_that_only_the_file_claims_is_refused(state, tmp_path):
    claimed = {**state, "cls_concate.5.weight": torch.zeros(10**6, 2)}
    torch.save(claimed, tmp_path / "a.pth")
    refused(tmp_path / "a.pth", "num_classes should lie from 0 to 20000, got 1000000")


def test_nan_weights_are_refused(state, tmp_path):
    torch.save({**state, "bn1.weight": torch.full((64,), float("nan"))}, tmp_path / "a.pth")
    refused(tmp_path / "a.pth", r"nan or infinite weights \(first in 'trunk\.stem\.bn1\.weight'\)")


def test_an_unknown_data_set_is_refused(state, tmp_path):
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="dataset takes cub, cars, aircraft, folder, got 'dogs'"):
        official.load(tmp_path / "a.pth", "dogs")
