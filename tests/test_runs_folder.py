import dataclasses
import json

import pytest
import torch

from fgcore.config import Experiment, ModelConfig, override, to_dict
from fgcore.runs.folder import RunFolder, check_same


def lines_of(folder):
    return [json.loads(line) for line in folder.metrics.read_text().splitlines()]


@pytest.fixture
def folder(tmp_path):
    """A run that completed two epochs and died in the third."""
    folder = RunFolder(tmp_path / "deep" / "run")
    assert folder.claim(resume=False) is None
    for epoch in (1, 2):
        folder.append("step", {"epoch": epoch})
        folder.append("epoch", {"epoch": epoch})
        folder.write_state({"epoch": epoch, "model": {"weight": torch.ones(2)}})
    folder.append("step", {"epoch": 3})
    return folder


def test_metrics_are_cut_back_to_the_state(folder):
    state = folder.claim(resume=True)
    assert state["epoch"] == 2
    assert torch.equal(state["model"]["weight"], torch.ones(2))
    assert [(line["kind"], line["epoch"]) for line in lines_of(folder)] == [
        *(("step", 1), ("epoch", 1), ("step", 2), ("epoch", 2))
    ]


def test_a_line_cut_in_half_is_forgotten(folder):
    with folder.metrics.open("a") as file:
        file.write('{"kind": "epoch", "ep')
    folder.claim(resume=True)
    assert lines_of(folder)[-1] == {"kind": "epoch", "epoch": 2}


def test_an_epoch_that_was_logged_but_not_stored_is_forgotten(folder):
    folder.append("epoch", {"epoch": 3})
    folder.claim(resume=True)
    assert lines_of(folder)[-1] == {"kind": "epoch", "epoch": 2}


def test_a_run_that_completed_no_epoch_starts_again(tmp_path):
    folder = RunFolder(tmp_path)
    folder.claim(resume=False)
    folder.append("step", {"epoch": 1})
    assert folder.claim(resume=True) is None
    assert folder.metrics.read_text() == ""


def test_resuming_an_empty_folder_starts_a_run(tmp_path):
    assert RunFolder(tmp_path / "new").claim(resume=True) is None


def test_a_run_is_claimed_once(folder):
    with pytest.raises(FileExistsError, match="continue it with --resume, or choose another folder with --out"):
        folder.claim(resume=False)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write to .*file.run: Not a directory; choose another folder"):
        RunFolder(tmp_path / "file" / "run").claim(resume=False)


@pytest.mark.parametrize("damage", [b"", b"PK junk", None])
def test_a_damaged_state_is_refused(folder, damage):
    content = folder.state.read_bytes()[:-200] if damage is None else damage
    folder.state.write_bytes(content)
    with pytest.raises(ValueError, match=r"state\.pt cannot be read; start a new run"):
        folder.claim(resume=True)


def test_a_state_of_another_version_is_refused(folder):
    torch.save({"version": 99, "epoch": 1}, folder.state)
    with pytest.raises(ValueError, match="version 99, expected 2"):
        folder.claim(resume=True)


def test_settings_that_change_results_may_not_differ():
    experiment = Experiment(model=ModelConfig("ap"))
    stored = to_dict(experiment)
    check_same(stored, experiment)
    wider = override(experiment, {"border": "0.2"})
    with pytest.raises(ValueError, match=r"started with model\.settings\.roi\.border=0\.1, got 0\.2; resume with"):
        check_same(stored, wider)
    with pytest.raises(ValueError, match=r"seed=1, got 2"):
        check_same(stored, dataclasses.replace(experiment, seed=2))
    with pytest.raises(ValueError, match=r"started with model\.method='ap', got 'baseline'"):
        check_same(stored, Experiment())


def test_settings_that_change_only_the_speed_may_differ():
    check_same(to_dict(Experiment()), Experiment(workers=4, cache_images=False))
