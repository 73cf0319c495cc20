import dataclasses
import json
import shutil
import struct
from pathlib import Path

import pytest
import safetensors.torch
import torch

from fgcore.checkpoints import checkpoint
from fgcore.checkpoints.checkpoint import CheckpointError, load, read_metadata, save
from fgcore.config import to_dict
from fgcore.data.names import MAX_NAME
from fgcore.machine.files import sha256
from fgcore.methods import build_model
from test_data_names import KEPT
from training_helpers import CLASSES, replaced, tiny

REPORT = {"epoch": 3, "test": {"top1": 0.5}}
PROVENANCE = {"command": "python -m fgcore train tiny", "seed": 1}


def experiment_of(method="baseline"):
    return replaced(tiny("", method), "model", num_classes=3)


def write(path, method="baseline", model=None, **options):
    experiment = experiment_of(method)
    model = model or build_model(experiment.model)
    save(path, model, experiment, CLASSES, REPORT, PROVENANCE, **options)
    return model


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    path = tmp_path_factory.mktemp("pristine") / "good.safetensors"
    write(path)
    return path


@pytest.fixture
def good(pristine, tmp_path):
    return Path(shutil.copy(pristine, tmp_path / "good.safetensors"))


def rewrite(path, tensors=None, **metadata):
    """The checkpoint at `path` with other tensors or metadata (None removes an entry)."""
    with safetensors.safe_open(path, framework="pt") as file:
        texts = {**file.metadata(), **metadata}
    tensors = safetensors.torch.load_file(path) if tensors is None else tensors
    safetensors.torch.save_file(tensors, path, {key: text for key, text in texts.items() if text is not None})


def experiment_with(method="baseline", **changes):
    """The experiment's JSON with `section__field` set."""
    values = to_dict(experiment_of(method))
    for name, value in changes.items():
        target = values
        *parents, leaf = name.split("__")
        for parent in parents:
            target = target[parent]
        target[leaf] = value
    return json.dumps(values)


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_a_model_comes_back_to_the_last_bit(tmp_path, method):
    model = write(tmp_path / "a.safetensors", method, half=False)
    loaded, _ = load(tmp_path / "a.safetensors")
    assert not loaded.training
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in loaded.state_dict().items())


@pytest.mark.parametrize("names", list(zip(KEPT[::3], KEPT[1::3], KEPT[2::3], strict=True)), ids=ascii)
def test_class_names_that_the_data_reader_accepts_come_back(tmp_path, names):
    experiment = experiment_of()
    save(tmp_path / "a.safetensors", build_model(experiment.model), experiment, names, REPORT, PROVENANCE)
    assert read_metadata(tmp_path / "a.safetensors").class_names == names


def test_half_precision_rounds_the_large_weights_and_nothing_else(good):
    torch.manual_seed(0)
    model = build_model(experiment_of("ap").model)
    norm, head = "heads.concat.norm.running_var", "heads.concat.hidden.weight"
    model.state_dict()[norm].fill_(1e-9)
    counter = model.state_dict()["heads.concat.norm.num_batches_tracked"].fill_(70_001)
    save(good, model, experiment_of("ap"), CLASSES, REPORT, PROVENANCE)
    loaded = load(good)[0].state_dict()
    assert torch.equal(loaded[norm], model.state_dict()[norm])
    assert torch.equal(loaded["heads.concat.norm.num_batches_tracked"], counter)
    assert torch.equal(loaded[head], model.state_dict()[head].half().float())
    assert not torch.equal(loaded[head], model.state_dict()[head])
    assert {value.dtype for value in loaded.values()} == {torch.float32, torch.int64}


def test_half_precision_halves_the_file(tmp_path):
    write(tmp_path / "half.safetensors")
    write(tmp_path / "full.safetensors", half=False)
    half, full = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "full"))
    assert 0.45 < half / full < 0.55


def test_a_weight_beyond_half_precision_survives(good):
    model = build_model(experiment_of().model)
    with torch.no_grad():
        model.head.hidden.weight[0, 0] = 1e6
    write(good, model=model)
    assert load(good)[0].head.hidden.weight[0, 0] == 1e6


def test_the_metadata_says_everything(good):
    found = read_metadata(good)
    assert found.experiment == experiment_of()
    assert found.class_names == CLASSES
    assert (found.report, found.provenance) == (REPORT, PROVENANCE)
    assert found.sha256 == sha256(good)
    assert load(good)[1] == found


