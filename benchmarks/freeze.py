"""What freezing parts of the default trunk saves: training steps, in time of the processor."""

import itertools
import time
from collections.abc import Callable

import torch
from torch import nn

from benchmarks import timing
from fgcore.config import LossConfig, ModelConfig, OptimConfig
from fgcore.machine import runtime
from fgcore.methods import build_loss, build_model
from fgcore.training import optim, step
from fgcore.trunks import DEFAULT

CLASSES, SIDE = 50, 224
CASES = [*itertools.product(("nothing", "stem", "trunk"), (False, True))]


def measure(device: torch.device, repeats: int, *, batch: int = 16, trunk: str = DEFAULT) -> list[dict]:
    """All rows of this part."""
    precisions = ["fp32", *(["bf16"] if runtime.has_bf16(device) else [])]
    return [
        row
        for method in ("baseline", "ap")
        for precision in precisions
        for row in _rows(method, trunk, precision, batch, device, max(3, repeats // 3))
    ]


def _rows(method: str, trunk: str, precision: str, batch: int, device: torch.device, repeats: int) -> list[dict]:
    cases = {_name(part, norm): _step(method, trunk, part, norm, precision, batch, device) for part, norm in CASES}
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    seconds = timing.take_turns(cases, repeats=repeats, device=device, clock=clock)
    each = {name: round(value / batch, 2) for name, value in timing.milliseconds(seconds).items()}
    before = _name("nothing", False)
    return [
        {
            "what": f"Training step, {method}, {trunk}, {SIDE} px, batch {batch}, {precision}: {name}",
            "ratio": timing.ratio(seconds, before, name),
            "meaning": "nothing frozen / this",
            "milliseconds an image": {before: each[before], name: each[name]},
        }
        for name in cases
        if name != before
    ]


def _name(part: str, norm: bool) -> str:
    return f"frozen {part}" + (" and batch norms" if norm else "")


def _step(
    method: str, trunk: str, part: str, norm: bool, precision: str, batch: int, device: torch.device
) -> Callable[[], None]:
    config = ModelConfig(method, trunk, num_classes=CLASSES, freeze=part, freeze_norm=norm)
    model: nn.Module = runtime.place(build_model(config), device).train()
    loss = build_loss(LossConfig("ce"), config)
    optimizer = optim.build_optimizer(model, OptimConfig(lr=1e-4, trunk_lr=1e-4))
    images = torch.rand(batch, 3, SIDE, SIDE, device=device).contiguous(memory_format=torch.channels_last)
    targets = torch.randint(CLASSES, (batch,), device=device)
    generator = torch.Generator(device).manual_seed(0)

    def run() -> None:
        terms, _ = step.forward(model, loss, images, targets, generator=generator, precision=precision, device=device)
        optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        optimizer.step()

    return run
