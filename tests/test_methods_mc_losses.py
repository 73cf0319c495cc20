import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from conftest import GOLDEN
from fgcore.config import Experiment, LossConfig, ModelConfig
from fgcore.methods import build_loss
from fgcore.methods.ap.output import APCNNOutput
from fgcore.methods.baseline.output import BaselineOutput
from fgcore.methods.mc.losses import (
    channel_mask,
    class_diversity,
    class_scores,
    discriminality,
    diversity,
    group_max,
    group_sizes,
)
from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.settings import MCLossSettings

CASES = sorted(path.stem for path in GOLDEN.glob("mc_*.npz"))


@pytest.fixture(params=CASES)
def golden(request, rules):
    """A golden case: its arrays, and its features rebuilt by the rule where they are not stored."""
    with np.load(GOLDEN / f"{request.param}.npz") as file:
        case = dict(file)
    meta = json.loads(str(case["meta"]))
    if "x" not in case:
        shape = (meta["batch"], meta["channels"], meta["height"], meta["width"])
        case["x"] = rules.features(meta["feature_seed"], *shape, meta["relu"])
        np.testing.assert_allclose([case["x"].sum(), np.abs(case["x"]).sum()], case["x_sum"], rtol=1e-6)
    return case


def golden_losses(case, dtype):
    """The official terms from our functions: features with gradient, L_dis, and h of each image and class."""
    features = torch.tensor(case["x"], dtype=dtype, requires_grad=True)
    sizes = tuple(case["xis"].tolist())
    mask = torch.tensor(case["mask"])
    dis = discriminality(features, torch.tensor(case["targets"]), sizes, mask)
    return features, dis, class_diversity(features, sizes), torch.tensor(sizes)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_both_components_equal_the_official_code(golden, dtype, tolerance):
    _, dis, h, sizes = golden_losses(golden, dtype)
    assert dis.item() == pytest.approx(float(golden["L_dis"]), abs=tolerance)
    assert (1 - (h / sizes).mean()).item() == pytest.approx(float(golden["L_div"]), abs=tolerance)
    parts = [1 - (h / sizes)[:, sizes == xi].mean().item() for xi in sizes.unique()]
    np.testing.assert_allclose(parts, golden["L_div_parts"], atol=tolerance)
    assert sum(parts) == pytest.approx(float(golden["L_div_sum_parts"]), abs=2 * tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 5e-8)])
def test_gradients_equal_the_official_code(golden, dtype, tolerance):
    features, dis, h, sizes = golden_losses(golden, dtype)
    relu = json.loads(str(golden["meta"]))["relu"]
    for name, loss in (("dis", dis), ("div", 1 - (h / sizes).mean())):
        gradient = torch.autograd.grad(loss, features, retain_graph=True)[0]
        if relu:  # a masked channel ties with a zero feature; all codes agree where features are positive
            gradient = gradient * (features > 0)
        gradient = gradient.double().numpy()
        if f"grad_{name}" in golden:
            expected = golden[f"grad_{name}"] * ((golden["x"] > 0) if relu else 1)
            np.testing.assert_allclose(gradient, expected, atol=tolerance)
        else:
            at = golden["positions"]
            expected = golden[f"grad_{name}_at"] * ((golden["x"].ravel()[at] > 0) if relu else 1)
            np.testing.assert_allclose(gradient.ravel()[at], expected, atol=tolerance)
        if dtype == torch.float64:
            sums = [gradient.sum(), np.abs(gradient).sum(), np.sqrt((gradient**2).sum())]
            np.testing.assert_allclose(sums[1:], golden[f"grad_{name}_sum"][1:], rtol=1e-9)
            assert sums[0] == pytest.approx(golden[f"grad_{name}_sum"][0], abs=1e-9 * sums[1])


@pytest.mark.parametrize(
    ("channels", "classes", "expected"),
    [
        (2048, 200, (10,) * 152 + (11,) * 48),
        (512, 200, (2,) * 88 + (3,) * 112),
        (2048, 100, (20,) * 52 + (21,) * 48),
        (600, 200, (3,) * 200),
        (5, 5, (1,) * 5),
    ],
)
def test_channels_are_shared_out_with_the_larger_groups_last(channels, classes, expected):
    assert group_sizes(channels, classes) == expected


def test_fewer_channels_than_classes_is_refused_with_a_way_out():
    with pytest.raises(ValueError, match="got 64 channels for 200 classes; use a wider layer"):
        group_sizes(64, 200)


@pytest.mark.parametrize(("size", "kept"), [(1, 1), (2, 1), (3, 2), (4, 2), (10, 5), (11, 6)])
def test_channel_mask_drops_half_of_each_group_rounded_down(size, kept):
    masks = channel_mask((size,) * 7, images=50, generator=torch.Generator().manual_seed(0))
    assert masks.shape == (50, 7 * size)
    assert masks.unflatten(1, (7, size)).sum(2).eq(kept).all()


