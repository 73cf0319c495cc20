import json
import re

import pytest

from fgcore.config import Experiment, ModelConfig, from_dict, override, to_dict


def test_an_experiment_survives_the_way_through_json():
    experiment = override(Experiment(), {"anchors": "32,64,128", "milestones": "150,225", "mask_per_image": "true"})
    assert from_dict(Experiment, json.loads(json.dumps(to_dict(experiment)))) == experiment


def test_a_setting_is_found_by_its_last_word_or_by_its_full_name():
    experiment = override(Experiment(), {"epochs": "3", "optim.lr": "1", "data.crop": "448"})
    assert (experiment.optim.epochs, experiment.optim.lr, experiment.data.crop) == (3, 1.0, 448)


def test_override_leaves_the_preset_as_it_was():
    preset = Experiment()
    override(preset, {"epochs": "3"})
    assert preset == Experiment()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": "3"}, "setting 'epoch' is none of"),
        ({"epochs": "three"}, "optim.epochs takes int, got 'three'"),
        ({"square": "1"}, "data.square takes true or false"),
        ({"anchors": "1,2"}, "ROIConfig.anchors takes 3 values, got 2"),
        ({"lr": "fast"}, "optim.lr takes float"),
    ],
)
def test_a_wrong_setting_is_refused_in_a_sentence(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        override(Experiment(), settings)


def test_unknown_and_mistyped_fields_of_a_stored_config_are_refused():
    with pytest.raises(ValueError, match="ModelConfig has no field 'depth'"):
        from_dict(ModelConfig, {"depth": 18})
    with pytest.raises(ValueError, match=r"ModelConfig\.hidden takes int, got '512'"):
        from_dict(ModelConfig, {"hidden": "512"})
    with pytest.raises(ValueError, match="takes int, got True"):
        from_dict(ModelConfig, {"hidden": True})
