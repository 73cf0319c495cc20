import dataclasses
import json
import re
from typing import get_args, get_origin

import pytest
from torch import nn

from fgcore.checked import bare
from fgcore.checkpoints.checkpoint import CheckpointError, load, read_metadata, save
from fgcore.config import (
    DataConfig,
    Experiment,
    LossConfig,
    ModelConfig,
    OptimConfig,
    _paths,
    choices,
    from_dict,
    limits,
    override,
    to_dict,
)
from fgcore.methods.ap.settings import APSettings, ROIConfig
from fgcore.methods.baseline.settings import BaselineSettings
from fgcore.methods.mc.settings import MCLossSettings, MCSettings

# every method with its own loss, of one class; images so large that crop and resize reach their own limits
WHOLES = {
    method: Experiment(model=ModelConfig(method, num_classes=1), data=DataConfig(resize=1536, crop=1536))
    for method in ("baseline", "mc", "ap")
}
BOUND = {"data.crop": (32, 1536), "data.resize": (1536, 2048)}  # by each other: crop in steps of 32, resize >= crop


def numbers():
    """Every setting that is a number, or a tuple of numbers, once: an experiment that has it and its full name."""
    seen = set()
    for method, experiment in WHOLES.items():
        for path, hint in _paths(experiment).items():
            kind = bare(hint)
            if get_origin(kind) is tuple:
                kind = bare(get_args(kind)[0])
            if kind in (int, float) and (path not in seen):
                seen.add(path)
                yield pytest.param(method, path, id=path)


def reached(experiment, path):
    return BOUND.get(path) or limits(experiment, path)


def with_value(experiment, path, value):
    """The experiment as a dictionary in which a setting, or the first of its tuple, has another value."""
    values = to_dict(experiment)
    target, (*parents, leaf) = values, path.split(".")
    for parent in parents:
        target = target[parent]
    target[leaf] = [value, *target[leaf][1:]] if isinstance(target[leaf], list) else value
    return values


def test_an_experiment_survives_the_way_through_json():
    for method, changes in {
        "mc": {"mask_per_image": "true", "milestones": "150,225", "groups": "conv"},
        "ap": {"anchors": "32,64,128", "trunk_prefixes": "trunk.stem,trunk.level4"},
        "baseline": {"level": "4", "holdout": "0.1", "freeze": "stem"},
    }.items():
        experiment = override(Experiment(model=ModelConfig(method)), changes)
        assert from_dict(Experiment, json.loads(json.dumps(to_dict(experiment)))) == experiment


def test_a_setting_is_found_by_its_last_word_or_by_its_full_name():
    experiment = override(Experiment(), {"epochs": "3", "optim.lr": "1", "data.crop": "448", "resize": "512"})
    assert (experiment.optim.epochs, experiment.optim.lr, experiment.data.crop) == (3, 1.0, 448)
    experiment = override(Experiment(model=ModelConfig("ap")), {"border": "0.2", "model.settings.roi.top_k": "3,2,1"})
    assert experiment.model.settings == APSettings(roi=ROIConfig(border=0.2, top_k=(3, 2, 1)))


