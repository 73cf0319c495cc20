"""What a run asks of its machine: device, precision, batches, and seeds that depend on nothing but their numbers."""

import hashlib
import os
from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler

PRECISIONS = ("auto", "bf16", "fp32")


def pick_device(name: str = "") -> torch.device:
    """The device called `name`, or the machine's accelerator, or its CPU.

    Raises:
        ValueError: a name that torch does not know or a device that is not here.
    """
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"expected a device such as cpu or cuda:0, got {name!r}") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device {name!r} is not here: found {torch.cuda.device_count()} CUDA devices; use cpu")
    return device


def has_bf16(device: torch.device) -> bool:
    """Whether `device` computes in bfloat16 natively, so that autocast makes it faster."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def pick_precision(name: str, device: torch.device) -> str:
    """The setting "auto", "bf16" or "fp32" as the "bf16" or "fp32" that will be used on `device`.

    Raises:
        ValueError: another setting.
    """
    if name not in PRECISIONS:
        raise ValueError(f"precision takes {', '.join(PRECISIONS)}, got {name!r}")
    if name == "auto":
        return "bf16" if has_bf16(device) else "fp32"
    return name


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """A context that computes in bfloat16 where that is safe, or one that changes nothing for "fp32"."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """The model on `device`, in the memory layout in which convolutions run fastest."""
    return model.to(device=device, memory_format=torch.channels_last)


def derive_seed(*parts: int | str) -> int:
    """A seed in [0, 2^63) that depends on `parts` alone; different parts give independent streams."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class TrainBatches(Sampler[list[tuple[int, int]]]):
    """The batches of one epoch as lists of (index, draw), a pure function of seed and epoch.

    The last batch is left out when it is not full, so that batch norm never sees a single picture; a set smaller
    than one batch is one batch.

    Raises:
        ValueError: fewer than two pictures.
    """

    def __init__(self, length: int, batch_size: int, seed: int) -> None:
        if min(length, batch_size) < 2:
            raise ValueError(
                f"batch norm needs batches of at least two pictures, got {length} pictures in batches of {batch_size}"
            )
        self.length, self.batch_size, self.seed, self.epoch = length, min(batch_size, length), seed, 0

    def __len__(self) -> int:
        return self.length // self.batch_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        draw = derive_seed("augmentation", self.seed, self.epoch)
        shuffle = torch.Generator().manual_seed(derive_seed("order", self.seed, self.epoch))
        order = torch.randperm(self.length, generator=shuffle).tolist()
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield [(index, draw) for index in order[start : start + self.batch_size]]


class EvaluationBatches(Sampler[list[tuple[int, int]]]):
    """Every index exactly once and in order; the last batch may be smaller."""

    def __init__(self, length: int, batch_size: int) -> None:
        self.length, self.batch_size = length, batch_size

    def __len__(self) -> int:
        return -(-self.length // self.batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for start in range(0, self.length, self.batch_size):
            yield [(index, 0) for index in range(start, min(start + self.batch_size, self.length))]


def loader(images: Dataset, batches: Sampler, device: torch.device, workers: int = -1) -> DataLoader:
    """Loads `batches` of `images`.

    Args:
        images: maps (index, draw) to (picture, target).
        batches: yields lists of (index, draw).
        device: where the batches will go.
        workers: processes; -1: none beside a model that runs on the CPU, else one per core up to 16.
    """
    if workers < 0:
        workers = min(16, os.cpu_count() or 1) if device.type == "cuda" else 0
    return DataLoader(
        images,
        batch_sampler=batches,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )
