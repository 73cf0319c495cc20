"""Ratios within one run: the cases take turns, so that a busy machine slows all of them alike."""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from fgcore.machine import provenance, runtime


def take_turns(
    cases: Mapping[str, Callable[[], object]],
    *,
    repeats: int,
    device: torch.device,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each case, `repeats` times; every round runs all cases once, each round in another order.

    Args:
        cases: name -> what to run.
        repeats: rounds that count.
        device: waited for before a clock is read.
        warm_up: rounds that do not count.
        clock: seconds; `time.process_time` counts the processor's time alone, on a machine that others use as well.
    """
    names = list(cases)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(warm_up + repeats):
        start = round_ % len(names)
        for name in names[start:] + names[:start]:
            wait_for(device)
            began = clock()
            cases[name]()
            wait_for(device)
            if round_ >= warm_up:
                seconds[name].append(clock() - began)
    return seconds


def wait_for(device: torch.device) -> None:
    """Until everything asked of a GPU is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def ratio(seconds: Mapping[str, list[float]], slow: str, fast: str) -> dict[str, float]:
    """How many times as long `slow` takes as `fast`: median, lowest and highest of the rounds' own ratios."""
    ratios = [a / b for a, b in zip(seconds[slow], seconds[fast], strict=True)]
    return {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}


def milliseconds(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """Medians, for orientation: on a shared machine they are no evidence."""
    return {name: round(1000 * statistics.median(values), 2) for name, values in seconds.items()}


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "device": provenance.device_name(device),
        "threads": torch.get_num_threads(),
        "load average at the end": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
        "bf16": runtime.has_bf16(device),
        "commit": provenance.commit(),
    }