def test_override_leaves_the_preset_as_it_was():
    preset = Experiment()
    override(preset, {"epochs": "3", "method": "ap"})
    assert preset == Experiment()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": "3"}, "setting 'epoch' is none of name, seed, model.method, model.trunk"),
        ({"border": "0.2"}, "setting 'border' is none of"),  # the baseline has none
        ({"epochs": "three"}, "optim.epochs takes int, got 'three'"),
        ({"square": "1"}, "data.square takes true or false, got '1'"),
        ({"method": "ap", "anchors": "1,2"}, "APSettings.roi.anchors takes 3 values, got 2: [1.0, 2.0]"),
        ({"lr": "fast"}, "optim.lr takes float, got 'fast'"),
        ({"lr": "nan"}, "optim.lr takes a finite number, got nan"),
        ({"epochs": "0"}, "optim.epochs should lie from 1 to 100000, got 0"),
        ({"level": "9"}, "BaselineSettings.level should lie from 4 to 5, got 9"),
        ({"milestones": "60,-1"}, "optim.milestones should lie from 0 to 100000, got -1"),
        ({"optimizer": "lion"}, "optim.optimizer takes sgd, adamw, got 'lion'"),
        ({"method": "mcl"}, "method must be one of baseline, mc, ap, got 'mcl'"),
        ({"loss.kind": "mcl"}, "loss.kind must be one of ce, mc, ap_guided, got 'mcl'"),
        ({"crop": "100"}, "crop should be a multiple of 32 pixels, got 100; 96 is the nearest"),
        ({"crop": "288"}, "resize should be at least crop, got resize 256 and crop 288 pixels"),
        ({"crop": "0"}, "data.crop should lie from 32 to 1536, got 0"),
        ({"name": "n" * 201}, "name takes at most 200 characters, got 201"),
    ],
)
def test_a_wrong_setting_is_refused_in_a_sentence(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        override(Experiment(), settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (ModelConfig, {"depth": 18}, "ModelConfig has no field 'depth'; its fields are method, trunk, weights"),
        (ModelConfig, {"hidden": "512"}, "ModelConfig.hidden takes int, got '512'"),
        (ModelConfig, {"hidden": True}, "ModelConfig.hidden takes int, got True"),
        (ModelConfig, {"settings": 3}, "method=baseline takes settings of BaselineSettings, got int"),
        (ModelConfig, {"settings": {"groups": "conv"}}, "BaselineSettings has no field 'groups'"),
        (ModelConfig, {"method": "ap", "settings": {"roi": 3}}, "roi takes the named values of ROIConfig, got 3"),
        (LossConfig, {"kind": "mc", "settings": {"mc_weight": -1}}, "mc_weight should lie from 0 to 10000, got -1"),
        (OptimConfig, {"epochs": 1.5}, "OptimConfig.epochs takes int, got 1.5"),
        (OptimConfig, {"trunk_prefixes": ["t" * 5000]}, "trunk_prefixes takes at most 4096 characters, got 5000"),
        (DataConfig, {"crop": "c" * 5000}, "DataConfig.crop takes int, got 'ccc"),
        (Experiment, {"model": 3}, "model takes the named values of ModelConfig, got 3"),
        (Experiment, {"seed": 2**60}, "seed should lie from 0 to 9007199254740992, got 1152921504606846976"),
        (Experiment, {"c" * 5000: 1}, "Experiment has no field 'cccc"),
    ],
)
def test_unknown_and_mistyped_fields_of_a_stored_config_are_refused_in_one_short_sentence(kind, values, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        from_dict(kind, values)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_a_config_made_in_python_is_checked_as_a_stored_one_is():
    with pytest.raises(ValueError, match=r"OptimConfig.epochs should lie from 1 to 100000, got 0"):
        OptimConfig(epochs=0)
    with pytest.raises(ValueError, match="method=ap takes settings of APSettings, got MCSettings"):
        ModelConfig("ap", settings=MCSettings())
    with pytest.raises(ValueError, match=r"ROIConfig.border should lie from 0 to 0.49, got 0.5"):
        ROIConfig(border=0.5)
    with pytest.raises(ValueError, match=r"should lie from 0 to 0.49, got 0.7"):
        dataclasses.replace(ROIConfig(), border=0.7)
    with pytest.raises(dataclasses.FrozenInstanceError):
        OptimConfig().epochs = 2


def test_limits_and_choices_are_those_that_the_checks_use():
    experiment = WHOLES["ap"]
    assert limits(experiment, "optim.epochs") == (1, 100_000)
    assert limits(experiment, "model.settings.roi.border") == (0, 0.49)
    assert limits(experiment, "model.settings.roi.anchors") == (1, 4096)  # of each value
    assert choices(experiment, "optim.schedule") == ("cosine", "step")
    assert choices(experiment, "model.freeze") == ("nothing", "stem", "trunk")
    assert choices(experiment, "optim.epochs") == ()
    assert choices(experiment, "model.trunk") == ()
    with pytest.raises(KeyError):
        limits(experiment, "model.settings.groups")  # MC-Loss's


@pytest.mark.parametrize(("method", "path"), [*numbers()])
def test_each_limit_is_allowed_and_what_lies_beyond_it_is_refused(method, path):
    experiment = WHOLES[method]
    low, high = reached(experiment, path)
    assert low > -float("inf")
    assert high < float("inf")
    for value in (low, high):
        values = with_value(experiment, path, value)
        assert to_dict(from_dict(Experiment, values)) == values
    low, high = limits(experiment, path)
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError, match=rf"{path.rpartition('.')[2]} should lie from .* to .*, got ") as caught:
            from_dict(Experiment, with_value(experiment, path, value))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("method", "path"), [*numbers()])
