import copy

import pytest
import torch
from torch import nn

from fgcore.config import ModelConfig
from fgcore.methods import build_model
from fgcore.methods.ap.settings import APSettings
from fgcore.training.sync_norm import SyncNorm, synchronised


@pytest.mark.parametrize(("norm", "shape"), [(nn.BatchNorm2d, (4, 3, 5, 6)), (nn.BatchNorm1d, (4, 3))])
def test_one_process_gets_ordinary_batch_norm_forward_backward_and_running(norm, shape):
    torch.manual_seed(0)
    ordinary = norm(3, momentum=0.3).double()
    nn.init.normal_(ordinary.weight)
    nn.init.normal_(ordinary.bias)
    ours = synchronised(nn.Sequential(copy.deepcopy(ordinary)))[0]
    assert isinstance(ours, SyncNorm)
    values, upstream = torch.randn(2, *shape, dtype=torch.float64) + 100
    results = []
    for layer in (ordinary, ours):
        inputs = values.clone().requires_grad_()
        output = layer(inputs)
        output.backward(upstream)
        results.append([output, inputs.grad, layer.weight.grad, layer.bias.grad, *layer.state_dict().values()])
        layer.eval()
        results[-1].append(layer(values))
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_its_gradient_is_that_of_finite_differences():
    norm = SyncNorm(2).double()
    values = torch.randn(3, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm, values)


def test_half_precision_comes_out_as_it_went_in_from_float32_statistics():
    values = torch.randn(8, 2, 4, 4).bfloat16() + 64  # at 64 bfloat16 has steps of a half
    output = SyncNorm(2)(values)
    assert output.dtype == torch.bfloat16
    assert output.float().mean().abs() < 0.01


def test_all_norms_of_a_network_are_replaced_and_its_state_keeps_names_and_tensors():
    own = APSettings(pyramid_channels=32)
    model = build_model(ModelConfig("ap", "resnet18", num_classes=3, hidden=16, settings=own))
    before = model.state_dict(keep_vars=True)
    after = synchronised(model).state_dict(keep_vars=True)
    assert list(after) == list(before)
    assert all(after[name] is before[name] for name in before)
    kinds = {type(module) for module in model.modules()}
    assert SyncNorm in kinds
    assert not kinds & {nn.BatchNorm1d, nn.BatchNorm2d}
    assert model.heads["concat"].norm.training
    assert model.feature_pyramid.context5.local_norm.momentum == 0.01
