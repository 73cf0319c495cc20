import dataclasses
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from fgcore.config import LossConfig, ModelConfig
from fgcore.methods import build_loss
from fgcore.methods.heads import max_pool_head
from fgcore.methods.mc import channel_groups, head_reading
from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.records import ChannelGroups
from fgcore.methods.mc.settings import MCLossSettings

SIZES = (2, 2, 3)


def picture(seed=0, sizes=SIZES, side=4):
    """Non-negative random features with their groups, as a network records them."""
    features = torch.rand(1, sum(sizes), side, side, generator=torch.Generator().manual_seed(seed))
    return channel_groups.channel_groups(MCOutput(features, torch.zeros(1, len(sizes)), sizes, 5))


def linear_head(weight):
    weight = torch.tensor(weight)
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight.data = weight
    return nn.Sequential(OrderedDict(pool=nn.AdaptiveMaxPool2d(1), flatten=nn.Flatten(), classifier=linear)).eval()


def groups_of(peaks, sizes):
    """Channels with one cell each."""
    features = np.array(peaks, np.float32)[:, None, None]
    return ChannelGroups(features, sizes, np.zeros(len(sizes)), np.ones(len(sizes)))


def trained_head(sizes=SIZES, pool=1):
    """A dense head whose batch norms have statistics."""
    torch.manual_seed(0)
    head = max_pool_head(sum(sizes), 8, len(sizes), pool)
    for _ in range(3):
        head(torch.rand(16, sum(sizes), 4, 4))
    return head.eval().requires_grad_(False)


def test_the_masses_of_a_linear_head_by_hand():
    head = linear_head([[3.0, -1.0, 2.0, -2.0], [0.0, 0.0, 1.0, 1.0]])
    reading = head_reading.read_head(head, groups_of([1, 1, 0, 4], (2, 2)), 0)
    assert reading.weight_mass.tolist() == [0.5, 0.5]  # |3| + |-1| against |2| + |-2|
    assert reading.contribution_mass.tolist() == pytest.approx([4 / 12, 8 / 12])  # 3 + 1 against 0 + 8


def test_alone_and_without_leave_the_other_channels_at_zero():
    head = linear_head([[3.0, -1.0, 2.0, -2.0], [0.0, 0.0, 1.0, 1.0]])
    reading = head_reading.read_head(head, groups_of([1, 1, 0, 4], (2, 2)), 0)

    def softmax(*logits):
        return torch.tensor(logits, dtype=torch.float32).softmax(0).numpy()

    np.testing.assert_allclose(reading.whole.probabilities, softmax(2 - 8, 4), rtol=1e-6)
    np.testing.assert_allclose(reading.alone.probabilities, softmax(2, 0), rtol=1e-6)
    np.testing.assert_allclose(reading.without.probabilities, softmax(-8, 4), rtol=1e-6)


@pytest.mark.parametrize("pool", [1, 2])
def test_the_head_is_read_as_if_the_features_themselves_were_zeroed(pool):
    head, groups = trained_head(pool=pool), picture()
    reading = head_reading.read_head(head, groups, 2)
    features = torch.from_numpy(groups.features)[None]
    alone = features.clone()
    alone[:, :4] = 0
    for prediction, seen in ((reading.whole, features), (reading.alone, alone), (reading.without, features - alone)):
        np.testing.assert_allclose(prediction.probabilities, head(seen)[0].softmax(0), rtol=1e-5)


def test_slopes_are_those_that_a_small_change_of_a_channel_meets():
    head, groups = trained_head().double(), picture(3)
    reading = head_reading.read_head(trained_head(), groups, 1)
    pooled = torch.from_numpy(groups.features).double().amax((1, 2))
    step = 1e-6
    slopes = [
        float(head[1:](pooled[None] + step * unit)[0, 1] - head[1:](pooled[None] - step * unit)[0, 1]) / (2 * step)
        for unit in torch.eye(len(pooled), dtype=torch.float64)
    ]
    mass = np.abs(slopes)
    expected = np.array([mass[:2].sum(), mass[2:4].sum(), mass[4:].sum()]) / mass.sum()
    np.testing.assert_allclose(reading.weight_mass, expected, rtol=1e-4)
    assert reading.weight_mass.sum() == pytest.approx(1)
    assert reading.contribution_mass.sum() == pytest.approx(1)


def test_a_head_that_ignores_everything_has_no_mass():
    reading = head_reading.read_head(linear_head([[0.0, 0.0], [0.0, 0.0]]), groups_of([1, 2], (1, 1)), 0)
    assert reading.weight_mass.tolist() == reading.contribution_mass.tolist() == [0, 0]


def mc_loss(label_smoothing=0.0, **own):
    return build_loss(LossConfig("mc", label_smoothing, MCLossSettings(**own)), ModelConfig("mc"))


LOSSES = [
    mc_loss(),
    mc_loss(mc_weight=0.05, diversity_weight=4 / 3, dropped=1, label_smoothing=0.1),
    mc_loss(mask_per_image=True, dropped=0),
]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seed", [0, 7])
def test_the_parts_are_the_training_loss_to_the_last_digit_under_the_mask_that_is_shown(loss, seed):
    head, groups = trained_head(), picture(seed)
    mask = channel_groups.draw_masks(SIZES, seed, loss.settings)
    rebuilt = head_reading.loss_parts(loss, head, groups, 1, mask)
    features = torch.from_numpy(groups.features)[None]
    output = MCOutput(features, head(features), SIZES, 5)
    terms = loss(output, torch.tensor([1]), generator=torch.Generator().manual_seed(seed))
    assert rebuilt.total == terms.total.item()
    assert {name: getattr(rebuilt, name) for name in terms.parts} == {n: p.item() for n, p in terms.parts.items()}
    own = loss.settings
    assert (rebuilt.mc_weight, rebuilt.diversity_weight) == (own.mc_weight, own.diversity_weight)
    assert rebuilt == head_reading.loss_parts(loss, head, groups, 1, seed)
    other = head_reading.loss_parts(loss, head, groups, 2, mask)
    assert (other.ce, other.discriminality) != (rebuilt.ce, rebuilt.discriminality)
    assert other.diversity == rebuilt.diversity  # it asks for no class


def test_the_terms_by_hand():
    groups = groups_of([1, 3, 2, 2], (2, 2))
    loss = mc_loss(mc_weight=0.5, diversity_weight=2.0)
    head = linear_head([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])
    parts = head_reading.loss_parts(loss, head, groups, 0, np.array([1, 0, 1, 1]))
    softplus = np.log1p(np.exp(1))  # both times 1 stands against 2
    assert parts.ce == pytest.approx(softplus)
    assert parts.discriminality == pytest.approx(softplus)
    assert parts.diversity == 1  # with one cell all channels look at the same place
    assert parts.total == pytest.approx(softplus + 0.5 * (softplus - 2 * 1))


def test_a_record_cannot_be_changed_and_a_wrong_class_is_refused():
    groups, head = picture(), trained_head()
    reading = head_reading.read_head(head, groups, 0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        reading.class_index = 1
    with pytest.raises(ValueError, match="expected a class from 0 to 2, got 3"):
        head_reading.read_head(head, groups, 3)
    loss = mc_loss()
    with pytest.raises(ValueError, match="expected a target from 0 to 2, got -1"):
        head_reading.loss_parts(loss, head, groups, -1, 0)
