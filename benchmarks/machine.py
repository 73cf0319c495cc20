"""How near the machine's own peak a training step comes, and what the typed trace costs in memory."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import timing
from fgcore.config import LossConfig, ModelConfig
from fgcore.machine import runtime
from fgcore.methods import build_loss, build_model
from fgcore.methods.ap.output import APCNNOutput

CLASSES = 200


def measure(device: torch.device, repeats: int, *, batch: int = 4) -> list[dict]:
    """All rows of this part."""
    precisions = ["fp32", *(["bf16"] if runtime.has_bf16(device) else [])]
    rows = [_utilisation(precision, batch, device, max(3, repeats // 3)) for precision in precisions]
    rows.append(_memory(batch, device))
    return [*rows, _synchronisations(batch, device)] if device.type == "cuda" else rows


def _step(precision: str, batch: int, device: torch.device) -> Callable[[], APCNNOutput]:
    model = runtime.place(build_model(ModelConfig("ap", "resnet50", num_classes=CLASSES)), device)
    images = torch.rand(batch, 3, 448, 448, device=device).contiguous(memory_format=torch.channels_last)
    targets = torch.randint(CLASSES, (batch,), device=device)
    generator = torch.Generator(device).manual_seed(0)
    loss = build_loss(LossConfig("ce"), ModelConfig("ap"))

    def step() -> APCNNOutput:
        with runtime.autocast(precision, device):
            output = model(images, generator=generator)
        loss(output, targets).total.backward()
        model.zero_grad(set_to_none=True)
        return output

    return step


def _utilisation(precision: str, batch: int, device: torch.device, repeats: int) -> dict:
    """Achieved FLOP/s of a step over those of a product of two square matrices in the same precision."""
    size = 8192 if device.type == "cuda" else 2048
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.rand(size, size, device=device, dtype=dtype) for _ in range(2))
    step = _step(precision, batch, device)
    with FlopCounterMode(display=False) as counter:
        step()
    work = {"step": counter.get_total_flops(), "matrix product": 2 * size**3}
    seconds = timing.take_turns({"step": step, "matrix product": lambda: left @ right}, repeats=repeats, device=device)
    rates = {name: [work[name] / value for value in values] for name, values in seconds.items()}
    return {
        "what": f"AP-CNN training step, resnet50, 448 px, batch {batch}, {precision}: achieved FLOP/s",
        "ratio": timing.ratio(rates, "step", "matrix product"),
        "meaning": f"FLOP/s of the step / of a {size} x {size} matrix product",
        "milliseconds": timing.milliseconds(seconds),
    }


def _memory(batch: int, device: torch.device) -> dict:
    """Peak memory of a step, the trace held until the step is over or only its logits."""
    peaks = {name: _peak_in_a_process(name == "trace", batch, device) for name in ("trace", "logits")}
    return {
        "what": f"Peak memory of an AP-CNN training step, resnet50, 448 px, batch {batch}, fp32",
        "ratio": dict.fromkeys(("median", "lowest", "highest"), peaks["trace"] / peaks["logits"]),
        "meaning": "with the typed trace held / with the logits alone",
        "mebibytes": {name: round(value / 2**20, 1) for name, value in peaks.items()},
    }


def _peak_in_a_process(hold: bool, batch: int, device: torch.device) -> int:
    """Bytes; in a fresh process, since a process never gives its peak back."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (hold, batch, str(device)))


def _peak(hold: bool, batch: int, device: str) -> int:
    model = runtime.place(build_model(ModelConfig("ap", "resnet50", num_classes=CLASSES)), torch.device(device))
    images = torch.rand(batch, 3, 448, 448, device=device).contiguous(memory_format=torch.channels_last)
    targets = torch.randint(CLASSES, (batch,), device=device)
    loss = build_loss(LossConfig("ce"), ModelConfig("ap"))

    def terms() -> tuple[Tensor, object]:
        output = model(images)
        return loss(output, targets).total, output if hold else output.logits

    for _ in range(2):
        total, held = terms()
        total.backward()
        del held
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    # not getrusage: a process inherits its parent's ru_maxrss
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(status["VmHWM"].split()[0])


def _synchronisations(batch: int, device: torch.device) -> dict:
    """Calls in forward and backward that make the host wait for the GPU; any is an error here."""
    step = _step("bf16", batch, device)
    step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return {
        "what": "Synchronising calls in an AP-CNN step",
        "count": 0,
        "meaning": "set_sync_debug_mode('error') passed",
    }