def test_channel_mask_drops_as_many_as_asked_but_never_a_whole_group():
    mask = channel_mask((10, 10, 11, 2), dropped=4)[0]
    assert [int(group.sum()) for group in mask.split((10, 10, 11, 2))] == [6, 6, 7, 1]


def test_every_channel_is_dropped_about_equally_often():
    masks = channel_mask((3, 3, 4), images=6000, generator=torch.Generator().manual_seed(1)).float().mean(0)
    expected = torch.tensor([2 / 3] * 6 + [1 / 2] * 4)
    assert (masks - expected).abs().max() < 0.03  # 5 standard deviations


def test_channel_mask_is_reproducible_by_its_generator():
    first, again, other = (channel_mask((3,) * 20, generator=torch.Generator().manual_seed(s)) for s in (7, 7, 8))
    assert first.equal(again)
    assert not first.equal(other)


def test_group_max_by_hand_with_uneven_groups():
    features = torch.tensor([[[1.0, 5.0]], [[2.0, 4.0]], [[9.0, 0.0]], [[3.0, 3.0]], [[0.0, 7.0]]])[None]  # (1,5,1,2)
    assert group_max(features, (2, 3))[0].tolist() == [[[2.0, 5.0]], [[9.0, 7.0]]]


def test_discriminality_by_hand():
    # two classes of one channel, 2 x 2: means 1 and 0 -> CE = log(1 + e^-1) for class 0
    features = torch.zeros(1, 2, 2, 2)
    features[0, 0] = 1
    expected = math.log(1 + math.exp(-1))
    assert discriminality(features, torch.tensor([0]), (1, 1)).item() == pytest.approx(expected, rel=1e-6)


def test_a_masked_channel_counts_as_zero_and_beats_negative_features():
    features = torch.full((1, 2, 2, 2), -3.0)
    assert class_scores(features, (2,), torch.tensor([1, 0])).item() == 0.0
    assert class_scores(features, (2,), torch.tensor([1, 1])).item() == -3.0


def test_the_mask_may_differ_between_images():
    features = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1).repeat(2, 1, 3, 3)
    masks = torch.tensor([[1, 0], [0, 1]])
    assert class_scores(features, (2,), masks)[:, 0].tolist() == [1.0, 2.0]


def test_diversity_is_one_when_the_maps_are_alike():
    maps = torch.rand(2, 1, 5, 8).repeat(1, 6, 1, 1)
    assert diversity(maps, (3, 3)).item() == pytest.approx(1, abs=1e-6)


def test_diversity_is_xi_when_the_maps_are_disjoint():
    maps = torch.zeros(1, 4, 2, 2)
    for channel in range(4):
        maps[0, channel, channel // 2, channel % 2] = 100
    assert diversity(maps, (4,)).item() == pytest.approx(4, abs=1e-6)
    assert diversity(maps, (2, 2)).item() == pytest.approx(2, abs=1e-6)


def test_diversity_ignores_the_order_of_channels_within_a_group():
    features = torch.randn(2, 6, 4, 4)
    shuffled = features[:, [2, 0, 1, 5, 3, 4]]
    assert diversity(features, (3, 3)).item() == pytest.approx(diversity(shuffled, (3, 3)).item(), rel=1e-6)


def literal_losses(features, targets, sizes, mask):
    """The formulas in plain loops."""
    scores, h = torch.zeros(len(features), len(sizes)), torch.zeros(len(features), len(sizes))
    for image in range(len(features)):
        start = 0
        for label, size in enumerate(sizes):
            group = features[image, start : start + size]
            kept = group * mask[start : start + size, None, None]
            scores[image, label] = torch.stack(list(kept)).max(0).values.mean()
            softmax = [torch.exp(channel) / torch.exp(channel).sum() for channel in group]
            h[image, label] = torch.stack(softmax).max(0).values.sum()
            start += size
    return F.cross_entropy(scores, targets), h.mean()


@pytest.mark.parametrize("sizes", [(3, 3, 3), (2, 3, 4, 2), (1, 1, 2)])
def test_both_components_equal_the_formulas_in_plain_loops(sizes):
    features, targets = torch.rand(3, sum(sizes), 5, 6), torch.tensor([0, 2, 1])
    mask = channel_mask(sizes)[0]
    dis, div = literal_losses(features, targets, sizes, mask)
    torch.testing.assert_close(discriminality(features, targets, sizes, mask), dis)
    torch.testing.assert_close(diversity(features, sizes), div)


def test_gradients_are_right_in_double_precision():
    features = torch.randn(2, 7, 3, 4, dtype=torch.float64, requires_grad=True)
    sizes, mask = (3, 4), channel_mask((3, 4))
    assert gradcheck(lambda x: discriminality(x, torch.tensor([0, 1]), sizes, mask), features)
    assert gradcheck(lambda x: diversity(x, sizes), features)


def test_features_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"expected features of shape \(B, 6, H, W\) for 2 groups, got"):
        diversity(torch.rand(1, 5, 2, 2), (3, 3))


