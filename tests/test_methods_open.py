"""A method that only the tests know goes through the whole core: nothing in fgcore names it."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import toy_method
from conftest import ROOT
from fgcore import config, methods, presets
from fgcore.checkpoints import checkpoint
from fgcore.data.synthetic import draw
from fgcore.evaluation import store, summary
from fgcore.evaluation.maps import all_maps, own_maps
from fgcore.inspection.inspector import Inspector
from fgcore.report import render
from fgcore.training import film, loop, probes, session
from fgcore.training.plan import measure, plan
from training_helpers import assert_same, state_of

NAMED = (config.NETWORK_SETTINGS, config.LOSS_SETTINGS, config.OWN_LOSS)
KNOWN = (methods.METHODS, methods.LOSSES, presets.PRESETS, *NAMED)


@pytest.fixture(scope="module")
def toy():
    """The toy registered in this process, and forgotten again."""
    before = [dict(known) for known in KNOWN]
    methods.register(toy_method.CENTRE_LOSS, toy_method.TOY)
    presets.PRESETS["toy_birds"] = toy_method.toy_birds
    yield presets.get("toy_birds")
    for known, content in zip(KNOWN, before, strict=True):
        known.clear()
        known.update(content)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """That of a process in which the toy is an installed package."""
    site = toy_method.install(tmp_path_factory.mktemp("site"))
    return os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("toy")


@pytest.fixture(scope="module")
def program(environment, place):
    def run(*words, code=0, environment=environment):
        command = [sys.executable, "-m", "fgcore", *map(str, words)]
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr[-3000:]
        return done.stdout if code == 0 else done.stderr

    return run


@pytest.fixture(scope="module")
def run(program, place):
    """The folder of a run of three epochs with two probes."""
    program("train", "toy_birds", "--out", "run", "--probes", "2")
    return place / "run"


def test_its_settings_have_limits_names_and_a_loss_that_follows_it(toy):
    assert toy.loss == config.LossConfig("toy_centres")
    changed = config.override(toy, {"pull": "0.5", "level": "5", "loss.settings.pace": "1"})
    assert changed.loss.settings == toy_method.ToyLossSettings(pull=0.5, pace=1.0)
    assert changed.model.settings == toy_method.ToySettings(level=5)
    assert config.limits(toy, "loss.settings.pull") == (0, 100)
    with pytest.raises(ValueError, match=r"ToyLossSettings.pull should lie from 0 to 100, got -1"):
        config.override(toy, {"pull": "-1"})
    assert config.override(toy, {"method": "mc"}).model.settings.level == 4
    assert config.override(toy, {"method": "mc"}).loss.kind == "mc"
    assert config.override(config.Experiment(), {"method": "toy"}).loss.kind == "toy_centres"
    assert config.override(toy, {"loss.kind": "ce"}).loss == config.LossConfig("ce")
    assert config.from_dict(config.Experiment, config.to_dict(changed)) == changed


def test_networks_and_losses_that_do_not_fit_each_other_are_refused_in_a_sentence(toy):
    with pytest.raises(ValueError, match=r"loss.kind=toy_centres works with method=toy, got method=baseline; choose"):
        methods.build_loss(toy.loss, config.ModelConfig("baseline", num_classes=3))
    with pytest.raises(ValueError, match=r"loss.kind=mc works with method=mc, got method=toy; choose another"):
        methods.build_loss(config.LossConfig("mc"), config.ModelConfig("toy", num_classes=3))
    loss = methods.build_loss(config.LossConfig("ce"), config.ModelConfig("toy", num_classes=3))
    output = methods.build_model(config.ModelConfig("toy", num_classes=3)).eval()(torch.rand(2, 3, 64, 64))
    terms = loss(output, torch.tensor([0, 2]))
    torch.testing.assert_close(terms.total, torch.nn.functional.cross_entropy(output.logits, torch.tensor([0, 2])))


def test_a_run_is_planned_and_timed(toy):
    laid_out = plan(toy)
    assert (laid_out.train_images, laid_out.test_images, laid_out.steps_per_epoch) == (18, 6, 3)
    assert laid_out.method == {}
    assert measure(toy, "cpu").train_step > 0


def test_its_loss_is_on_the_device_of_the_run_and_its_buffer_moves_and_is_kept(toy, tmp_path):
    reports = loop.train(toy, tmp_path / "run", device="cpu")
    first = next(reports)
    assert list(first.terms) == ["total", "ce", "distance"]
    one = state_of(tmp_path / "run")["loss"]["centres"]
    assert one.shape == (3, 512)
    assert (one.abs().sum(1) > 0).all()
    list(reports)
    assert not torch.equal(state_of(tmp_path / "run")["loss"]["centres"], one)
    assert first.test.images == 6


@pytest.mark.gpu
def test_its_loss_goes_to_the_gpu_and_resumes_from_there(toy, tmp_path):
    reports = loop.train(toy, tmp_path / "run", device="cuda")
    next(reports)
    reports.close()
    assert [report.epoch for report in loop.train(toy, tmp_path / "run", device="cuda", resume=True)] == [2, 3]
    place = session.prepare(
        toy, session.RunFolder(tmp_path / "other"), resume=False, command="", device=torch.device("cuda")
    )
    place.close()
    assert place.loss.centres.device.type == "cuda"


@pytest.fixture(scope="module")
def whole(toy, tmp_path_factory):
    """The folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    list(loop.train(toy, folder, device="cpu"))
    return folder


