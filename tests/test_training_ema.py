import pytest
import torch
from torch import nn

from fgcore.training.ema import WeightAverage


def model_at(value):
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.constant_(model[0].weight, value)
    return model


def test_the_average_follows_its_formula():
    model = model_at(0.0)
    average = WeightAverage(model, decay=0.25)
    expected = 0.0
    for update, value in enumerate((1.0, 4.0, -2.0, 8.0)):
        nn.init.constant_(model[0].weight, value)
        average.update(model)
        decay = min(0.25, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * value
        assert average.model[0].weight.item() == pytest.approx(expected)


def test_a_long_decay_forgets_the_first_weights_soon():
    average = WeightAverage(model_at(1000.0), decay=0.9999)
    for _ in range(30):
        average.update(model_at(1.0))
    assert average.model[0].weight.item() == pytest.approx(1.0, abs=1e-3)


def test_running_statistics_are_averaged_and_counts_copied():
    model = model_at(0.0)
    average = WeightAverage(model, decay=0.05)
    model[1].running_mean.fill_(2.0)
    model[1].num_batches_tracked.fill_(7)
    average.update(model)
    assert average.model[1].running_mean.item() == pytest.approx(0.95 * 2)
    assert average.model[1].num_batches_tracked.item() == 7


def test_the_average_is_apart_from_the_model_and_does_not_train():
    model = model_at(3.0)
    average = WeightAverage(model, decay=0.9)
    nn.init.zeros_(model[0].weight)
    assert average.model[0].weight.item() == 3.0
    assert not average.model.training
    assert not any(parameter.requires_grad for parameter in average.model.parameters())


def test_it_goes_on_from_its_state_as_if_never_stopped():
    whole, first = WeightAverage(model_at(0.0), 0.9), WeightAverage(model_at(0.0), 0.9)
    for value in (1.0, 2.0):
        whole.update(model_at(value))
        first.update(model_at(value))
    second = WeightAverage(model_at(5.0), 0.9)
    second.load_state_dict(first.state_dict())
    for average in (whole, second):
        average.update(model_at(3.0))
    assert torch.equal(second.model[0].weight, whole.model[0].weight)
