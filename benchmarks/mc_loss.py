"""MC-Loss against a literal reference, and as a share of a training step."""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks import literal, timing
from fgcore.config import LossConfig, ModelConfig
from fgcore.machine import runtime
from fgcore.methods import build_loss, build_model
from fgcore.methods.mc.losses import channel_mask, discriminality, diversity, group_sizes
from fgcore.methods.mc.settings import MCSettings

CLASSES, BATCH = 200, 32


def measure(device: torch.device, repeats: int) -> list[dict]:
    """All rows of this part."""
    rows = [_against_literal(channels, device, repeats) for channels in (600, 2048)]
    precisions = ["fp32", *(["bf16"] if runtime.has_bf16(device) else [])]
    return rows + [_share_of_a_step(precision, device, max(3, repeats // 2)) for precision in precisions]


def _forward_backward(loss: Callable[[Tensor], Tensor], features: Tensor) -> Callable[[], None]:
    def run() -> None:
        features.grad = None
        loss(features).backward()

    return run


def _against_literal(channels: int, device: torch.device, repeats: int) -> dict:
    features = torch.rand(BATCH, channels, 14, 14, device=device).requires_grad_()
    targets = torch.randint(CLASSES, (BATCH,), device=device)
    sizes = group_sizes(channels, CLASSES)

    def ours(values: Tensor) -> Tensor:
        mask = channel_mask(sizes, device=device)
        return discriminality(values, targets, sizes, mask) - diversity(values, sizes)

    cases = {
        "literal": _forward_backward(lambda values: literal.mc_loss(values, targets, sizes), features),
        "ours": _forward_backward(ours, features),
    }
    seconds = timing.take_turns(cases, repeats=repeats, device=device)
    return {
        "what": f"MC-Loss forward + backward, [{BATCH}, {channels}, 14, 14], {CLASSES} classes, fp32",
        "ratio": timing.ratio(seconds, "literal", "ours"),
        "meaning": "literal / ours",
        "milliseconds": timing.milliseconds(seconds),
    }


def _share_of_a_step(precision: str, device: torch.device, repeats: int) -> dict:
    """The authors' ResNet-18 from scratch, 224 pixels: a step with MC-Loss, and MC-Loss alone on the same features."""
    own = MCSettings(groups="scratch", channels_per_class=3)
    config = ModelConfig("mc", "resnet18", num_classes=CLASSES, settings=own)
    model = runtime.place(build_model(config), device)
    loss = build_loss(LossConfig("mc"), ModelConfig("mc"))
    images = torch.rand(BATCH, 3, 224, 224, device=device).contiguous(memory_format=torch.channels_last)
    targets = torch.randint(CLASSES, (BATCH,), device=device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

    def step() -> None:
        with runtime.autocast(precision, device):
            output = model(images)
        optimizer.zero_grad(set_to_none=True)
        loss(output, targets).total.backward()
        optimizer.step()

    with runtime.autocast(precision, device), torch.no_grad():
        output = model(images)

    def alone(features: Tensor) -> Tensor:
        terms = loss(dataclasses.replace(output, features=features), targets)
        return terms.total

    features = output.features.detach().requires_grad_()
    seconds = timing.take_turns(
        {"step": step, "loss": _forward_backward(alone, features)}, repeats=repeats, device=device
    )
    return {
        "what": f"MC-Loss's share of a ResNet-18 training step, batch {BATCH}, 224 px, {precision}",
        "ratio": timing.ratio(seconds, "loss", "step"),
        "meaning": "loss / whole step",
        "target": "below 0.03",
        "milliseconds": timing.milliseconds(seconds),
    }
