import inspect
import re

import pytest
import torch

from fgcore import presets
from fgcore.checkpoints.checkpoint import without_weights
from fgcore.config import Experiment, NoSettings, from_dict, override, to_dict
from fgcore.methods import METHODS, build_loss, build_model
from fgcore.methods.mc.output import group_sizes
from fgcore.training.optim import build_optimizer

NAMES = sorted(presets.PRESETS)
CLASSES = {"cub": 200, "cars": 196, "aircraft": 100}


def classes_of(experiment):
    return experiment.data.classes or CLASSES.get(experiment.data.dataset, 20)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_an_experiment_of_its_own_name(name):
    experiment = presets.get(name)
    assert experiment.name == name
    assert experiment.model.method in METHODS
    assert from_dict(Experiment, to_dict(experiment)) == experiment
    assert name.startswith(experiment.model.method)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_states_source_command_time_and_accuracy(name):
    text = inspect.getdoc(presets.PRESETS[name])
    assert re.search(rf"Command: `python -m fgcore train {name}( data\.root=DIR)?`", text)
    assert all(word in text for word in ("Source:", "Time:", "Accuracy:"))


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_builds_its_network_and_its_groups_of_parameters(name):
    experiment = presets.get(name)
    config = override(experiment, {"num_classes": str(classes_of(experiment))}).model
    with torch.device("meta"):
        model = build_model(without_weights(config))
    optimizer = build_optimizer(model, experiment.optim)
    assert {group["name"] for group in optimizer.param_groups} == {
        "new",
        *(["trunk"] if experiment.optim.trunk_prefixes else []),
    }
    loss = build_loss(experiment.loss, config)
    assert getattr(loss, "cross_entropy", loss).label_smoothing == experiment.loss.label_smoothing
    assert getattr(loss, "settings", NoSettings()) == experiment.loss.settings


def test_demo_presets_share_trunk_and_seed_and_the_baselines_recipe_is_mc_losss():
    for data in ("cub50", "cars196", "birds", "cars"):
        trio = [presets.get(f"{method}_{data}") for method in ("baseline", "mc", "ap")]
        assert len({(e.seed, e.model.trunk, e.model.weights, e.data.crop) for e in trio}) == 1
        baseline, mc, _ = trio
        assert baseline.model.settings.level == mc.model.settings.level == 4
        assert (baseline.data, baseline.optim) == (mc.data, mc.optim)
        assert baseline.loss.label_smoothing == mc.loss.label_smoothing


def test_the_authors_ap_cnn_slows_everything_below_layer4_on_cub_only():
    cub, cars = presets.get("ap_resnet50_cub"), presets.get("ap_resnet50_cars")
    assert (cub.optim.lr, cub.optim.trunk_lr) == (1e-3, 1e-4)
    assert cub.optim.trunk_prefixes == ("trunk.stem", "trunk.level4")
    assert cars.optim.trunk_prefixes == ()
    assert [(e.model.settings.roi.border, e.model.hidden) for e in (cub, cars)] == [(0.2, 512), (0.1, 256)]


def test_the_weights_of_the_scratch_recipe_equal_alpha_and_beta():
    loss, xi = presets.get("mc_vgg16_cub_scratch").loss, 3
    h = 1.7  # alpha * (L_dis + beta * (1 - h / xi)) and mu * (L_dis - lambda * h) differ by a constant
    ours, theirs = loss.settings.mc_weight * loss.settings.diversity_weight * h, 20 * h / xi
    assert loss.settings.mc_weight == 1.5
    assert ours == pytest.approx(theirs)


def test_the_pretrained_recipes_divide_2048_channels_as_the_paper_says():
    assert group_sizes(2048, 200) == (10,) * 152 + (11,) * 48
    assert group_sizes(2048, 196) == (10,) * 108 + (11,) * 88
    groups = [presets.get(f"mc_resnet50_{data}").model.settings.groups for data in ("cub", "cars")]
    assert groups == ["trunk", "trunk"]


def test_an_unknown_preset_is_refused_with_the_list():
    with pytest.raises(ValueError, match=r"no preset is called 'mc'; choose one of .*mc_cub50"):
        presets.get("mc")