def test_what_the_writer_accepts_the_reader_accepts(tmp_path, method, path):
    experiment, file = WHOLES[method], tmp_path / "a.safetensors"
    for value in reached(experiment, path):
        written = from_dict(Experiment, with_value(experiment, path, value))
        if not written.model.num_classes:
            continue  # a run settles it before it writes; see below
        names = [f"class {number}" for number in range(written.model.num_classes)]
        save(file, nn.Linear(1, 1), written, names, {}, {})
        assert read_metadata(file).experiment == written


def test_a_file_of_no_class_is_refused(tmp_path):
    save(tmp_path / "a.safetensors", nn.Linear(1, 1), Experiment(), [], {}, {})
    with pytest.raises(CheckpointError, match="no network that can be built: a network needs at least one class"):
        load(tmp_path / "a.safetensors")


@pytest.mark.parametrize("method", WHOLES)
def test_every_choice_of_every_setting_comes_back_from_a_file(tmp_path, method):
    experiment, file = WHOLES[method], tmp_path / "a.safetensors"
    some = [path for path in _paths(experiment) if choices(experiment, path)]
    assert len(some) >= 6
    for path in some:
        for choice in choices(experiment, path):
            written = from_dict(Experiment, with_value(experiment, path, choice))
            save(file, nn.Linear(1, 1), written, ["one"], {}, {})
            assert read_metadata(file).experiment == written


def test_another_method_keeps_the_settings_that_it_has_too():
    before = Experiment(
        model=ModelConfig("mc", settings=MCSettings(4, "conv", 5, head_pool=7)), loss=LossConfig("mc", 0.1)
    )
    baseline = override(before, {"method": "baseline"})
    assert baseline.model.settings == BaselineSettings(level=4, head_pool=7)
    assert override(baseline, {"method": "mc"}).model.settings == MCSettings(level=4, head_pool=7)
    assert override(before, {"method": "ap"}).model.settings == APSettings()
    assert override(before, {"method": "mc"}) == before


def test_a_loss_of_the_methods_own_follows_the_method_and_another_one_stays():
    own = Experiment(model=ModelConfig("mc"), loss=LossConfig("mc", 0.1, MCLossSettings(mc_weight=2.0)))
    other = dataclasses.replace(own, loss=LossConfig("ce", 0.1))
    assert override(own, {"method": "ap"}).loss == LossConfig("ce", 0.1)
    assert override(other, {"method": "ap"}).loss == LossConfig("ce", 0.1)
    assert override(own, {"loss.kind": "ce"}).loss == LossConfig("ce", 0.1)
    assert override(Experiment(), {"method": "mc"}).loss == LossConfig("mc")
    assert override(Experiment(), {"method": "mc", "kind": "ce"}).loss == LossConfig("ce")
    both = override(Experiment(), {"method": "mc", "mc_weight": "0.5", "groups": "conv"})
    assert (both.loss.settings.mc_weight, both.model.settings.groups) == (0.5, "conv")


def test_without_a_name_the_loss_is_the_methods_own_and_the_method_is_the_baseline():
    assert Experiment().model == ModelConfig("baseline", settings=BaselineSettings())
    losses = {method: Experiment(model=ModelConfig(method)).loss.kind for method in WHOLES}
    assert losses == {"baseline": "ce", "mc": "mc", "ap": "ce"}
