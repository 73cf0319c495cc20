import hashlib
import json
import platform
import re

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


def test_weights_of_a_hub_are_named_by_its_version(monkeypatch):
    monkeypatch.delenv("FG_WEIGHTS", raising=False)
    assert provenance.trunk_weights("resnet18", "imagenet")["source"].startswith("torchvision 0.")
    timms = provenance.trunk_weights("timm:resnet18d", "imagenet")["source"]
    assert re.fullmatch(r"timm 1\.\d+\.\d+, resnet18d, default weights", timms)


def test_weights_of_a_package_are_named_and_hashed(monkeypatch):
    monkeypatch.delenv("FG_WEIGHTS", raising=False)
    found = provenance.trunk_weights("timm:tf_efficientnet_lite0", "package")
    assert found == provenance.trunk_weights("timm:tf_efficientnet_lite0", "imagenet")
    assert "/" not in found["source"]
    assert re.fullmatch(r"[0-9a-f]{64}", found["sha256"])


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
