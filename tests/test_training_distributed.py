"""Two processes that share a run against one that does it alone; they are started once, by torchrun."""

import json
import os
import subprocess
import sys

import pytest
import torch

from conftest import ROOT
from fgcore.checkpoints import checkpoint
from fgcore.machine import distributed
from fgcore.training import loop
from training_helpers import SHARED, draw_pictures, float64, shared_run
from two_processes import score, without_times

needs_gloo = pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()), reason="torch without gloo"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def shared(root, tmp_path_factory):
    """The folder in which two processes did everything, and what each of them saw."""
    folder = tmp_path_factory.mktemp("shared")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["tests/two_processes.py", str(root), str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder, [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def assert_close(one, two, path=""):
    """Equal up to rounding, in nested containers of tensors and plain values."""
    if isinstance(one, torch.Tensor):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-9, msg=lambda text: f"{path}: {text}")
    elif isinstance(one, dict):
        assert one.keys() == two.keys(), path
        for key in one:
            assert_close(one[key], two[key], f"{path}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(two), path
        for number, pair in enumerate(zip(one, two, strict=True)):
            assert_close(*pair, f"{path}/{number}")
    elif isinstance(one, float):
        assert one == pytest.approx(two, rel=1e-5, abs=1e-9), path
    else:
        assert one == two, path


@pytest.mark.slow
@needs_gloo
@pytest.mark.parametrize("name", SHARED)
def test_two_processes_that_share_each_batch_train_what_one_trains(root, shared, tmp_path, name):
    folder, seen = shared
    with float64():
        reports = [without_times(report) for report in loop.train(shared_run(root, name), tmp_path / "run")]
        start = loop.fresh_model(loop.settled(shared_run(root, name), 3)).double().state_dict()
    alone, together = (torch.load(path / "state.pt", weights_only=True) for path in (tmp_path / "run", folder / name))
    moved = [not torch.allclose(alone["model"][key], start[key], rtol=1e-4) for key in start]
    assert sum(moved) > len(moved) / 2  # the tolerance below is finer than what training changed
    assert_close(together | {"seconds": 0}, alone | {"seconds": 0})
    for rank in (0, 1):
        assert_close(seen[rank]["trained"][name], json.loads(json.dumps(reports)))


@pytest.mark.slow
@needs_gloo
def test_evaluation_counts_every_picture_once_and_scores_as_one_process_does(root, shared):
    alone = json.loads(json.dumps(score(root)))
    parts = [seen["score"].pop("done") for seen in shared[1]]
    assert parts == [[4, 8], [4, 7]]  # batches of 4, 4, 4, 3
    assert alone.pop("done") == [4, 8, 12, 15]
    assert [seen["score"] for seen in shared[1]] == [alone, alone]
    assert alone["images"] == 15


@pytest.mark.slow
@needs_gloo
def test_a_run_resumed_by_torchrun_ends_as_one_that_was_not_stopped(root, shared, tmp_path):
    folder, (main, other) = shared
    assert [seen["resumed"]["code"] for seen in (main, other)] == [0, 0]
    lines = main["resumed"]["out"].splitlines()
    assert lines[0].startswith("epoch 2/2")
    assert lines[1].startswith("done: ")
    list(loop.train(shared_run(root, "mc, a mask per image"), tmp_path / "run"))
    states = [torch.load(path / "state.pt", weights_only=True) for path in (folder / "resumed", tmp_path / "run")]
    assert states[0]["epoch"] == 2
    for name, value in states[1]["model"].items():
        torch.testing.assert_close(states[0]["model"][name], value, rtol=0.02, atol=1e-4)  # float32


@pytest.mark.slow
@needs_gloo
def test_only_the_main_process_writes_and_speaks(shared):
    folder, (main, other) = shared
    assert [seen["again"]["code"] for seen in (main, other)] == [2, 2]
    assert "already holds a run" in main["again"]["errors"]
    assert main["unknown"]["errors"].startswith("fgcore train: no preset is called 'nothing'")
    for case in ("resumed", "again", "unknown"):
        assert (other[case]["out"], other[case]["errors"]) == ("", "")
    lines = [json.loads(line) for line in (folder / "mc" / "metrics.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == [*["step"] * 3, "epoch"] * 2
    described = checkpoint.read_metadata(folder / "resumed" / "last.safetensors").provenance
    assert described["processes"] == 2
    assert main["launcher"] == ["torchrun", "--nproc-per-node", "2"]


@pytest.mark.slow
@needs_gloo
def test_an_error_of_one_process_ends_them_all(shared):
    assert [seen["failed"] for seen in shared[1]] == [
        "Stopped: process 1 of this run ended with an error",
        "ValueError: my own error",
    ]


@pytest.mark.slow
@needs_gloo
def test_values_are_gathered_by_rank_and_told_by_the_main_process(shared):
    for seen in shared[1]:
        assert seen["gathered"] == [0, 1]
        assert seen["from main"] == "from 0"
        assert seen["averaged"] == [0.5, 2.0]


def test_alone_everything_is_what_it_is_without_processes():
    values = torch.arange(3)
    assert (distributed.rank(), distributed.size(), distributed.is_main()) == (0, 1, True)
    assert distributed.gather(5) == [5]
    assert distributed.from_main("x") == "x"
    assert distributed.summed(values) is values
    assert distributed.launcher() == ["python"]
    with distributed.joined():
        assert distributed.size() == 1
    with pytest.raises(KeyError), distributed.together():
        raise KeyError("mine")


def test_under_torchrun_each_process_takes_its_own_device(monkeypatch):
    monkeypatch.setattr(distributed, "is_launched", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert distributed.pick_device() == distributed.pick_device("cuda") == torch.device("cuda:1")
    assert distributed.pick_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="each process takes its own device: expected cpu or cuda, got 'cuda:0'"):
        distributed.pick_device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="'cuda:2' is not here: found 2 cuda; use cpu"):
        distributed.pick_device()


def test_the_launcher_names_nodes_and_processes(monkeypatch):
    monkeypatch.setattr(distributed, "is_launched", lambda: True)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert distributed.launcher() == ["torchrun", "--nnodes", "2", "--nproc-per-node", "4"]
