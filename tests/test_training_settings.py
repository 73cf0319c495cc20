"""Training with the settings that the authors' recipes leave off."""

import dataclasses
import logging

import pytest
import torch
from torch import nn

from fgcore.checkpoints import checkpoint
from fgcore.config import to_dict
from fgcore.methods.baseline.output import BaselineOutput
from fgcore.methods.draws import BatchGenerator
from fgcore.runs.folder import RunFolder, check_same
from fgcore.training import loop, session
from training_helpers import assert_same, draw_pictures, float64, replaced, state_of, tiny

EVERYTHING = {"mixup": 0.4, "ema": 0.9, "accumulate": 2, "clip_norm": 1.0, "epochs": 2, "optimizer": "adamw"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


def with_everything(root, method):
    experiment = replaced(tiny(root, method, **EVERYTHING), "data", trivial_augment=True, scale_jitter=0.3)
    return dataclasses.replace(replaced(experiment, "loss", label_smoothing=0.1), workers=2)


@pytest.mark.parametrize("method", ["mc", "ap"])
def test_with_everything_on_a_run_that_is_stopped_resumes_to_the_same_bits(root, tmp_path, method):
    experiment = with_everything(root, method)
    list(loop.train(experiment, tmp_path / "whole"))
    stopped = loop.train(experiment, tmp_path / "stopped")
    next(stopped)
    stopped.close()
    list(loop.train(dataclasses.replace(experiment, workers=0), tmp_path / "stopped", resume=True))
    states = [state_of(tmp_path / name, "experiment") for name in ("stopped", "whole")]  # workers differ
    assert_same(*states)
    models = [checkpoint.load(tmp_path / name / "last.safetensors")[0] for name in ("stopped", "whole")]
    assert_same(dict(models[0].state_dict()), dict(models[1].state_dict()))


def test_the_averaged_weights_are_what_is_evaluated_and_saved(root, tmp_path, monkeypatch):
    evaluated, real = [], loop.evaluate

    def evaluate(model, *rest, **more):
        evaluated.append(model)
        return real(model, *rest, **more)

    monkeypatch.setattr(loop, "evaluate", evaluate)
    list(loop.train(tiny(root, epochs=2, ema=0.9), tmp_path / "run"))
    state = state_of(tmp_path / "run")
    saved = checkpoint.load(tmp_path / "run" / "last.safetensors")[0].state_dict()
    name = "head.hidden.bias"  # stored in full precision
    assert torch.equal(saved[name], state["average"]["model"][name])
    assert torch.equal(dict(evaluated[1].named_parameters())[name], saved[name])
    assert not torch.equal(saved[name], state["model"][name])


class Plain(nn.Module):
    """A network without batch norm, whose update depends on the mean of its pictures' gradients alone."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Conv2d(3, 4, 16, stride=16)
        self.head = nn.Linear(4, 3)

    def forward(self, images, *, generator=None):
        features = self.trunk(images).tanh()
        return BaselineOutput(features, self.head(features.mean((2, 3))), 4)


def trained_plainly(root, folder, monkeypatch, **optim):
    def fresh(experiment):
        torch.manual_seed(0)
        return Plain()

    with monkeypatch.context() as patch:
        patch.setattr(session, "fresh_model", fresh)
        with float64():
            list(loop.train(tiny(root, epochs=2, lr=0.1, trunk_lr=0.1, **optim), folder))
    return state_of(folder)["model"]


def test_accumulated_batches_change_the_weights_as_one_large_batch_does(root, tmp_path, monkeypatch):
    large = trained_plainly(root, tmp_path / "large", monkeypatch, batch_size=24)
    small = trained_plainly(root, tmp_path / "small", monkeypatch, batch_size=8, accumulate=3)
    each = trained_plainly(root, tmp_path / "each", monkeypatch, batch_size=8)
    for name, weight in large.items():
        torch.testing.assert_close(small[name], weight, rtol=1e-6, atol=1e-9)
        assert not torch.allclose(each[name], weight, rtol=1e-3)


def test_an_epochs_last_update_is_the_mean_of_the_batches_that_are_left(root, tmp_path, monkeypatch):
    three = trained_plainly(root, tmp_path / "three", monkeypatch, batch_size=8, accumulate=3)
    five = trained_plainly(root, tmp_path / "five", monkeypatch, batch_size=8, accumulate=5)
    assert_same(three, five)


def test_clipping_lets_mc_loss_train_at_a_rate_that_is_too_high_without(root, tmp_path):
    rates = {"lr": 0.05, "trunk_lr": 0.05}
    with pytest.raises(FloatingPointError):
        list(loop.train(tiny(root, "mc", **rates), tmp_path / "free"))
    reports = list(loop.train(tiny(root, "mc", clip_norm=1.0, **rates), tmp_path / "clipped"))
    assert reports[-1].terms["total"] < reports[0].terms["total"]


def test_what_cannot_be_compiled_trains_all_the_same_after_one_sentence(root, tmp_path, monkeypatch, caplog):
    def broken(network):
        def call(*args, **kwargs):
            raise RuntimeError("no compiler on this machine")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    list(loop.train(tiny(root, epochs=1), tmp_path / "plain"))
    with caplog.at_level(logging.WARNING):
        list(loop.train(dataclasses.replace(tiny(root, epochs=1), compile=True), tmp_path / "compiled"))
    assert [record.getMessage() for record in caplog.records] == [
        "compile=true does not work here (RuntimeError), so training goes on without it"
    ]
    assert_same(state_of(tmp_path / "compiled")["model"], state_of(tmp_path / "plain")["model"])


def test_what_can_be_compiled_is_used_for_training(root, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(torch, "compile", lambda network: lambda *a, **k: calls.append(len(a[0])) or network(*a, **k))
    list(loop.train(dataclasses.replace(tiny(root, epochs=1), compile=True), tmp_path / "run"))
    assert calls == [8, 8, 8]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_the_compiler_takes_every_network_with_its_random_draws(root, method):
    model = loop.fresh_model(loop.settled(tiny(root, method), 3))
    images, generator = torch.rand(4, 3, 64, 64), BatchGenerator(torch.device("cpu"), 0, 4)
    outputs = [
        network(images, generator=generator.manual_seed(0)).logits
        for network in (model, torch.compile(model, backend="eager"))  # traced, but not made into machine code
    ]
    torch.testing.assert_close(*outputs)


@pytest.mark.gpu
@pytest.mark.parametrize("method", ["mc", "ap"])
def test_a_compiled_run_on_the_gpu_learns_what_an_eager_one_does(root, tmp_path, method):
    experiment = tiny(root, method, epochs=1, lr=1e-4, trunk_lr=1e-4)
    eager = list(loop.train(experiment, tmp_path / "eager", device="cuda"))
    compiled = list(loop.train(dataclasses.replace(experiment, compile=True), tmp_path / "compiled", device="cuda"))
    assert compiled[0].terms["total"] == pytest.approx(eager[0].terms["total"], rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"accumulate": 0}, "OptimConfig.accumulate should lie from 1 to 4096, got 0"),
        ({"clip_norm": -1.0}, r"OptimConfig.clip_norm should lie from 0 to 1e\+09, got -1.0"),
        ({"mixup": float("nan")}, "OptimConfig.mixup takes a finite number, got nan"),
        ({"ema": 1.0}, "OptimConfig.ema should lie from 0 to 0.999999, got 1.0"),
    ],
)
def test_settings_that_cannot_work_get_a_sentence(root, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        tiny(root, **settings)


def test_a_run_that_cannot_start_leaves_its_folder_free(root, tmp_path):
    with pytest.raises(ValueError, match="no parameter lies below 'body'"):
        loop.train(tiny(root, trunk_prefixes=("body",)), tmp_path / "run")
    list(loop.train(tiny(root, epochs=1), tmp_path / "run"))


def test_a_run_of_an_older_version_is_resumed_where_new_settings_have_their_defaults(root):
    stored = to_dict(tiny(root))
    for section, name in (("optim", "ema"), ("optim", "accumulate"), ("data", "trivial_augment")):
        del stored[section][name]
    check_same(stored, tiny(root))
    with pytest.raises(ValueError, match=r"started with optim\.ema=0\.0, got 0\.9"):
        check_same(stored, tiny(root, ema=0.9))


def test_a_folder_that_another_process_trains_in_is_refused(root, tmp_path, monkeypatch):
    monkeypatch.setattr("fgcore.machine.lock.hold", lambda path: False)
    with pytest.raises(FileExistsError, match=r"another process is training in .*run; choose another folder"):
        loop.train(tiny(root), tmp_path / "run")


def test_the_lock_is_gone_when_the_run_ends_however_it_ends(root, tmp_path):
    reports = loop.train(tiny(root), tmp_path / "run")
    next(reports)
    assert RunFolder(tmp_path / "run").lock.exists()
    reports.close()
    assert not RunFolder(tmp_path / "run").lock.exists()
    with pytest.raises(ValueError, match="started with"):
        loop.train(tiny(root, momentum=0.5), tmp_path / "run", resume=True)
    assert not RunFolder(tmp_path / "run").lock.exists()


@pytest.mark.parametrize("cache_images", [True, False])
def test_corrupt_pictures_among_good_ones_are_left_out_counted_and_named(tmp_path, caplog, cache_images):
    root = draw_pictures(tmp_path / "pictures")
    for name in ("train/red finch/3.png", "test/blue finch/1.png"):
        (root / name).write_bytes((root / name).read_bytes()[:200])
    with caplog.at_level(logging.WARNING):
        experiment = dataclasses.replace(tiny(root, epochs=1), cache_images=cache_images)
        reports = list(loop.train(experiment, tmp_path / "run"))
    named = "images that cannot be read and are left out: 2: train/red finch/3.png, test/blue finch/1.png"
    assert [record.getMessage() for record in caplog.records] == [named]
    assert reports[0].test.images == 14
    data = checkpoint.read_metadata(tmp_path / "run" / "last.safetensors").provenance["data"]
    assert "23 training images, 1 unreadable left out (train/red finch/3.png)" in data
    assert "14 test images, 1 unreadable left out (test/blue finch/1.png)" in data