def test_the_module_adds_up_its_named_terms():
    config = LossConfig("mc", settings=MCLossSettings(mc_weight=0.5, diversity_weight=3.0))
    output = MCOutput(torch.rand(4, 6, 5, 5), torch.randn(4, 2), (3, 3), 5)
    generator, targets = torch.Generator().manual_seed(2), torch.tensor([0, 1, 1, 0])
    terms = build_loss(config, ModelConfig("mc"))(output, targets, generator=generator)
    parts = terms.parts
    expected = parts["ce"] + 0.5 * (parts["discriminality"] - 3.0 * parts["diversity"])
    torch.testing.assert_close(terms.total, expected)
    mask = channel_mask((3, 3), generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        parts["discriminality"], discriminality(output.features, torch.tensor([0, 1, 1, 0]), (3, 3), mask)
    )


def test_label_smoothing_acts_on_cross_entropy_only():
    output, targets = MCOutput(torch.rand(2, 3, 2, 2), torch.randn(2, 3), (1, 1, 1), 5), torch.tensor([0, 2])
    smooth = F.cross_entropy(output.logits, targets, label_smoothing=0.1)
    plain, smoothed = (
        build_loss(LossConfig("mc", share), ModelConfig("mc"))(output, targets).parts for share in (0.0, 0.1)
    )
    torch.testing.assert_close(smoothed["ce"], smooth)
    assert smoothed["discriminality"] == plain["discriminality"]  # groups of one channel: CWA drops nothing
    alone = build_loss(LossConfig("ce", 0.1), ModelConfig("mc"))(output, targets)
    assert list(alone.parts) == ["ce"]
    torch.testing.assert_close(alone.total, smooth)


def two_passes(first, second):
    """All that a loss asks of AP-CNN: its heads, (B, 4, K) of each stage."""
    stages = [SimpleNamespace(logits=logits) for logits in (first, second)]
    rest = {field.name: None for field in dataclasses.fields(APCNNOutput)}
    return APCNNOutput(**rest | dict(zip(("stage1", "stage2"), stages, strict=True)))


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_shares_of_classes_weigh_the_losses_of_these_classes(method):
    outputs = {
        "baseline": BaselineOutput(torch.rand(2, 3, 2, 2), torch.randn(2, 3), 5),
        "mc": MCOutput(torch.rand(2, 6, 4, 4), torch.randn(2, 3), (2, 2, 2), 5),
        "ap": two_passes(torch.randn(2, 4, 3), torch.randn(2, 4, 3)),
    }
    config = Experiment(model=ModelConfig(method), loss=LossConfig(label_smoothing=0.1))  # the method's own loss
    loss = build_loss(config.loss, config.model)

    def total(targets):
        return loss(outputs[method], targets, generator=torch.Generator().manual_seed(0)).total

    one, two = torch.tensor([0, 1]), torch.tensor([2, 2])
    shares = 0.75 * F.one_hot(one, 3) + 0.25 * F.one_hot(two, 3)
    torch.testing.assert_close(total(shares), 0.75 * total(one) + 0.25 * total(two))
    torch.testing.assert_close(total(F.one_hot(one, 3).float()), total(one))


def test_ap_cnns_loss_is_the_plain_sum_of_its_eight_cross_entropies():
    output, targets = two_passes(torch.randn(2, 4, 3), torch.randn(2, 4, 3)), torch.tensor([0, 2])
    terms = build_loss(LossConfig("ce"), ModelConfig("ap"))(output, targets)
    heads = [*output.stage1.logits.unbind(1), *output.stage2.logits.unbind(1)]
    torch.testing.assert_close(terms.total, sum(F.cross_entropy(head, targets) for head in heads))
    assert len(terms.parts) == 8


@pytest.mark.parametrize("method", ["baseline", "ap"])
def test_a_network_without_groups_cannot_have_mc_loss(method):
    with pytest.raises(ValueError, match=f"loss.kind=mc works with method=mc, got method={method}; choose another"):
        build_loss(LossConfig("mc"), ModelConfig(method))


def test_an_unknown_loss_or_method_is_refused():
    with pytest.raises(ValueError, match=r"loss.kind must be one of ce, mc, ap_guided, got 'mcl'"):
        LossConfig("mcl")
    with pytest.raises(ValueError, match="method must be one of baseline, mc, ap, got 'mcl'"):
        ModelConfig("mcl")


@pytest.mark.parametrize("sizes", [(3, 3), (2, 2, 3)])
def test_the_gradient_of_the_group_maximum_is_shared_evenly_among_equals(sizes):
    features = torch.randint(0, 3, (2, sum(sizes), 4, 4), generator=torch.Generator().manual_seed(0)).double()
    weights = torch.rand(2, len(sizes), 4, 4, dtype=torch.float64)
    ours, theirs = features.clone().requires_grad_(), features.clone().requires_grad_()
    (group_max(ours, sizes) * weights).sum().backward()
    (torch.stack([part.amax(1) for part in theirs.split(sizes, 1)], 1) * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
