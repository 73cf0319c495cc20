"""The standardised gates and the guided loss, which are ours: what they promise, beside what was published."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from fgcore.config import LossConfig, ModelConfig
from fgcore.methods import build_loss, build_model
from fgcore.methods.ap.guide import correlation, evidence
from fgcore.methods.ap.pyramids import standardised
from fgcore.methods.ap.settings import APSettings, GuideSettings
from fgcore.outputs import LEVELS
from small_models import small


def network(gate="standardised", seed=0):
    torch.manual_seed(seed)
    config = small("ap", 5)
    config = dataclasses.replace(config, settings=dataclasses.replace(config.settings, gate=gate))
    return build_model(config)


def batch(count=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    images = F.interpolate(torch.randn(count, 3, 8, 8, generator=generator), size=128, mode="bicubic")
    return images, torch.arange(count) % 5


def test_standardised_scores_by_hand():
    scores = torch.tensor([[[[1.0, 3.0], [1.0, 3.0]]], [[[10.0, 30.0], [10.0, 30.0]]]])  # z is -1 or 1, at any scale
    torch.testing.assert_close(
        standardised(scores), torch.tensor([[[[-4.0, 0.0]] * 2], [[[-4.0, 0.0]] * 2]]), rtol=0, atol=1e-4
    )


def test_a_flat_map_has_a_gate_of_one_value_and_a_gradient():
    scores = torch.full((1, 1, 4, 4), 7.0, requires_grad=True)
    gate = standardised(scores).sigmoid()
    torch.testing.assert_close(gate, torch.full_like(gate, 0.119203))
    gate[0, 0, 1, 1].backward()
    assert scores.grad.isfinite().all()


@torch.no_grad()
def test_standardised_gates_do_not_saturate_or_tie_however_large_the_features():
    images, _ = batch()
    for gate, ends in (("standardised", 0.15), ("published", 0.5)):
        model = network(gate).eval()
        model.feature_pyramid.output3.weight *= 1e4
        found = model.first_pass(images).spatial_gates.level3
        saturated = ((found > 0.99) | (found < 0.01)).float().mean()
        tied = (found.flatten(1) == found.amax((1, 2, 3))[:, None]).sum(1)
        if gate == "standardised":
            assert saturated < ends
            assert (tied == 1).all()
        else:
            assert saturated > ends
            assert (tied > 1).all()


def test_the_setting_changes_no_name_and_no_start():
    published, ours = network("published").state_dict(), network("standardised").state_dict()
    assert published.keys() == ours.keys()
    assert all(torch.equal(published[name], ours[name]) for name in ours)
    assert APSettings().gate == "published"


def test_correlation_by_hand():
    first = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]).expand(4, 1, 2, 2)
    second = torch.stack([first[0] * 5 - 3, -first[0], torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]]), first[0] * 0 + 2])
    torch.testing.assert_close(correlation(first, second), torch.tensor([1.0, -1.0, 0.0, 0.0]))


@pytest.mark.parametrize("mixed", [False, True])
def test_evidence_is_the_gradient_of_the_right_classs_log_probability_times_the_features(mixed):
    model, (images, targets) = network().eval(), batch(2)
    output = model(images)
    shares = torch.tensor([[0.7, 0.3, 0, 0, 0], [0, 0, 0, 0.5, 0.5]]) if mixed else F.one_hot(targets, 5).float()
    for index, found in enumerate(evidence(output, shares if mixed else targets)):
        for image in range(2):
            refined = output.stage1.refined[index][image].detach().requires_grad_()
            logits = list(model.heads.values())[index](refined.mean((1, 2))[None])
            (gradient,) = torch.autograd.grad((logits.log_softmax(1) * shares[image]).sum(), refined)
            cells = (refined.detach() * gradient).sum(0)
            for row in range(len(cells)):
                for column in range(len(cells)):
                    near = cells[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
                    torch.testing.assert_close(found[image, 0, row, column], near.mean(), rtol=1e-3, atol=1e-7)


def test_without_a_weight_the_gradients_are_those_of_the_cross_entropies():
    gradients = []
    for kind, settings in (("ce", None), ("ap_guided", GuideSettings(guide_weight=0.0))):
        model, (images, targets) = network(), batch()
        loss = build_loss(LossConfig(kind, settings=settings), small("ap", 5))
        terms = loss(model(images, generator=torch.Generator().manual_seed(3)), targets)
        terms.total.backward()
        gradients.append({name: value.grad for name, value in model.named_parameters()})
    assert {f"guide{level}" for level in LEVELS} < terms.parts.keys()
    for name, expected in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], expected)


def test_gates_that_follow_the_guide_come_to_lie_on_the_evidence():
    model, (images, targets) = network().eval(), batch()
    gates = model.attention_pyramid.spatial.requires_grad_(True)
    model.requires_grad_(False)
    gates.requires_grad_(True)
    loss = build_loss(LossConfig("ap_guided", settings=GuideSettings(guide_weight=1.0)), small("ap", 5))
    optimizer, totals = torch.optim.Adam(gates.parameters(), lr=0.01), []
    for _ in range(60):
        terms = loss(model(images), targets)
        guides = torch.stack([terms.parts[f"guide{level}"] for level in LEVELS])
        totals.append(guides)
        optimizer.zero_grad()
        terms.total.backward()
        optimizer.step()
    assert (totals[-1] < 0.7 * totals[0]).all()


def test_it_works_with_ap_cnn_alone():
    with pytest.raises(ValueError, match=r"loss\.kind=ap_guided works with method=ap, got method=baseline"):
        build_loss(LossConfig("ap_guided"), ModelConfig("baseline", num_classes=5))