def test_no_path_of_the_machine_enters_the_file(tmp_path):
    experiment = replaced(experiment_of(), "data", root="/secret/pictures")
    experiment = replaced(experiment, "model", weights="/secret/trunk.pth")
    model = build_model(dataclasses.replace(experiment.model, weights=""))
    save(tmp_path / "a.safetensors", model, experiment, CLASSES, {}, {})
    assert b"secret" not in (tmp_path / "a.safetensors").read_bytes()
    assert read_metadata(tmp_path / "a.safetensors").experiment.model.weights == "trunk.pth"


def test_loading_needs_no_trunk_weights(good):
    rewrite(good, experiment=experiment_with(model__weights="imagenet"))
    assert load(good)[1].experiment.model.weights == "imagenet"


def test_loading_follows_no_path_in_the_file(good):
    rewrite(good, experiment=experiment_with(model__weights="/etc/passwd", data__root="/etc"))
    experiment = load(good)[1].experiment
    assert (experiment.model.weights, experiment.data.root) == ("passwd", "")


def test_loading_leaves_the_random_state_alone(good):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    load(good)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_broken_weight_is_not_written(tmp_path):
    model = build_model(experiment_of().model)
    model.head.norm.running_mean[0] = float("nan")
    with pytest.raises(FloatingPointError, match=r"'head\.norm\.running_mean' became nan"):
        write(tmp_path / "a.safetensors", model=model)
    assert list(tmp_path.iterdir()) == []


def refused(path, match, error=CheckpointError):
    with pytest.raises(error, match=match) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_missing_file_is_named(tmp_path):
    refused(tmp_path / "none.safetensors", "found nothing", FileNotFoundError)
    refused(tmp_path, "found a folder", FileNotFoundError)


@pytest.mark.parametrize("content", [b"", b"abc", b"PK\x03\x04" + b"x" * 100, b"{" * 64])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    refused(tmp_path / "a.safetensors", "is no safetensors file, or was cut short")


def test_a_pickle_is_refused_with_the_way_out(tmp_path):
    torch.save({"weight": torch.ones(2)}, tmp_path / "a.pth")
    refused(tmp_path / "a.pth", r"python -m fgcore convert")


@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_truncated_file_is_refused(good, kept):
    content = good.read_bytes()
    good.write_bytes(content[: int(len(content) * kept)])
    refused(good, "cut short")


def test_a_file_with_something_added_is_refused(good):
    good.write_bytes(good.read_bytes() + b"more")
    refused(good, "damaged or was cut short")


def test_a_header_beyond_measure_is_refused(tmp_path):
    length = checkpoint.MAX_HEADER + 1
    with (tmp_path / "a.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", length))
        file.truncate(8 + length)
    refused(tmp_path / "a.safetensors", f"header takes {length} bytes")


def test_the_most_and_longest_class_names_that_are_written_can_be_read(tmp_path):
    experiment = replaced(tiny("", "baseline"), "model", num_classes=20_000, hidden=1)
    names = tuple(f"{number:05d}" + "\U0001f985" * (MAX_NAME - 5) for number in range(20_000))
    save(tmp_path / "a.safetensors", build_model(experiment.model), experiment, names, REPORT, PROVENANCE)
    assert read_metadata(tmp_path / "a.safetensors").class_names == names


def test_a_header_of_junk_is_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 100) + b"\xff" * 200)
    refused(tmp_path / "a.safetensors", "damaged")


