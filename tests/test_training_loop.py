import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from conftest import ROOT
from fgcore.checkpoints import checkpoint
from fgcore.data import transforms
from fgcore.methods.mc.settings import MCLossSettings
from fgcore.runs.folder import RunFolder
from fgcore.training import loop
from training_helpers import assert_same, draw_pictures, replaced, state_of, tiny

METHODS = ("baseline", "mc", "ap")
TIMES = ("seconds", "images_per_second")  # the only figures that may differ between two runs


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


def run(experiment, folder, **options):
    return list(loop.train(experiment, folder, **options))


def metrics_of(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [without_times(line) for line in lines]


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in TIMES}
    return value


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory):
    """For each method: an uninterrupted run of three epochs and its reports."""
    folders = {method: tmp_path_factory.mktemp(method) / "run" for method in METHODS}
    return {method: (folder, run(tiny(root, method), folder)) for method, folder in folders.items()}


@pytest.mark.parametrize("method", METHODS)
def test_a_run_reports_every_epoch_and_leaves_its_files(finished, method):
    folder, reports = finished[method]
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert {path.name for path in folder.iterdir()} == {
        *("best.safetensors", "experiment.json", "last.safetensors", "metrics.jsonl", "state.pt")
    }
    assert all(report.test.images == 15 for report in reports)


def test_the_loss_terms_are_those_of_the_method(finished):
    names = {method: list(finished[method][1][0].terms) for method in METHODS}
    assert names["baseline"] == ["total", "ce"]
    assert names["mc"] == ["total", "ce", "discriminality", "diversity"]
    assert len(names["ap"]) == 9


def test_the_means_of_the_epoch_are_those_of_its_steps(finished):
    folder, reports = finished["mc"]
    steps = [line for line in metrics_of(folder) if line["kind"] == "step" and line["epoch"] == 2]
    assert [step["step"] for step in steps] == [1, 2, 3]
    for name, value in reports[1].terms.items():
        assert value == pytest.approx(sum(step["terms"][name] for step in steps) / 3, rel=1e-6)
    assert reports[1].train_top1 == pytest.approx(sum(step["top1"] for step in steps) / 3)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_run_and_another_seed_another(root, finished, tmp_path, method):
    experiment = tiny(root, method)
    run(experiment, tmp_path / "again")
    assert_same(state_of(tmp_path / "again"), state_of(finished[method][0]))
    run(dataclasses.replace(experiment, seed=2), tmp_path / "other")
    weights = [state_of(folder)["model"] for folder in (tmp_path / "again", tmp_path / "other")]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


class Crash(Exception):
    pass


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("moment", ["in an epoch", "after best", "after last", "after metrics"])
def test_a_run_that_dies_anywhere_in_epoch_two_resumes_to_the_same_bits(
    root, finished, tmp_path, monkeypatch, method, moment
):
    def dying(function, when):
        def wrapper(*args, **kwargs):
            result = None if function is None else function(*args, **kwargs)
            if when(*args):
                raise Crash
            return result

        return wrapper

    on_step = dying(None, lambda report: moment == "in an epoch" and (report.epoch, report.step) == (2, 2))
    writes = {"after best": "best.safetensors", "after last": "last.safetensors"}
    with monkeypatch.context() as patch:
        epoch_two = [0]

        def saved(path, *_):
            epoch_two[0] += path.name == "last.safetensors"
            second = epoch_two[0] == 2 or (epoch_two[0] == 1 and path.name == "best.safetensors")
            return second and path.name == writes.get(moment) and path.with_name("state.pt").exists()

        patch.setattr(checkpoint, "save", dying(checkpoint.save, saved))
        ended = lambda _, kind, values: (moment, kind, values["epoch"]) == ("after metrics", "epoch", 2)  # noqa: E731
        patch.setattr(RunFolder, "append", dying(RunFolder.append, ended))
        try:
            run(tiny(root, method), tmp_path / "run", on_step=on_step)
            died = False
        except Crash:
            died = True
    best_in_two = any(report.best_epoch == report.epoch > 1 for report in finished[method][1])
    assert died or (moment == "after best" and not best_in_two)
    run(tiny(root, method), tmp_path / "run", resume=True)
    assert_same(state_of(tmp_path / "run"), state_of(finished[method][0]))
    assert metrics_of(tmp_path / "run") == metrics_of(finished[method][0])
    for name in ("best.safetensors", "last.safetensors"):
        models = [checkpoint.load(folder / name)[0] for folder in (tmp_path / "run", finished[method][0])]
        assert_same(dict(models[0].state_dict()), dict(models[1].state_dict()))


def command_line(root, folder, *more):
    settings = ["data.dataset=folder", f"data.root={root}", "resize=72", "crop=64", "classes=0", "anchors=16,32,64"]
    settings += ["weights=", "hidden=16", "pyramid_channels=32", "batch_size=4", "epochs=3", "precision=fp32"]
    settings += ["lr=0.0005", "trunk_lr=0.0005", "warmup_epochs=0"]
    return [sys.executable, "-m", "fgcore", "train", "ap_cub50", *settings, "--out", str(folder), "--device=cpu", *more]


def start(command):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    )


