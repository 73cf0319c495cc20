import dataclasses

import pytest
import torch
from torch import nn

from fgcore.config import Experiment, LossConfig, ModelConfig, to_dict
from fgcore.methods import METHODS, build_loss, build_model
from fgcore.methods.ap.output import APCNNOutput, Drop
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.baseline.output import BaselineOutput
from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.settings import MCLossSettings


def tiny(method, trunk="squeezenet1_1", classes=5, weights="", **settings):
    """A network; what it does not have of `settings` is left out."""
    known = {field.name for field in dataclasses.fields(METHODS[method].settings)}
    own = {name: value for name, value in ({"level": 4} | settings).items() if name in known}
    return build_model(ModelConfig(method, trunk, weights, classes, hidden=32, settings=own))


@pytest.mark.parametrize("groups", ["trunk", "conv"])
def test_mc_net_divides_its_channels_among_the_classes(groups):
    output = tiny("mc", groups=groups, channels_per_class=3).eval()(torch.rand(2, 3, 64, 96))
    assert isinstance(output, MCOutput)
    sizes = {"trunk": (102, 102, 102, 103, 103), "conv": (3,) * 5}[groups]
    assert output.group_sizes == sizes
    assert output.features.shape == (2, sum(sizes), 4, 6)
    assert output.features.min() >= 0
    assert output.logits.shape == (2, 5)


@pytest.mark.parametrize(("trunk", "pool"), [("vgg16_bn", 7), ("resnet18", 1), ("resnet50", 1)])
def test_from_scratch_the_last_channels_are_the_groups_at_stride_16(trunk, pool):
    model = tiny("mc", trunk, 4, groups="scratch", channels_per_class=3, head_pool=pool)
    with torch.no_grad():
        output = model.eval()(torch.rand(1, 3, 224, 224))
    assert output.features.shape == (1, 12, 14, 14)
    assert output.group_sizes == (3,) * 4
    assert output.level == 4
    assert output.features.min() >= 0


def test_vgg16_from_scratch_has_the_authors_widths():
    model = tiny("mc", "vgg16_bn", 200, groups="scratch", head_pool=7)
    convs = [m.out_channels for m in model.trunk.modules() if isinstance(m, nn.Conv2d)]
    assert convs == [64, 64, 128, 128, 256, 256, 256, 512, 512, 600, 512, 512, 600]
    assert model.head.hidden.in_features == 29_400


def test_resnet18_from_scratch_has_600_planes():
    model = tiny("mc", "resnet18", 200, groups="scratch")
    assert [m.out_channels for m in model.trunk.level5.modules() if isinstance(m, nn.Conv2d)] == [600] * 5
    assert model.trunk.level5[0].conv1.stride == (1, 1)


def test_the_baseline_is_the_same_trunk_and_head_without_groups():
    output = tiny("baseline").eval()(torch.rand(2, 3, 64, 64))
    assert isinstance(output, BaselineOutput)
    assert output.features.shape == (2, 512, 4, 4)
    mc, baseline = (sum(p.numel() for p in tiny(method).parameters()) for method in ("mc", "baseline"))
    assert mc == baseline


@pytest.mark.parametrize("trunk", ["resnet18", "vgg19_bn", "squeezenet1_1"])
def test_ap_cnn_records_every_waypoint_on_any_trunk(trunk):
    model = tiny("ap", trunk=trunk, pyramid_channels=64).eval()
    with torch.no_grad():
        output = model(torch.rand(2, 3, 96, 128))
    assert isinstance(output, APCNNOutput)
    for stage in (output.stage1, output.stage2):
        for n in range(3):
            h, w = 12 >> n, 16 >> n
            assert stage.backbone[n].shape == (2, model.trunk.channels[n], h, w)
            assert stage.features[n].shape == stage.refined[n].shape == (2, 64, h, w)
            assert stage.spatial_gates[n].shape == (2, 1, h, w)
            assert stage.channel_gates[n].shape == stage.raw_channel_gates[n].shape == (2, 64, 1, 1)
        assert stage.logits.shape == (2, 4, 5)
    assert [level.boxes.shape for level in output.rois] == [(2, 5, 4), (2, 3, 4), (2, 1, 4)]
    assert output.zoomed.shape == output.stage1.backbone.level3.shape
    assert output.drop is None
    assert output.drop_mask is None
    assert output.head_logits.shape == (2, 8, 5)
    torch.testing.assert_close(output.logits, (output.stage1.logits.mean(1) + output.stage2.logits.mean(1)) / 2)


@pytest.fixture(scope="module")
def ap():
    torch.manual_seed(0)
    model = tiny("ap", pyramid_channels=32, roi=to_dict(ROIConfig(anchors=(16.0, 32.0, 48.0)))).eval()
    return model, torch.rand(3, 3, 128, 128)


def test_images_do_not_see_each_other_in_evaluation(ap):
    model, images = ap
    with torch.no_grad():
        together, alone = model(images), model(images[1:2])
    torch.testing.assert_close(together.logits[1:2], alone.logits, atol=1e-5, rtol=1e-5)
    assert together.zoom_boxes[1].equal(alone.zoom_boxes[0])


def test_every_roi_setting_can_be_overridden_per_call(ap):
    model, images = ap
    with torch.no_grad():
        default = model(images)
        other = ROIConfig(anchors=(8.0, 8.0, 8.0), top_k=(2, 1, 1), nms_iou=0.3, border=0.2)
        fewer = model.second_pass(default.stage1, roi=other)
        none = model.second_pass(default.stage1, roi=ROIConfig(threshold=100.0))
    assert fewer.rois.level3.boxes.shape == (3, 2, 4)
    assert not default.zoom_boxes.equal(fewer.zoom_boxes)
    assert none.zoom_boxes.tolist() == [[0, 0, 128, 128]] * 3
    assert model.roi.top_k == (5, 3, 1)


