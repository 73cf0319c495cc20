"""What a run would be: counted from folders, measured on a few batches."""

import dataclasses

import pytest
import torch

from fgcore import presets
from fgcore.config import LossConfig
from fgcore.machine import runtime
from fgcore.methods import METHODS, build_model
from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.settings import MCLossSettings
from fgcore.training import loop
from fgcore.training import plan as timing
from fgcore.training.plan import Pace, Plan, measure, plan
from training_helpers import draw_pictures, replaced, tiny


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


def test_the_first_run_is_laid_out_without_opening_a_picture():
    laid_out = plan(presets.get("mc_birds_first"))
    assert len(laid_out.class_names) == 9
    assert (laid_out.train_images, laid_out.test_images, laid_out.steps_per_epoch) == (900, 90, 56)
    assert laid_out.method == {"groups": "9 groups of 3 channels", "map of a channel": "8 × 8 cells"}


def test_uneven_groups_are_told_apart():
    output = MCOutput(torch.zeros(1, 512, 14, 7), torch.zeros(1, 50), (10,) * 38 + (11,) * 12, 4)
    facts = METHODS["mc"].plan(None, output)
    assert facts == {"groups": "38 groups of 10 and 12 of 11 channels", "map of a channel": "14 × 7 cells"}


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_parameters_are_those_of_the_network(root, method):
    experiment = tiny(root, method)
    laid_out = plan(experiment)
    model = build_model(replaced(experiment, "model", num_classes=3).model)
    assert laid_out.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert bool(laid_out.method) == (method == "mc")
    assert (laid_out.train_images, laid_out.test_images) == (24, 15)


def test_settings_that_do_not_fit_are_refused_before_anything_starts(root):
    with pytest.raises(ValueError, match="training from scratch is defined for vgg16_bn and ResNets"):
        plan(replaced(presets.get("mc_birds_first"), "model", trunk="squeezenet1_1"))
    with pytest.raises(ValueError, match="multiple of 32"):
        replaced(tiny(root), "data", crop=65)
    with pytest.raises(ValueError, match=r"loss.kind=mc works with method=mc, got method=ap"):
        plan(dataclasses.replace(tiny(root, "ap"), loss=LossConfig("mc")))
    with pytest.raises(FileNotFoundError, match="does not exist"):
        plan(tiny(root / "nowhere"))
    with pytest.raises(ValueError, match="batches of at least two"):
        plan(tiny(root, batch_size=1))


def test_the_total_counts_reading_once_and_every_step():
    pace = Pace(read_image_seconds=0.5, train_step=2, test_batch=1, precision="fp32")
    laid_out = Plan("", (), 16, 8, 0, steps_per_epoch=2, method={})
    experiment = tiny("", epochs=3, batch_size=8)
    assert pace.total(laid_out, experiment) == 24 * 0.5 + 3 * (2 * 2 + 1)


@pytest.mark.parametrize("method", ["baseline", "mc"])
def test_the_step_that_is_timed_is_the_step_of_a_run(root, tmp_path, method, monkeypatch):
    """One batch of all images, nothing random in it: both end in the same weights."""
    experiment = tiny(root, method, epochs=1, batch_size=24, clip_norm=1.0)
    if method == "mc":
        experiment = replaced(experiment, "loss", settings=MCLossSettings(dropped=0))
    batches, inputs = [], loop._inputs
    monkeypatch.setattr(loop, "_inputs", lambda *given: batches.append(given[1:3]) or inputs(*given))
    list(loop.train(experiment, tmp_path / "run", device="cpu"))
    ((images, labels),) = batches
    experiment, cpu = loop.settled(experiment, 3), torch.device("cpu")
    trainer = timing._Trainer(runtime.place(loop.fresh_model(experiment), cpu), experiment, cpu, "fp32")
    trainer.train(images, labels)
    trained = torch.load(tmp_path / "run" / "state.pt", weights_only=True)["model"]
    for name, value in trainer.model.state_dict().items():
        torch.testing.assert_close(value, trained[name], rtol=0, atol=0, msg=name)


@pytest.mark.parametrize("method", ["mc", "ap"])
def test_a_few_batches_are_measured(root, method):
    experiment = tiny(root, method)
    pace = measure(experiment, "cpu")
    assert min(pace.read_image_seconds, pace.train_step, pace.test_batch) > 0
    assert 0 < pace.total(plan(experiment), experiment) < 600
