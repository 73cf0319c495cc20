"""Files of the format before this one: they load, say what they said, and lose nothing that had an effect."""

import json

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from conftest import ROOT
from fgcore.checkpoints import migrate
from fgcore.checkpoints.checkpoint import FORMAT, CheckpointError, load, read_metadata, save
from fgcore.config import NETWORK_SETTINGS, Experiment, ModelConfig, from_dict, settings, to_dict
from fgcore.data import transforms
from fgcore.data.synthetic import draw

LOGITS = ROOT / "tests" / "golden_shipped" / "logits.npz"

_OF_HEADS, _OF_GROUPS = {"level", "head_pool"}, {"groups", "channels_per_class"}
_OF_PYRAMID, _OF_LOSS = (
    {"pyramid_channels", "gate_gain"},
    {"mc_weight", "diversity_weight", "dropped", "mask_per_image"},
)
_OF_ROIS = {"anchors", "top_k", "nms_iou", "border", "threshold", "drop_probabilities"}
WITHOUT_EFFECT = {  # what a method of the old format never read
    "baseline": _OF_GROUPS | _OF_PYRAMID | _OF_ROIS | _OF_LOSS,
    "mc": _OF_PYRAMID | _OF_ROIS,
    "ap": _OF_HEADS | _OF_GROUPS | _OF_LOSS,
}


def header(path):
    with safetensors.safe_open(path, framework="pt") as file:
        return file.metadata()


SHIPPED = [  # of the older format
    path for path in sorted((ROOT / "checkpoints").glob("*.safetensors")) if header(path)["format"] == migrate.FORMAT
]


def flat(values, prefix=""):
    found = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def rewritten(source, target, change):
    """The file at `source` with its experiment changed by `change`."""
    values = json.loads(header(source)["experiment"])
    change(values)
    texts = header(source) | {"experiment": json.dumps(values)}
    safetensors.torch.save_file(safetensors.torch.load_file(source), target, texts)
    return target


def test_there_are_shipped_files_of_the_older_format_of_every_method():
    assert {path.stem.partition("_")[0] for path in SHIPPED} == {"baseline", "mc", "ap"}
    assert migrate.FORMAT == "finegrain-lens-1"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_file_says_what_it_said_before(path):
    model, checkpoint = load(path)
    family = "cars" if "cars" in path.stem else "birds"
    images = [transforms.preprocess(draw(family, n, seed=5).image, checkpoint.experiment.data)[0] for n in (3, 8)]
    with torch.no_grad():
        logits = torch.cat([model(image[None]).logits for image in images]).numpy()
    with np.load(LOGITS) as recorded:
        expected = recorded[path.stem]
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4)
    assert (logits.argmax(1) == expected.argmax(1)).all()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_setting_that_had_an_effect_is_there_with_its_value(path):
    old = flat(json.loads(header(path)["experiment"]))
    checkpoint = read_metadata(path)
    new, method = flat(to_dict(checkpoint.experiment)), checkpoint.experiment.model.method
    gone = set()
    for name, value in old.items():
        section, _, rest = name.partition(".")
        found = next((place for place in (name, f"{section}.settings.{rest}") if place in new), None)
        if found is None:
            gone.add(name.rpartition(".")[2])
        else:
            assert new.pop(found) == value, name
    assert gone - WITHOUT_EFFECT[method] <= {"nesterov"}  # off in all of them
    assert not old.get("optim.nesterov")
    assert len(gone) >= 7
    usual = flat(to_dict(Experiment(model=ModelConfig(method)))) | {"data.normalise": "imagenet"}
    assert new == {name: usual[name] for name in new}  # what there was not to choose when the file was written
    assert {"model.freeze", "loss.kind", "data.holdout"} <= new.keys()
    names = json.loads(header(path)["class_names"])
    assert checkpoint.class_names == tuple(names)
    assert checkpoint.provenance == json.loads(header(path)["provenance"])
    assert checkpoint.report == json.loads(header(path)["report"])


def test_settings_of_a_method_that_came_later_take_nothing_from_an_older_file(monkeypatch):
    @settings
    class Later:
        hidden: int = 3
        groups: int = 2

    old = json.loads(header(ROOT / "checkpoints" / "mc_birds.safetensors")["experiment"])
    before = migrate.experiment(old)
    monkeypatch.setitem(NETWORK_SETTINGS, "later", Later)
    assert migrate.experiment(old) == before


@pytest.mark.parametrize("stem", ["baseline_birds", "mc_birds", "ap_birds"])
def test_an_older_file_saved_again_is_of_todays_format_and_the_same_network(tmp_path, stem):
    model, checkpoint = load(ROOT / "checkpoints" / f"{stem}.safetensors")
    save(
        tmp_path / "new.safetensors",
        model,
        checkpoint.experiment,
        checkpoint.class_names,
        checkpoint.report,
        checkpoint.provenance,
    )
    assert header(tmp_path / "new.safetensors")["format"] == FORMAT
    again, found = load(tmp_path / "new.safetensors")
    assert found.experiment == checkpoint.experiment
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values["model"].update(depth=18), "ModelConfig has no field 'depth'"),
        (lambda values: values["loss"].update(mc_wait=1.0), "LossConfig has no field 'mc_wait'"),
        (lambda values: values["model"]["roi"].update(anchor=3), "ROIConfig has no field 'anchor'"),
        (lambda values: values["data"].update(rot=1), "DataConfig has no field 'rot'"),
        (lambda values: values.update(colour="red"), "Experiment has no field 'colour'"),
        (
            lambda values: values["model"].update(method="resnet"),
            "method must be one of baseline, mc, ap, got 'resnet'",
        ),
        (lambda values: values["model"].pop("method"), "method must be one of baseline, mc, ap, got None"),
        (lambda values: values.update(model=3), "its model, loss and data are not sets of named values"),
        (lambda values: values["model"].update(gate_gain=1000.0), "gate_gain should lie from 0 to 100, got 1000"),
        (lambda values: values["model"]["roi"].update(border=0.6), "border should lie from 0 to 0.49, got 0.6"),
    ],
)
def test_what_an_older_file_could_not_say_is_refused_still(tmp_path, change, message):
    path = rewritten(ROOT / "checkpoints" / "ap_birds.safetensors", tmp_path / "a.safetensors", change)
    with pytest.raises(CheckpointError, match=message):
        load(path)


def test_a_file_of_todays_format_is_not_migrated(tmp_path):
    source, target = ROOT / "checkpoints" / "mc_birds.safetensors", tmp_path / "a.safetensors"
    texts = header(source) | {"format": FORMAT}
    safetensors.torch.save_file(safetensors.torch.load_file(source), target, texts)
    with pytest.raises(CheckpointError, match="ModelConfig has no field 'level'"):
        load(target)


def test_a_runs_folder_of_either_age_gives_the_experiment_in_todays_words():
    old = json.loads(header(ROOT / "checkpoints" / "mc_birds.safetensors")["experiment"])
    new = migrate.experiment(old)
    assert migrate.current(old) == new
    assert migrate.current(to_dict(read_metadata(ROOT / "checkpoints" / "mc_birds.safetensors").experiment)) != old
    assert migrate.current(new) == new


def test_a_setting_that_is_no_more_is_dropped_where_it_was_idle_and_refused_where_it_was_not():
    values = to_dict(Experiment())
    values["optim"]["nesterov"] = False
    assert from_dict(Experiment, migrate.current(values)) == Experiment()
    values["optim"]["nesterov"] = True
    with pytest.raises(ValueError, match="nesterov"):
        from_dict(Experiment, migrate.current(values))
