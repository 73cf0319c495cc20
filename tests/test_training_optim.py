import math

import pytest
import torch
from torch import nn

from fgcore.config import OptimConfig
from fgcore.training.optim import build_optimizer, learning_rates, set_learning_rates, split_parameters, update


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
        self.trunkline = nn.Linear(3, 2)
        self.head = nn.Linear(2, 1)


def test_a_prefix_is_a_whole_name_not_the_beginning_of_one():
    groups = split_parameters(Net(), ("trunk",))
    assert set(groups["trunk"]) == {"trunk.0.weight", "trunk.0.bias", "trunk.1.weight", "trunk.1.bias"}
    assert set(groups["new"]) == {"trunkline.weight", "trunkline.bias", "head.weight", "head.bias"}


def test_a_prefix_can_name_a_part_of_the_trunk():
    assert set(split_parameters(Net(), ("trunk.0",))["trunk"]) == {"trunk.0.weight", "trunk.0.bias"}


def test_frozen_parameters_are_in_no_group():
    net = Net()
    net.trunk.requires_grad_(False)
    assert not split_parameters(net, ("trunk",))["trunk"]


def test_a_prefix_without_parameters_is_refused():
    with pytest.raises(ValueError, match=r"'body'.*top names: trunk, trunkline, head"):
        split_parameters(Net(), ("body",))


def test_every_parameter_is_decayed_and_moves_at_its_groups_rate():
    net = Net()
    for parameter in net.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    optimizer = build_optimizer(net, OptimConfig(lr=0.1, trunk_lr=0.01, weight_decay=0.5))
    set_learning_rates(optimizer, learning_rates(OptimConfig(lr=0.1, trunk_lr=0.01), epoch=0))
    optimizer.step()
    for name, parameter in net.named_parameters():
        rate = 0.01 if name.startswith("trunk.") else 0.1
        torch.testing.assert_close(parameter, torch.full_like(parameter, 1 - rate * 0.5))


def test_adamw_moves_by_its_rate_whatever_the_size_of_the_gradient_and_decays_the_weights_alone():
    config = OptimConfig(optimizer="adamw", lr=0.1, trunk_lr=0.01, weight_decay=0.5)
    for size in (1e-3, 1e3):
        net = Net()
        for parameter in net.parameters():
            nn.init.ones_(parameter)
            parameter.grad = torch.full_like(parameter, size)
        optimizer = build_optimizer(net, config)
        set_learning_rates(optimizer, learning_rates(config, epoch=0))
        optimizer.step()
        for name, parameter in net.named_parameters():
            rate = 0.01 if name.startswith("trunk.") else 0.1
            expected = torch.full_like(parameter, 1 - rate * 0.5 - rate)
            torch.testing.assert_close(parameter, expected, rtol=0, atol=1e-5)


def test_one_group_remains_when_no_prefix_is_given():
    optimizer = build_optimizer(Net(), OptimConfig(trunk_prefixes=()))
    assert [group["name"] for group in optimizer.param_groups] == ["new"]


def test_cosine_starts_at_the_full_rate_is_half_in_the_middle_and_stays_positive():
    config = OptimConfig(epochs=10, lr=0.2, trunk_lr=0.02)
    assert learning_rates(config, 0) == {"new": 0.2, "trunk": 0.02}
    assert learning_rates(config, 5)["new"] == pytest.approx(0.1)
    assert learning_rates(config, 9)["new"] == pytest.approx(0.2 * (1 + math.cos(0.9 * math.pi)) / 2)
    assert learning_rates(config, 9)["new"] > 0


def test_cosine_is_constant_within_an_epoch():
    config = OptimConfig(epochs=10)
    assert learning_rates(config, 3, 0, 50) == learning_rates(config, 3, 49, 50)


def test_steps_fall_at_their_milestones():
    config = OptimConfig(epochs=300, lr=0.1, schedule="step", milestones=(150, 225), gamma=0.1)
    rates = [learning_rates(config, epoch)["new"] for epoch in (0, 149, 150, 224, 225, 299)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_warm_up_rises_evenly_over_its_steps():
    config = OptimConfig(epochs=10, lr=1.0, schedule="step", warmup_epochs=2)
    rates = [learning_rates(config, epoch, step, 2)["new"] for epoch in range(3) for step in range(2)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])


class Centres(nn.Module):
    """A loss with something to learn and something to keep."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))
        self.register_buffer("centres", torch.zeros(3))


def test_what_a_loss_learns_is_in_the_group_of_the_new_layers():
    loss = Centres()
    optimizer = build_optimizer(Net(), OptimConfig(), loss)
    groups = {group["name"]: group["params"] for group in optimizer.param_groups}
    assert any(parameter is loss.scale for parameter in groups["new"])
    assert len(groups["new"]) == 4 + 1
    assert len(groups["trunk"]) == 4


def test_an_update_is_clipped_to_its_norm_over_all_groups():
    for clip_norm, expected in ((0.0, 5.0), (10.0, 5.0), (1.0, 1.0)):
        net = nn.Linear(1, 1)
        net.weight.grad, net.bias.grad = torch.tensor([[3.0]]), torch.tensor([4.0])
        before = torch.cat([parameter.detach().flatten() for parameter in net.parameters()])
        update(torch.optim.SGD([{"params": [net.weight]}, {"params": [net.bias]}], lr=1.0), clip_norm)
        after = torch.cat([parameter.detach().flatten() for parameter in net.parameters()])
        assert (before - after).norm().item() == pytest.approx(expected, rel=1e-4)
