import dataclasses

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode

from fgcore.config import LossConfig, ModelConfig, OptimConfig
from fgcore.methods import METHODS, build_loss, build_model
from fgcore.training import optim
from fgcore.trunks import build_trunk

LITE = "timm:tf_efficientnet_lite0"


def network(method, trunk="resnet18", part="nothing", norm=False, **settings):
    known = {field.name for field in dataclasses.fields(METHODS[method].settings)}
    own = {name: value for name, value in ({"pyramid_channels": 16} | settings).items() if name in known}
    torch.manual_seed(0)
    return build_model(ModelConfig(method, trunk, "", 4, 16, part, norm, own))


def images(count=4, side=64, seed=0):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def backward(model, batch):
    """Gradients after one training step's forward and backward pass, by name; what has none is left out."""
    generator = torch.Generator().manual_seed(0)
    output = model(batch, generator=generator)
    build_loss(LossConfig("ce"), ModelConfig("baseline", num_classes=4))(
        output, torch.arange(len(batch)) % 4
    ).total.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def names_below(model, *prefixes):
    return {name for name, _ in model.named_parameters() if name.startswith(prefixes)}


@pytest.mark.parametrize("trunk", ["resnet18", "squeezenet1_1", LITE])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("part", "prefixes"), [("stem", ("trunk.stem.",)), ("trunk", ("trunk.",))])
def test_frozen_parts_get_no_gradient_and_all_others_do(method, trunk, part, prefixes):
    model = network(method, trunk, part, groups="conv").train()
    frozen = names_below(model, *prefixes)
    assert frozen
    found = backward(model, images())
    assert found.keys() == dict(model.named_parameters()).keys() - frozen
    assert all(p.requires_grad == (name not in frozen) for name, p in model.named_parameters())


@pytest.mark.parametrize("method", ["baseline", "ap"])
@pytest.mark.parametrize("part", ["stem", "trunk"])
def test_gradients_of_what_trains_are_those_of_a_network_whose_frozen_part_is_in_evaluation_mode(method, part):
    """AP-CNN's second pass goes through the frozen levels 4 and 5 as well."""
    frozen, plain = network(method, part=part).train(), network(method).train()
    (plain.trunk.stem if part == "stem" else plain.trunk).eval()
    got, expected = backward(frozen, images()), backward(plain, images())
    assert got.keys() < expected.keys()
    for name, gradient in got.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-7, msg=name)


@pytest.mark.parametrize("part", ["nothing", "stem", "trunk"])
def test_batch_norms_of_frozen_parts_keep_their_statistics_while_others_move(part):
    model = network("baseline", part=part)
    before = {name: value.clone() for name, value in model.state_dict().items() if "running_mean" in name}
    model.train()(images())
    moved = {name for name, value in before.items() if not value.equal(model.state_dict()[name])}
    kept = {"nothing": (), "stem": ("trunk.stem.",), "trunk": ("trunk.",)}[part]
    assert moved == {name for name in before if not name.startswith(kept)} if kept else moved == before.keys()


@pytest.mark.parametrize("trunk", ["resnet18", LITE])
def test_frozen_norms_keep_everything_and_the_convolutions_train(trunk):
    model = network("baseline", trunk, norm=True)
    norms = {f"trunk.{name}" for name, module in model.trunk.named_modules() if isinstance(module, _BatchNorm)}
    before = {name: value.clone() for name, value in model.state_dict().items() if name.rpartition(".")[0] in norms}
    found = backward(model.train(), images())
    assert all(value.equal(model.state_dict()[name]) for name, value in before.items())
    assert {name for name in names_below(model, "trunk.") if name not in found} == before.keys() & dict(
        model.named_parameters()
    ).keys()
    assert any(name.startswith("trunk.stem.") for name in found)
    assert model.head.training


def test_training_and_evaluation_mode_come_and_go_and_frozen_parts_stay():
    trunk = build_trunk("resnet18")
    trunk.freeze("stem", False)
    for mode in (True, False, True):
        trunk.train(mode)
        assert (trunk.training, trunk.stem.training, trunk.level4.training) == (mode, False, mode)


def test_a_part_of_a_trunk_freezes_like_the_trunk():
    trunk = build_trunk("resnet18")
    part = trunk.up_to(4)
    part.freeze("stem", False)
    part.train()
    assert not any(p.requires_grad for p in trunk.stem.parameters())
    assert not part.stem.training
    assert part.level4.training
    assert part(images()).requires_grad


def test_a_frozen_stem_keeps_no_graph_while_training_but_maps_reach_the_image_in_evaluation():
    trunk = build_trunk("resnet18")
    trunk.freeze("stem", False)
    assert not trunk.train().level3(images()).requires_grad
    assert trunk(images()).level4.requires_grad
    trunk.freeze("trunk", False)
    assert not any(level.requires_grad for level in trunk(images()))
    shown = images().requires_grad_(True)
    trunk.eval()(shown).level5.sum().backward()
    assert shown.grad.abs().sum() > 0


def operations(run):
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def saved_by_freezing(method, part):
    """Operations of a training step on four images, without and with a frozen part: the difference."""
    whole, less = (network(method, part=frozen).train() for frozen in ("nothing", part))
    return operations(lambda: backward(whole, images())) - operations(lambda: backward(less, images()))


@torch.no_grad()
def forward_operations(part):
    trunk = build_trunk("resnet18").eval()
    return operations(lambda: (trunk.level3 if part == "stem" else trunk)(images()))


# Of ResNet-18 and four images of 64 pixels. A trained layer costs its forward pass twice again, but the first one needs
# no gradient of the images; a trained stem also asks for level 3's gradient, from the first convolutions of level 4.
FIRST_LAYER = 2 * 4 * (32 * 32) * (64 * 3 * 7 * 7)
LEVEL3_GRADIENT = 2 * 4 * (4 * 4) * (256 * 128 * 3 * 3 + 256 * 128)


def test_a_frozen_part_costs_no_more_than_its_forward_pass():
    assert saved_by_freezing("baseline", "trunk") == 2 * forward_operations("trunk") - FIRST_LAYER
    stem = 2 * forward_operations("stem") - FIRST_LAYER
    assert saved_by_freezing("baseline", "stem") == stem + LEVEL3_GRADIENT


def test_a_frozen_stem_saves_ap_cnn_the_gradient_of_level_3_in_both_passes():
    zoom = 2 * 2 * 4 * 128 * 8 * (8 * 8)  # two matrix products
    lateral = 2 * 4 * (8 * 8) * (128 * 16)
    stem = 2 * forward_operations("stem") - FIRST_LAYER
    assert saved_by_freezing("ap", "stem") == stem + 2 * (LEVEL3_GRADIENT + lateral) + zoom


def test_an_optimiser_over_a_frozen_trunk_has_the_new_layers_alone():
    optimizer = optim.build_optimizer(network("baseline", part="trunk"), OptimConfig())
    assert [group["name"] for group in optimizer.param_groups] == ["new"]


def test_what_cannot_be_frozen_is_refused_in_a_sentence():
    trunk = build_trunk("resnet18")
    with pytest.raises(ValueError, match="freeze takes nothing, stem, trunk, got 'head'"):
        trunk.freeze("head", False)
    with pytest.raises(ValueError, match="trained from scratch has nothing to freeze"):
        network("mc", "vgg16_bn", "stem", groups="scratch")
    with pytest.raises(ValueError, match="cannot be split at level 3, so it has no stem to freeze; use freeze=trunk"):
        network("baseline", "timm:xception41", "stem")
