import hashlib
import json
import platform

import torch

import fgcore
from fgcore.config import Experiment, ModelConfig
from fgcore.machine import provenance


def test_a_run_is_described_in_plain_values():
    experiment = Experiment(seed=7, model=ModelConfig(weights=""))
    cpu = torch.device("cpu")
    found = provenance.describe(experiment, command="fgcore train x", data="3 pictures", device=cpu, precision="fp32")
    assert json.loads(json.dumps(found)) == found
    expected = {"command": "fgcore train x", "data": "3 pictures", "precision": "fp32", "seed": 7, "epochs": 15}
    versions = {"fgcore": fgcore.__version__, "torch": torch.__version__, "python": platform.python_version()}
    assert found | expected | versions | {"trunk_weights": {"source": "random"}} == found
    assert found["date"].endswith("+00:00")


def test_a_weights_file_is_named_without_its_folder_and_hashed(tmp_path):
    (tmp_path / "trunk.pth").write_bytes(b"weights")
    assert provenance.trunk_weights("resnet18", str(tmp_path / "trunk.pth")) == {
        "source": "trunk.pth",
        "sha256": hashlib.sha256(b"weights").hexdigest(),
    }


def test_torchvisions_weights_are_named_by_version(monkeypatch):
    monkeypatch.delenv("FG_WEIGHTS", raising=False)
    assert provenance.trunk_weights("resnet18", "imagenet")["source"].startswith("torchvision 0.")


def test_the_commit_is_unknown_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.commit() == "unknown"


def test_changes_that_are_not_committed_show(monkeypatch):
    answers = {"rev-parse": "abc123", "status": " M fgcore/losses.py"}
    monkeypatch.setattr(provenance, "_git", lambda folder, verb, *rest: answers[verb])
    assert provenance.commit() == "abc123+changes"
    answers["status"] = ""
    assert provenance.commit() == "abc123"


def test_the_processor_has_a_name():
    assert "cores" in provenance.device_name(torch.device("cpu"))