def hear_ctrl_c():
    """A background job of a shell without a terminal, as CI is, starts with SIGINT ignored, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(process, folder, text):
    """Until the run's metrics contain `text`."""
    deadline = time.monotonic() + 300
    metrics = folder / "metrics.jsonl"
    while not (metrics.exists() and text in metrics.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the run did not come so far within five minutes"
        time.sleep(0.01)


@pytest.mark.slow
def test_a_process_killed_three_times_ends_with_the_bits_of_one_that_was_not(root, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = start(command_line(root, whole))
    for moment in ('"epoch": 1, "step": 3', '"epoch": 2, "step": 5', '"epoch": 3, "step": 2'):
        process = start(command_line(root, killed, "--resume"))
        wait_for(process, killed, moment)
        time.sleep(random.uniform(0, 0.05))  # anywhere within the next step
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.communicate()
    last = start(command_line(root, killed, "--resume"))
    assert done.wait() == last.wait() == 0, last.communicate()
    assert_same(state_of(killed), state_of(whole))
    assert metrics_of(killed) == metrics_of(whole)
    for process in (done, last):
        process.communicate()


@pytest.mark.slow
def test_ctrl_c_ends_with_one_sentence_that_tells_how_to_go_on(root, tmp_path):
    process = start(command_line(root, tmp_path / "run"))
    wait_for(process, tmp_path / "run", '"epoch": 2, "step": 3')
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors.strip().count("\n") == 0
    assert "fgcore train: interrupted; to continue after the last whole epoch: python -m fgcore train" in errors
    assert errors.strip().endswith(f"--out {tmp_path / 'run'} --resume")


def test_resuming_a_finished_run_does_nothing(root, finished):
    folder, _ = finished["baseline"]
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert run(tiny(root), folder, resume=True) == []
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_run_is_not_overwritten(root, finished):
    with pytest.raises(FileExistsError, match="already holds a run; continue it with --resume"):
        loop.train(tiny(root), finished["baseline"][0])


def test_a_run_is_not_resumed_under_other_settings(root, finished):
    folder, _ = finished["baseline"]
    with pytest.raises(ValueError, match=r"started with optim\.momentum=0\.9, got 0\.5"):
        loop.train(tiny(root, momentum=0.5), folder, resume=True)


def test_a_nan_loss_stops_the_run_and_keeps_the_last_good_checkpoint(root, tmp_path, monkeypatch):
    experiment = tiny(root)
    reports = loop.train(experiment, tmp_path / "run")
    next(reports)
    kept = {name: (tmp_path / "run" / name).read_bytes() for name in ("state.pt", "last.safetensors")}
    monkeypatch.setattr(transforms, "normalise", lambda images, config: images.float() * float("nan"))
    with pytest.raises(FloatingPointError, match=r"loss became nan in epoch 2, step 1; .*of epoch 1 is kept; lower lr"):
        next(reports)
    assert {name: (tmp_path / "run" / name).read_bytes() for name in kept} == kept


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which file is written")
@pytest.mark.parametrize("full", ["state.pt", "last.safetensors", "metrics.jsonl"])
def test_a_full_disk_stops_the_run_and_after_making_room_it_goes_on(root, finished, tmp_path, monkeypatch, full):
    reports = loop.train(tiny(root), tmp_path / "run")
    next(reports)
    real = os.fsync

    def fsync(handle):
        if full in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(28, "No space left on device")
        real(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match=rf"could not write .*{full}: No space left on device; .* is kept; make room"):
            next(reports)
    assert state_of(tmp_path / "run")["epoch"] == 1
    run(tiny(root), tmp_path / "run", resume=True)
    assert_same(state_of(tmp_path / "run"), state_of(finished["baseline"][0]))
    assert metrics_of(tmp_path / "run") == metrics_of(finished["baseline"][0])


def test_weights_that_became_infinite_are_not_written(root, tmp_path, monkeypatch):
    reports = loop.train(tiny(root), tmp_path / "run")
    next(reports)
    kept = (tmp_path / "run" / "last.safetensors").read_bytes()
    real = loop.evaluate

    def spoiling(model, *args, **kwargs):
        with torch.no_grad():
            model.head.classifier.weight[0, 0] = float("inf")
        return real(model, *args, **kwargs)

    monkeypatch.setattr(loop, "evaluate", spoiling)
    with pytest.raises(FloatingPointError, match=r"'head\.classifier\.weight' became nan or infinite"):
        next(reports)
    assert (tmp_path / "run" / "last.safetensors").read_bytes() == kept


def test_a_model_for_another_number_of_classes_is_refused(root, tmp_path):
    with pytest.raises(ValueError, match=r"the data has 3 classes, the model 7; set num_classes=0"):
        loop.train(replaced(tiny(root), "model", num_classes=7), tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_nine_pictures_are_learned_by_heart(tmp_path, method):
    draw_pictures(tmp_path / "pictures", train=3, test=1)
    experiment = tiny(tmp_path / "pictures", method, epochs=30, batch_size=9, weight_decay=0.0)
    if method == "mc":
        experiment = replaced(experiment, "loss", settings=MCLossSettings(mc_weight=0.1))
    reports = run(experiment, tmp_path / "run")
    first, last = ([v for k, v in reports[i].terms.items() if k == "ce" or "/" in k] for i in (0, -1))
    assert reports[-1].train_top1 == 1
    assert sum(last) < 0.5 * sum(first)


def test_bf16_runs_and_says_so(root, tmp_path):
    reports = run(dataclasses.replace(tiny(root, "ap", epochs=1), precision="bf16"), tmp_path / "run")
    assert reports[0].test.precision == "bf16"
    assert checkpoint.read_metadata(tmp_path / "run" / "last.safetensors").provenance["precision"] == "bf16"


@pytest.mark.gpu
@pytest.mark.parametrize("method", METHODS)
def test_a_run_on_the_gpu_resumes(root, tmp_path, method):
    reports = loop.train(tiny(root, method), tmp_path / "run", device="cuda")
    next(reports)
    rest = run(tiny(root, method), tmp_path / "run", device="cuda", resume=True)
    assert [report.epoch for report in rest] == [2, 3]
