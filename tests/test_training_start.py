"""Runs that start from a checkpoint, and runs that go on under other settings."""

import dataclasses
import json
import math

import pytest
import torch

from fgcore import presets
from fgcore.__main__ import main
from fgcore.checkpoints.checkpoint import load, read_metadata
from fgcore.methods import METHODS
from fgcore.training import loop, start
from fgcore.training.session import settled, started_model
from training_helpers import CLASSES, draw_pictures, replaced, state_of, tiny

KNOWN = tuple(sorted(CLASSES))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def checkpoints(root, tmp_path_factory):
    """A file of each method, after one epoch."""
    made = {}
    for method in METHODS:
        folder = tmp_path_factory.mktemp(method)
        list(loop.train(tiny(root, method, epochs=1), folder / "run"))
        made[method] = folder / "run" / "last.safetensors"
    return made


def begun(root, method, path, class_names=KNOWN):
    experiment = settled(dataclasses.replace(tiny(root, method), start=str(path)), len(class_names))
    return started_model(experiment, class_names)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_same_classes_take_everything(root, checkpoints, method):
    model, said = begun(root, method, checkpoints[method])
    stored, source = load(checkpoints[method])
    for name, value in stored.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    assert said["start"]["new"] == []
    assert said["start"]["sha256"] == said["trunk_weights"]["sha256"] == source.sha256


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("names", [("a", "b", "c"), ("a", "b", "c", "d", "e")])
def test_other_classes_take_all_but_what_depends_on_them(root, checkpoints, method, names):
    model, said = begun(root, method, checkpoints[method], names)
    stored = load(checkpoints[method])[0].state_dict()
    fresh = started_model(settled(tiny(root, method), len(names)), names)[0].state_dict()
    new = {name for name, value in model.state_dict().items() if torch.equal(value, fresh[name])}
    assert all("classifier" in name for name in said["start"]["new"])
    assert said["start"]["taken"] == len(fresh) - 2 * len(said["start"]["new"])  # a weight and a bias each
    for name, value in model.state_dict().items():
        if name.rpartition(".")[0] in said["start"]["new"]:
            assert name in new
        else:
            assert torch.equal(value, stored[name]), name


def test_another_method_takes_the_trunk(root, checkpoints):
    model, said = begun(root, "ap", checkpoints["baseline"])
    stored = load(checkpoints["baseline"])[0].state_dict()
    trunk = {name: value for name, value in model.state_dict().items() if name in stored and name.startswith("trunk.")}
    assert trunk
    assert all(torch.equal(value, stored[name]) for name, value in trunk.items())
    assert "heads.concat.hidden" in said["start"]["new"]


def test_another_trunk_is_refused(root, checkpoints):
    experiment = replaced(
        dataclasses.replace(tiny(root), start=str(checkpoints["baseline"])), "model", trunk="resnet18"
    )
    with pytest.raises(ValueError, match=r"has the trunk squeezenet1_1, the recipe resnet18; set model\.trunk to"):
        started_model(settled(experiment, 3), KNOWN)
    with pytest.raises(FileNotFoundError, match=r"nowhere"):
        begun(root, "baseline", "nowhere.safetensors")


def test_inputs_are_prepared_as_the_checkpoint_learned_them(root, checkpoints, tmp_path):
    experiment = dataclasses.replace(tiny(root, epochs=1), start=str(checkpoints["baseline"]))
    assert start.normalise(experiment) == read_metadata(checkpoints["baseline"]).experiment.data.normalise
    list(loop.train(experiment, tmp_path / "run"))
    made = read_metadata(tmp_path / "run" / "last.safetensors")
    assert made.provenance["start"]["file"] == "last.safetensors"
    assert made.experiment.start == "last.safetensors"  # no path of this machine
    assert made.experiment.data.normalise == start.normalise(experiment)


def test_the_command_line_starts_from_a_checkpoint(root, tmp_path, monkeypatch, checkpoints, capsys):
    monkeypatch.setitem(presets.PRESETS, "tiny", lambda: tiny("", epochs=1))
    out = tmp_path / "run"
    argv = ["train", "tiny", f"data.root={root}", f"from={checkpoints['baseline']}", "--out", str(out)]
    assert main(argv) == 0
    assert read_metadata(out / "last.safetensors").provenance["command"].endswith("from=DIR/last.safetensors")


@pytest.mark.parametrize("method", ["baseline", "mc"])
def test_a_run_goes_on_with_more_epochs_and_another_rate_and_says_so(root, tmp_path, method):
    folder = tmp_path / "run"
    list(loop.train(tiny(root, method, epochs=2), folder))
    more = list(loop.train(tiny(root, method, epochs=3, lr=0.002), folder, resume=True))
    assert [report.epoch for report in more] == [3]
    assert more[0].learning_rates["new"] == pytest.approx(0.002 * (1 + math.cos(2 / 3 * math.pi)) / 2)
    expected = [{"after_epoch": 2, "optim.epochs": [2, 3], "optim.lr": [0.001, 0.002]}]
    made = read_metadata(folder / "last.safetensors")
    assert made.provenance["changes"] == expected
    assert made.experiment.optim.epochs == 3
    assert json.loads((folder / "experiment.json").read_text())["experiment"]["optim"]["lr"] == 0.002
    again = list(loop.train(tiny(root, method, epochs=4, lr=0.002), folder, resume=True))
    assert [report.epoch for report in again] == [4]
    changes = read_metadata(folder / "last.safetensors").provenance["changes"]
    assert changes == [*expected, {"after_epoch": 3, "optim.epochs": [3, 4]}]


def test_the_same_change_gives_the_same_weights_though_the_run_was_killed_in_between(root, tmp_path):
    for name in ("whole", "killed"):
        list(loop.train(tiny(root, epochs=1), tmp_path / name))
        longer = loop.train(tiny(root, epochs=3), tmp_path / name, resume=True)
        if name == "killed":
            next(longer)
            longer.close()
            longer = loop.train(tiny(root, epochs=3), tmp_path / name, resume=True)
        list(longer)
    one, two = (state_of(tmp_path / name) for name in ("whole", "killed"))
    assert one["changes"] == two["changes"] == [{"after_epoch": 1, "optim.epochs": [1, 3]}]
    for name, value in one["model"].items():
        assert torch.equal(value, two["model"][name]), name


def test_a_run_cannot_become_shorter_than_it_is(root, tmp_path):
    list(loop.train(tiny(root, epochs=2), tmp_path / "run"))
    with pytest.raises(ValueError, match=r"this run has done 2 epochs, got optim\.epochs=1; ask for more"):
        loop.train(tiny(root, epochs=1), tmp_path / "run", resume=True)