def test_weights_without_a_description_are_refused(tmp_path):
    safetensors.torch.save_file({"weight": torch.ones(2)}, tmp_path / "a.safetensors")
    refused(tmp_path / "a.safetensors", "weights without a description")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": "somebody-elses"}, "of format 'somebody-elses'"),
        ({"experiment": None}, "experiment is missing or damaged"),
        ({"experiment": "[" * 100_000}, "experiment is missing or damaged"),
        ({"experiment": "[]"}, "experiment is not a set of named values"),
        ({"experiment": '{"model": {"layers": 3}}'}, "ModelConfig has no field 'layers'"),
        ({"report": "3"}, "report is not a set of named values"),
        ({"provenance": "{"}, "provenance is missing or damaged"),
        ({"class_names": "{}"}, "class names should be a list of texts, got dict"),
        ({"class_names": "[1, 2, 3]"}, "class names should be a list of texts, got list"),
        ({"class_names": json.dumps(["a", "b", "c" * 201])}, "is 201 characters long, expected at most 200"),
        ({"class_names": json.dumps(["a", "b", "c\nd"])}, "is one with control characters in it"),
        ({"report": '{"top1": NaN}'}, "report is missing or damaged"),
        ({"class_names": '["a", "b"]'}, "has 3 classes but 2 class names"),
    ],
)
def test_a_wrong_description_is_refused(good, changes, match):
    rewrite(good, **changes)
    refused(good, match)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"model__num_classes": 10**9}, r"model\.num_classes should lie from 0 to 20000, got 1000000000"),
        ({"model__num_classes": 0}, "it has 0 classes but 3 class names"),
        ({"model__num_classes": -3}, r"model\.num_classes should lie from 0 to 20000, got -3"),
        ({"model__num_classes": "3"}, r"num_classes takes int, got '3'"),
        ({"model__hidden": 10**7}, r"model\.hidden should lie from 1 to 8192, got 10000000"),
        ({"model__hidden": 0}, r"model\.hidden should lie from 1 to 8192, got 0"),
        ({"model__settings__head_pool": 1000}, r"BaselineSettings\.head_pool should lie from 1 to 14, got 1000"),
        ({"model__settings__level": 9}, r"BaselineSettings\.level should lie from 4 to 5, got 9"),
        ({"model__settings": [1]}, "method=baseline takes settings of BaselineSettings, got list"),
        (
            {"model__settings__groups": "conv"},
            "BaselineSettings has no field 'groups'; its fields are level, head_pool",
        ),
        ({"model__method": "os.system"}, "method must be one of baseline, mc, ap, got 'os.system'"),
        ({"model__trunk": "../../etc"}, "describes no network that can be built: trunk must be"),
        ({"loss__kind": "eval"}, r"loss\.kind must be one of ce, mc, ap_guided, got 'eval'"),
        ({"data__crop": 10**6}, r"data\.crop should lie from .* to 1536, got 1000000"),
        ({"data__train_per_class": 10**9}, r"data\.train_per_class should lie from 0 to 2000"),
        ({"method": "ap", "model__settings__pyramid_channels": 10**6}, r"APSettings\.pyramid_channels should lie"),
        ({"method": "ap", "model__settings__roi__top_k": [10**9, 1, 1]}, r"roi\.top_k should lie from 0 to 64"),
        (
            {"method": "ap", "model__settings__roi__anchors": [32, 64, 1e30]},
            r"roi\.anchors should lie from 1 to 4096, got 1e\+30",
        ),
        ({"method": "ap", "model__settings__roi__border": 0.7}, r"roi\.border should lie from 0 to 0\.49, got 0\.7"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_allocated(good, changes, match):
    rewrite(good, experiment=experiment_with(**changes))
    refused(good, match)


def test_a_network_that_the_file_does_not_hold_is_refused_with_the_difference(good):
    rewrite(good, experiment=experiment_with(model__hidden=8192))
    refused(good, r"of another shape \(first 'head\.hidden\.weight': expected \(8192, 512\), got \(16, 512\)\)")
    tensors = safetensors.torch.load_file(good)
    del tensors["head.norm.weight"]
    rewrite(good, {**tensors, "extra": torch.ones(1)}, experiment=experiment_with())
    refused(good, r"do not fit the Baseline network on squeezenet1_1 with 3 classes: 1 missing \(first 'head\.norm")
    refused(good, r"1 unknown \(first 'extra'\)")


@pytest.mark.parametrize("dtype", [torch.int32, torch.complex64])
def test_weights_of_another_kind_are_refused(good, dtype):
    tensors = safetensors.torch.load_file(good)
    tensors["head.norm.weight"] = tensors["head.norm.weight"].to(dtype)
    rewrite(good, tensors)
    refused(good, rf"'head\.norm\.weight' holds {dtype}, expected torch\.float32")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinite_weights_are_refused(good, value):
    tensors = safetensors.torch.load_file(good)
    tensors["head.norm.weight"][0] = value
    rewrite(good, tensors)
    refused(good, r"nan or infinite weights \(first in 'head\.norm\.weight'\)")
