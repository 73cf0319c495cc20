"""A method that only the tests know goes through everything, as a package with entry points and no edit here."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch
from PIL import Image

import toy_method
from conftest import ROOT
from fgcore.data import synthetic


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Runs `python -m fgcore` in a folder with the toy installed."""
    site, place = toy_method.install(tmp_path_factory.mktemp("site")), tmp_path_factory.mktemp("place")
    environment = os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}

    def run(*words, start=False):
        command = [sys.executable, "-m", "fgcore", *map(str, words)]
        if start:
            return subprocess.Popen(command, cwd=place, env=environment, stderr=subprocess.DEVNULL)
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    run.place = place
    return run


@pytest.fixture(scope="module")
def trained(program):
    """A whole run of the toy with its filmstrip."""
    program("train", "toy_birds", "--out", "whole", "--probes", "2")
    return program.place / "whole"


def state_of(folder):
    return torch.load(folder / "state.pt", weights_only=True)


def test_its_recipe_is_listed_and_its_settings_are_found_by_their_last_word(program, tmp_path):
    assert "toy_birds" in program("presets")
    out = tmp_path / "set"
    program("train", "toy_birds", "epochs=1", "pull=0.5", "--out", out)
    stored = json.loads((out / "experiment.json").read_text())["experiment"]
    assert stored["loss"] == {"kind": "toy_centres", "label_smoothing": 0.0, "settings": {"pull": 0.5, "pace": 0.5}}
    program("train", "toy_birds", "epochs=1", "loss.kind=ce", "--out", tmp_path / "ce")


def test_the_loss_keeps_its_centres_in_the_run(trained):
    centres = state_of(trained)["loss"]["centres"]
    assert centres.shape[0] == 3
    assert centres.abs().sum() > 0


def test_a_killed_run_resumes_to_the_same_bits_its_centres_among_them(program, trained):
    killed = program.place / "killed"
    process = program("train", "toy_birds", "--out", killed, start=True)
    deadline = time.time() + 120
    while not (killed / "state.pt").exists():
        assert time.time() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert state_of(killed)["epoch"] < 3
    program("train", "toy_birds", "--out", killed, "--resume")
    one, other = state_of(trained), state_of(killed)
    assert one["epoch"] == other["epoch"] == 3
    for part in ("model", "loss"):
        assert one[part].keys() == other[part].keys()
        assert all(torch.equal(one[part][name], other[part][name]) for name in one[part])
    momenta = [[values["momentum_buffer"] for values in run["optimizer"]["state"].values()] for run in (one, other)]
    assert all(torch.equal(a, b) for a, b in zip(*momenta, strict=True))


def test_it_is_evaluated_as_its_training_said(program, trained):
    program("evaluate", trained / "last.safetensors", "--json", "scores.json")
    score = json.loads((program.place / "scores.json").read_text())[0]
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert score["images"] == 6
    assert score["top1"] == [line for line in lines if line["kind"] == "epoch"][-1]["test"]["top1"]


def test_it_is_explained_with_its_own_panels_numbers_and_report(program, trained):
    Image.fromarray(synthetic.draw("birds", 1, seed=5, size=96).image).save(program.place / "bird.png")
    program("explain", "bird.png", "--checkpoint", trained / "last.safetensors")
    folder = program.place / "explained" / "bird"
    told = json.loads((folder / "explanation.json").read_text())[0]
    assert told["method"] == "toy"
    assert 0 < told["toy"]["attention_mean"] < 1
    assert (folder / "whole-last-toy_attention.png").is_file()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "The toy&#39;s attention" in page
    assert "The Toy" in page


def test_it_is_analysed_with_its_own_map_and_measure(program, trained):
    program("analyse", "--checkpoint", trained / "last.safetensors", "--out", "table", "--faithfulness", "0")
    summary = pd.read_csv(program.place / "table" / "summary.csv")
    assert {"toy_attention", "gradcam", "random", "centre"} <= set(summary["map"])
    assert {"toy_peak", "top1"} <= set(summary["measure"])


def test_its_filmstrip_is_drawn(program, trained):
    code = (
        "from fgcore.training import film, probes; strip = probes.load('whole');"
        "print(strip.method, len(strip.epochs), film.image(strip, -1, 0).shape, film.caption(strip, -1, 0))"
    )
    site = program.place.parent
    environment = os.environ | {"PYTHONPATH": f"{next(site.glob('site*'))}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=program.place, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("toy 4 (224, 224, 3) attention 0.")