def test_an_explicit_zoom_box_replaces_the_rois(ap):
    model, images = ap
    box = torch.tensor([[16.0, 24.0, 80.0, 88.0]]).repeat(3, 1)
    with torch.no_grad():
        output = model.second_pass(model.first_pass(images), zoom_boxes=box)
    assert output.zoom_cells.tolist() == [[2, 3, 10, 11]] * 3


def test_an_roi_can_be_dropped_in_evaluation(ap):
    model, images = ap
    with torch.no_grad():
        drop = Drop(torch.tensor([3, 0, 4]), torch.tensor([0, 0, 0]))
        output = model.second_pass(model.first_pass(images), drop=drop)
    assert [bool((mask == 0).any()) for mask in output.drop_mask] == [True, False, True]


def test_the_second_pass_from_a_kept_first_equals_the_whole_forward_pass(ap):
    model, images = ap
    with torch.no_grad():
        whole = model(images)
        again = model.second_pass(whole.stage1)
    assert whole.logits.equal(again.logits)


def test_dropblock_draws_follow_the_generator_while_training(ap):
    model, images = ap
    model.train()
    try:
        drops = [model(images.repeat(4, 1, 1, 1), generator=torch.Generator().manual_seed(s)).drop for s in (1, 1, 2)]
    finally:
        model.eval()
    assert drops[0].level.equal(drops[1].level)
    assert not drops[0].level.equal(drops[2].level)


def test_no_gradient_flows_through_the_choice_of_rois(ap):
    model, images = ap
    output = model(images)
    assert not any(level.boxes.requires_grad or level.scores.requires_grad for level in output.rois)
    assert not output.zoom_boxes.requires_grad


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_every_parameter_gets_a_gradient(method):
    model = tiny(method, pyramid_channels=32)
    output = model(torch.rand(4, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    config = Experiment(model=ModelConfig(method))
    build_loss(config.loss, config.model)(output, torch.tensor([0, 1, 2, 3])).total.backward()
    dead = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_a_few_steps_overfit_eight_images(method):
    torch.manual_seed(1)
    model = tiny(method, "resnet18", 4, groups="conv", pyramid_channels=32)
    gentle = {"mc": LossConfig("mc", settings=MCLossSettings(mc_weight=0.1, diversity_weight=0.1))}
    loss = build_loss(gentle.get(method, LossConfig("ce")), ModelConfig(method))
    images, targets = torch.rand(8, 3, 64, 64), torch.arange(8) % 4
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for step in range(20):
        generator = torch.Generator().manual_seed(step)
        terms = loss(model(images, generator=generator), targets, generator=generator)
        optimizer.zero_grad()
        terms.total.backward()
        optimizer.step()
    with torch.no_grad():
        assert model(images, generator=torch.Generator().manual_seed(0)).logits.argmax(1).eq(targets).all()


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_sides_that_are_not_multiples_of_32_are_refused(method):
    with pytest.raises(ValueError, match="multiples of 32, got 240 x 224; resize or pad"):
        tiny(method).eval()(torch.rand(1, 3, 240, 224))
    with pytest.raises(ValueError, match=r"expected images of shape \(B, 3, H, W\), got \(1, 224, 224\)"):
        tiny(method).eval()(torch.rand(1, 224, 224))


def test_a_batch_of_one_cannot_train_ap_cnn():
    with pytest.raises(ValueError, match="need at least two images while training, got one"):
        tiny("ap")(torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "mcl"}, "method must be one of baseline, mc, ap"),
        ({"trunk": "resnet101"}, "trunk must be timm:NAME or one of"),
        ({"groups": "even"}, "groups takes trunk, conv, scratch, got 'even'"),
        ({"classes": 0}, "needs at least one class, got num_classes=0"),
        ({"classes": 600}, "got 512 channels for 600 classes"),
        ({"level": 3}, "level should lie from 4 to 5, got 3"),
        ({"groups": "scratch"}, "training from scratch is defined for vgg16_bn and ResNets"),
        ({"groups": "scratch", "trunk": "resnet50", "classes": 5}, "multiple of 4, got 15; change xi"),
        ({"groups": "conv", "channels_per_class": 64, "classes": 2000}, "at most 65536 channels in all groups"),
        ({"groups": "scratch", "weights": "imagenet", "trunk": "resnet18"}, "weights= must be empty"),
    ],
)
def test_impossible_networks_are_refused_in_a_sentence(settings, message):
    outer = {"method": "mc", "trunk": "squeezenet1_1", "classes": 5, "weights": ""}
    given = outer | {name: value for name, value in settings.items() if name in outer}
    own = {name: value for name, value in settings.items() if name not in outer}
    with pytest.raises(ValueError, match=message):
        build_model(ModelConfig(given["method"], given["trunk"], given["weights"], given["classes"], settings=own))


@torch.no_grad()
def test_softened_gates_start_nearer_one_half_and_nothing_else_changes():
    networks = []
    for gain in (1.0, 0.1):
        torch.manual_seed(0)
        networks.append(tiny("ap", gate_gain=gain))
    plain, soft = (network.state_dict() for network in networks)
    changed = {name for name, value in plain.items() if not torch.equal(value, soft[name])}
    assert changed == {
        f"attention_pyramid.{gate}.{level}.{layer}.weight"
        for gate, layer in (("spatial", "conv"), ("channel", "expand"))
        for level in range(3)
    }
    for name in changed:
        torch.testing.assert_close(soft[name], 0.1 * plain[name])
