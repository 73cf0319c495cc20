"""What every trunk promises: three levels, parts that share weights, and gradients through what is frozen."""

import copy
import dataclasses

import pytest
import torch

from fgcore.config import ModelConfig
from fgcore.methods import build_model
from fgcore.trunks import DEFAULT, TRUNKS, build_trunk, check_input, facts, names, normalisation
from small_models import small

CHANNELS = {
    "resnet18": (128, 256, 512),
    "resnet34": (128, 256, 512),
    "resnet50": (512, 1024, 2048),
    "vgg16_bn": (256, 512, 512),
    "vgg19_bn": (256, 512, 512),
    "squeezenet1_1": (256, 512, 512),
}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture
def trunk():
    torch.manual_seed(0)
    return build_trunk("resnet18")


@pytest.fixture
def images():
    return torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def copied_state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def changed(before, module):
    return {name for name, value in module.state_dict().items() if not value.equal(before[name])}


@pytest.mark.parametrize("name", CHANNELS)
@torch.no_grad()
def test_every_torchvision_trunk_has_levels_at_strides_8_16_and_32(name):
    trunk = build_trunk(name).eval()
    assert trunk.channels == CHANNELS[name]
    assert not trunk.signed
    assert trunk.splits
    for height, width in ((64, 96), (32, 32)):
        for level, features in zip((3, 4, 5), trunk(torch.rand(1, 3, height, width)), strict=True):
            assert features.shape == (1, CHANNELS[name][level - 3], height // 2**level, width // 2**level)
            assert features.min() >= 0


def test_the_names_that_a_picker_offers_are_torchvisions_and_some_of_timms_with_the_default_among_them():
    assert set(TRUNKS) == set(CHANNELS)
    assert set(TRUNKS) < set(names())
    assert DEFAULT in names()
    assert all(name in TRUNKS or name.startswith("timm:") for name in names())


def test_the_deepest_level_with_weights_of_its_own_is_5_except_where_level_5_only_pools():
    assert {name: build_trunk(name).last_level for name in ("resnet18", "squeezenet1_1")} == {
        "resnet18": 5,
        "squeezenet1_1": 4,
    }
    assert not list(build_trunk("squeezenet1_1").level5.parameters())


def test_the_levels_above_the_stem_are_the_same_from_a_kept_level_3(trunk, images):
    trunk.eval()
    with torch.no_grad():
        whole = trunk(images)
        again = trunk.above_stem(trunk.level3(images))
    assert all(a.equal(b) for a, b in zip(whole, again, strict=True))


@pytest.mark.parametrize("level", [4, 5])
def test_a_trunk_up_to_a_level_shares_the_weights_under_their_names(trunk, images, level):
    part = trunk.eval().up_to(level).eval()
    own = dict(trunk.named_parameters())
    assert all(own[name] is parameter for name, parameter in part.named_parameters())
    assert {name.split(".")[0] for name in part.state_dict()} == {"stem", "level4", "level5"} - (
        {"level5"} if level == 4 else set()
    )
    with torch.no_grad():
        assert part(images).equal(trunk(images)[level - 3])


def test_features_are_not_read_at_level_3(trunk):
    with pytest.raises(ValueError, match=r"level 4 \(stride 16\) or 5 \(stride 32\), got 3"):
        trunk.up_to(3)


@pytest.mark.parametrize(
    ("shape", "size", "message"),
    [
        ((3, 64, 64), 0, r"expected images of shape \(B, 3, H, W\), got \(3, 64, 64\)"),
        ((1, 1, 64, 64), 0, r"expected images of shape \(B, 3, H, W\), got \(1, 1, 64, 64\)"),
        ((1, 3, 64, 72), 0, "multiples of 32, got 64 x 72; resize or pad"),
        ((1, 3, 0, 64), 0, "multiples of 32, got 0 x 64"),
        ((1, 3, 64, 64), 224, "takes 224 x 224 pixels only, got 64 x 64; set data.crop=224"),
    ],
)
def test_inputs_that_a_trunk_cannot_take_are_refused_in_a_sentence(shape, size, message):
    with pytest.raises(ValueError, match=message):
        check_input(torch.zeros(shape), size)


def test_what_is_known_of_a_torchvision_trunk_needs_no_weights():
    known = facts("resnet18", "")
    assert (known.normalise, known.size) == (IMAGENET, 0)
    assert normalisation("squeezenet1_1") == IMAGENET
    with pytest.raises(ValueError, match=r"trunk must be timm:NAME or one of resnet18, .*, got 'resnet999'"):
        facts("resnet999", "")


@torch.no_grad()
def test_frozen_batch_norms_make_training_mode_compute_what_evaluation_mode_does(trunk, images):
    free = copy.deepcopy(trunk)
    trunk.freeze("nothing", norm=True)
    expected, frozen = trunk.eval()(images), trunk.train()(images)
    assert all(a.equal(b) for a, b in zip(frozen, expected, strict=True))
    assert not any(a.allclose(b) for a, b in zip(free.train()(images), expected, strict=True))


@pytest.mark.parametrize("mode", [False, True])
def test_gradients_reach_images_through_a_frozen_trunk(trunk, images, mode):
    reference = copy.deepcopy(trunk).eval()
    trunk.freeze("trunk", norm=True)
    trunk.train(mode)
    gradients = []
    for network in (trunk, reference):
        inputs = images.clone().requires_grad_()
        gradients += torch.autograd.grad(network(inputs).level5.square().sum(), inputs)
    assert gradients[0].abs().sum() > 0
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("mode", [False, True])
def test_gradients_reach_level_3_through_frozen_levels_4_and_5(trunk, mode):
    trunk.freeze("trunk", norm=False)
    trunk.train(mode)
    level3 = torch.rand(2, 128, 8, 8, requires_grad=True)
    trunk.above_stem(level3).level5.square().sum().backward()
    assert level3.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in trunk.parameters())


@pytest.mark.parametrize("part", ["stem", "trunk"])
def test_a_map_of_a_class_can_be_made_on_a_frozen_trunk(part, images):
    model = build_model(ModelConfig("baseline", "resnet18", num_classes=5, hidden=16, freeze=part)).eval()
    output = model(images.clone().requires_grad_())
    (gradient,) = torch.autograd.grad(output.logits[:, 2].sum(), output.features)
    assert gradient.shape == output.features.shape
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_a_step_of_every_method_leaves_a_frozen_trunk_bit_for_bit_and_trains_the_rest(method, images):
    model = build_model(dataclasses.replace(small(method, 4), freeze="trunk", freeze_norm=True)).train()
    before = copied_state(model)
    output = model(images, generator=torch.Generator().manual_seed(0))
    output.logits.square().sum().backward()
    torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1).step()
    moved = changed(before, model)
    assert moved
    assert not any(name.startswith("trunk.") for name in moved)
    assert all(p.grad is None for p in model.trunk.parameters())


@pytest.mark.parametrize("trunk", ["vgg16_bn", "resnet18"])
def test_what_is_trained_from_scratch_is_not_frozen(trunk):
    config = ModelConfig("mc", trunk, num_classes=4, freeze="trunk", settings={"groups": "scratch"})
    with pytest.raises(ValueError, match="trained from scratch has nothing to freeze; use freeze=nothing"):
        build_model(config)
