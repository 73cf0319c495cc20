"""What a run would be: counted from folders, measured on a few batches."""

import pytest

from engine_helpers import draw_pictures, replaced, tiny
from fgcore import presets
from fgcore.methods.build import build_model
from fgcore.training.plan import Pace, Plan, measure, plan


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


def test_the_first_run_is_laid_out_without_opening_a_picture():
    laid_out = plan(presets.get("mc_birds_first"))
    assert len(laid_out.class_names) == 9
    assert (laid_out.train_images, laid_out.test_images, laid_out.steps_per_epoch) == (900, 90, 56)
    assert laid_out.groups == "9 groups of 3 channels"
    assert laid_out.map_side == 8


def test_uneven_groups_are_told_apart():
    laid_out = Plan("", (), 0, 0, 0, (10,) * 38 + (11,) * 12, 14, 1)
    assert laid_out.groups == "38 groups of 10 and 12 of 11 channels"


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_parameters_are_those_of_the_network(root, method):
    experiment = tiny(root, method)
    laid_out = plan(experiment)
    model = build_model(replaced(experiment, "model", num_classes=3).model)
    assert laid_out.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert bool(laid_out.groups) == (method == "mc")
    assert (laid_out.train_images, laid_out.test_images) == (24, 15)


def test_settings_that_do_not_fit_are_refused_before_anything_starts(root):
    with pytest.raises(ValueError, match="training from scratch is defined for vgg16_bn and ResNets"):
        plan(replaced(presets.get("mc_birds_first"), "model", trunk="squeezenet1_1"))
    with pytest.raises(ValueError, match="multiple of 32"):
        plan(replaced(tiny(root), "data", crop=65))
    with pytest.raises(FileNotFoundError, match="does not exist"):
        plan(tiny(root / "nowhere"))
    with pytest.raises(ValueError, match="batches of at least two"):
        plan(tiny(root, batch_size=1))


def test_the_total_counts_reading_once_and_every_step():
    pace = Pace(read_picture=0.5, train_step=2, test_batch=1, precision="fp32")
    laid_out = Plan("", (), 16, 8, 0, (), 0, steps_per_epoch=2)
    experiment = tiny("", epochs=3, batch_size=8)
    assert pace.total(laid_out, experiment) == 24 * 0.5 + 3 * (2 * 2 + 1)


@pytest.mark.parametrize("method", ["mc", "ap"])
def test_a_few_batches_are_measured(root, method):
    experiment = tiny(root, method)
    pace = measure(experiment, "cpu")
    assert min(pace.read_picture, pace.train_step, pace.test_batch) > 0
    assert 0 < pace.total(plan(experiment), experiment) < 600