class Crash(Exception):
    pass


@pytest.mark.parametrize(("epoch", "step"), [(2, 1), (2, 3), (3, 2)])
def test_a_run_that_dies_resumes_to_the_same_weights_optimiser_and_centres(toy, whole, tmp_path, epoch, step):
    def die(report):
        if (report.epoch, report.step) == (epoch, step):
            raise Crash

    with pytest.raises(Crash):
        list(loop.train(toy, tmp_path / "run", device="cpu", on_step=die))
    list(loop.train(toy, tmp_path / "run", device="cpu", resume=True))
    assert_same(state_of(tmp_path / "run"), state_of(whole))


def test_a_process_that_is_killed_resumes_to_the_same_weights_optimiser_and_centres(run, place, program, environment):
    killed = place / "killed"
    command = [sys.executable, "-m", "fgcore", "train", "toy_birds", "--out", str(killed), "--probes", "2"]
    process = subprocess.Popen(command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 300
    while not (
        (killed / "metrics.jsonl").exists() and '"epoch": 2, "step": 1' in (killed / "metrics.jsonl").read_text()
    ):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    assert state_of(killed)["epoch"] in (1, 2)
    program("train", "toy_birds", "--out", "killed", "--probes", "2", "--resume")
    one, two = state_of(killed), state_of(run)
    assert {"model", "optimizer", "loss", "experiment"} <= one.keys()
    assert one["loss"]["centres"].abs().sum() > 0
    assert_same(one, two)


def test_without_the_package_its_files_are_refused_in_a_sentence(run, program, tmp_path):
    bare = os.environ | {"PYTHONPATH": str(ROOT)}
    said = program("evaluate", run / "best.safetensors", code=2, environment=bare)
    assert "best.safetensors cannot be used: method must be one of baseline, mc, ap, got 'toy'" in said
    assert "no preset is called 'toy_birds'" in program("train", "toy_birds", code=2, environment=bare)


def test_its_preset_is_listed_beside_the_others(program):
    assert re.search(r"^toy_birds\b", program("presets"), re.MULTILINE)
    assert re.search(r"^mc_birds\b", program("presets"), re.MULTILINE)


def test_another_loss_is_one_word_of_the_command(program, place, toy):
    program("train", "toy_birds", "--out", "plain", "loss.kind=ce", "epochs=1")
    found = checkpoint.read_metadata(place / "plain" / "last.safetensors")
    assert (found.experiment.model.method, found.experiment.loss.kind) == ("toy", "ce")
    assert set(state_of(place / "plain")["loss"]) == set()
    line = (place / "plain" / "metrics.jsonl").read_text().splitlines()[-1]
    assert set(json.loads(line)["terms"]) == {"total", "ce"}


def test_it_is_evaluated(run, program, toy, place):
    said = program("evaluate", run / "best.safetensors", "--json", "scores.json")
    (scores,) = json.loads((place / "scores.json").read_text())
    report = checkpoint.read_metadata(run / "best.safetensors").report
    assert scores["images"] == 6
    assert scores["top1"] == report["test"]["top1"]
    assert "head" in said


def test_it_is_explained_with_panels_numbers_and_a_report(run, program, place, toy):
    Image.fromarray(draw("birds", 1, seed=4).image).save(place / "bird.png")
    program("explain", "bird.png", "--checkpoint", run / "best.safetensors", "--out", "explained")
    (found,) = json.loads((place / "explained" / "explanation.json").read_text())
    inspection = Inspector(run / "best.safetensors").set_image(place / "bird.png")
    attention = inspection.detail.attention
    assert found["method"] == "toy"
    assert found["toy"] == {"attention_mean": round(float(attention.mean()), 6)}
    panel = np.asarray(Image.open(place / "explained" / "run-best-toy_attention.png"))
    np.testing.assert_array_equal(panel, render.overlay(inspection.view.pixels, attention, low=0, high=1))
    page = (place / "explained" / "report.html").read_text(encoding="utf-8")
    assert "The toy&#39;s attention" in page or "The toy's attention" in page
    assert f"<td>{attention.mean():.6f}</td>" in page
    assert "The Toy" in page
    assert base64.b64encode(render.png(panel)).decode() in page


def test_it_answers_an_inspector_as_every_method_does(run, toy):
    inspection = Inspector(run / "last.safetensors").set_image(draw("birds", 2, seed=1).image)
    assert inspection.explanation().cam_layer == "last features, stride 16"
    for kind in ("Grad-CAM", "LayerCAM", "HiResCAM"):
        assert inspection.cam(kind).shape == (64, 64)
    assert inspection.cam("FinerCAM", 0, 1).shape == (64, 64)
    with pytest.raises(ValueError, match="The Toy has nothing to change; cover a part of the image instead"):
        inspection.what_if(sharpness=2.0)
    assert "toy attention" in inspection._repr_html_()
    with torch.no_grad():
        output = inspection.inspector.loaded.model(inspection.tensor[None])
    np.testing.assert_array_equal(inspection.detail.attention, output.attention[0, 0])


def test_it_is_analysed_with_its_map_and_its_measure_beside_the_controls(run, program, place, toy):
    program(
        "analyse", "--checkpoint", run / "best.safetensors", "--out", "analysed", "--faithfulness", "1", "--steps", "2"
    )
    found = store.read(place / "analysed")
    assert found.maps["map"].unique().tolist() == ["gradcam", "toy_attention", "random", "centre"]
    assert len(found.images) == 6
    inspector = Inspector(run / "best.safetensors")
    images = probes.datasets.load(inspector.loaded.checkpoint.experiment.data, cache_images=False).test
    peaks = [float(inspector.set_image(images.image(i)).detail.attention.max()) for i in range(6)]
    np.testing.assert_allclose(found.images.sort_values("index")["toy_peak"], peaks, rtol=1e-5)
    rows = found.summary[found.summary["measure"] == "toy_peak"]
    assert rows["mean"].iloc[0] == pytest.approx(np.mean(peaks), rel=1e-5)
    assert isinstance(found.summary, pd.DataFrame)
    assert "energy_box" in set(found.summary.loc[found.summary["map"] == "toy_attention", "measure"])
    assert summary.measures()["toy_peak"].title == "Toy peak"
    assert "toy_attention" in all_maps()
    assert "toy_attention" in own_maps()


def test_it_is_filmed_and_the_film_becomes_an_animation(run, toy):
    strip = probes.load(run)
    assert strip.method == "toy"
    assert strip.epochs == (0, 1, 2, 3)
    inspector = Inspector(run / "last.safetensors")
    for probe, frame in zip(strip.probes, strip.frames[-1], strict=True):
        images = probes.datasets.load(inspector.loaded.checkpoint.experiment.data, cache_images=False).test
        index = [record.identifier for record in images.records].index(probe.identifier)
        attention = inspector.set_image(images.image(index)).detail.attention
        np.testing.assert_allclose(frame.shown, attention, atol=1e-3)  # kept in half precision
    share = strip.frames[-1][0].prediction.probabilities[strip.probes[0].target]
    assert film.caption(strip, 3, 0) == f"attention {strip.frames[-1][0].shown.mean():.2f} · {100 * share:.0f} %"
    assert film.gif(strip, "toy", 2)[:3] == b"GIF"


def test_what_a_loss_learns_is_trained_with_the_new_layers_and_resumes(toy, tmp_path, monkeypatch):
    """A loss whose centres are parameters: in the optimiser's first group, in the state, and back to the bit."""

    class Learned(toy_method.CentreLoss):
        def __init__(self, own, model):
            super().__init__(own, model)
            centres = self.centres
            del self.centres
            self.centres = torch.nn.Parameter(centres + 0.1)

        def forward(self, output, targets, *, generator=None):
            distance = (output.pooled.float() - self.centres[targets]).square().mean()
            return toy_method.LossTerms(output.logits.float().logsumexp(1).mean() + distance, {"distance": distance})

    kind = toy_method.Loss("toy_centres", "learned", toy_method.ToyLossSettings, Learned)
    monkeypatch.setitem(methods.LOSSES, "toy_centres", kind)
    list(loop.train(toy, tmp_path / "whole", device="cpu"))
    state = state_of(tmp_path / "whole")
    assert not torch.equal(state["loss"]["centres"], torch.full((3, 512), 0.1))
    stopped = loop.train(toy, tmp_path / "stopped", device="cpu")
    next(stopped)
    stopped.close()
    list(loop.train(toy, tmp_path / "stopped", device="cpu", resume=True))
    assert_same(state_of(tmp_path / "stopped"), state)
