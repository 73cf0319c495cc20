"""What a run asks of its machine: device, precision, batches, and seeds that depend on nothing but their numbers."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler

PRECISIONS = ("auto", "bf16", "fp32")
_log = logging.getLogger(__name__)


def pick_device(name: str = "") -> torch.device:
    """The device called `name`, or the machine's accelerator, or its CPU.

    Raises:
        ValueError: a name that torch does not know or a device that is not here.
    """
    here = _accelerators()
    if not name:
        return torch.device(next(iter(here), "cpu"))
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"expected a device such as cpu, cuda:0 or mps, got {name!r}") from None
    if device.type not in ("cpu", "meta") and (device.index or 0) >= here.get(device.type, 0):
        found = ", ".join(f"{count} {kind}" for kind, count in here.items()) or "no accelerator"
        raise ValueError(f"device {name!r} is not here: found {found}; use cpu")
    return device


def _accelerators() -> dict[str, int]:
    """The kinds of accelerators that work here -> how many there are; the first is the one to take."""
    counts = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "xpu": torch.xpu.device_count() if hasattr(torch, "xpu") and torch.xpu.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }
    return {kind: count for kind, count in counts.items() if count}


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


def compiled(network: nn.Module) -> Callable[..., Any]:
    """`network` through `torch.compile`, called like itself; the first failure is logged, and it goes on without."""
    fast: Callable[..., Any] | None = None

    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  (whatever the network takes and gives)
        if fast is not None:
            try:
                return fast(*args, **kwargs)
            except Exception as error:
                give_up(error)
        return network(*args, **kwargs)

    def give_up(error: Exception) -> None:
        nonlocal fast
        fast = None
        _log.warning("compile=true does not work here (%s), so training goes on without it", type(error).__name__)

    try:
        fast = torch.compile(network)
    except Exception as error:
        give_up(error)
    return call


def derive_seed(*parts: int | str) -> int:
    """A seed in [0, 2^63) that depends on `parts` alone; different parts give independent streams."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class TrainBatches(Sampler[list[tuple[int, int]]]):
    """The batches of one epoch as lists of (index, draw), a pure function of seed and epoch.

    The last batch is left out when it is not full, so that batch norm never sees a single image; a set smaller
    than one batch is one batch.

    Attributes:
        epoch: from 0; set it before each pass.
        batch_size: images of a whole batch.
        first: position in the whole batch of this process's first image.
        share: images of each batch that this process takes.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        *,
        rank: int = 0,
        processes: int = 1,
        neighbour: bool = False,
        balance: Sequence[int] = (),
    ) -> None:
        """Divide the batches among processes.

        Args:
            length: images of the set.
            batch_size: of a batch, which all processes share.
            seed: of the run.
            rank: this process.
            processes: that share a batch; its images are dealt out in order and as evenly as possible.
            neighbour: put the image before the share, whose place is `first` - 1, in front of it, where there are
                several processes: mixup needs it.
            balance: the class of each image: an epoch is as long as without, and has every class equally often (give
                or take one), so that images of small classes come several times and some of large ones not at all.
                An image that comes again is seen in another view. (): every image once.

        Raises:
            ValueError: fewer than two images for a process.
        """
        self.length, self.batch_size, self.seed, self.epoch = length, min(batch_size, length), seed, 0
        if self.batch_size < 2:
            raise ValueError(
                f"batch norm needs batches of at least two images, got {length} images in batches of {batch_size}"
            )
        if self.batch_size < 2 * processes:
            raise ValueError(
                f"each of {processes} processes needs at least two images of a batch, got batches of "
                f"{self.batch_size}; enlarge batch_size or start fewer processes"
            )
        self.first, end = (self.batch_size * number // processes for number in (rank, rank + 1))
        self.share = end - self.first
        self._ahead = int(neighbour and processes > 1)
        self._classes: dict[int, list[int]] = {}
        for index, target in enumerate(balance):
            self._classes.setdefault(target, []).append(index)

    def __len__(self) -> int:
        return self.length // self.batch_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        shuffle = torch.Generator().manual_seed(derive_seed("order", self.seed, self.epoch))
        times = self._balanced(shuffle) if self._classes else [(index, 0) for index in range(self.length)]
        again = {time: () if not time else (time,) for _, time in times}
        draws = {time: derive_seed("augmentation", self.seed, self.epoch, *more) for time, more in again.items()}
        order = [times[place] for place in torch.randperm(self.length, generator=shuffle).tolist()]
        places = range(self.first - self._ahead, self.first + self.share)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            batch = order[start : start + self.batch_size]
            yield [(batch[place][0], draws[batch[place][1]]) for place in places]  # place -1 is the last of the batch

    def _balanced(self, shuffle: torch.Generator) -> list[tuple[int, int]]:
        """An epoch's images, each with how often it came before; every class equally often."""
        classes = list(self._classes.values())
        wanted = [len(range(rank, self.length, len(classes))) for rank in range(len(classes))]  # sums up to length
        luck = torch.randperm(len(classes), generator=shuffle).tolist()
        chosen = []
        for images, rank in zip(classes, luck, strict=True):
            mixed = torch.randperm(len(images), generator=shuffle).tolist()
            chosen += [(images[mixed[n % len(images)]], n // len(images)) for n in range(wanted[rank])]
        return chosen


class EvaluationBatches(Sampler[list[tuple[int, int]]]):
    """Every index exactly once and in order; the last batch may be smaller.

    Of several processes each takes every so many-th batch: together they see the batches that one process sees.
    """

    def __init__(self, length: int, batch_size: int, *, rank: int = 0, processes: int = 1) -> None:
        self.length, self.batch_size = length, batch_size
        self._starts = range(rank * batch_size, length, processes * batch_size)

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for start in self._starts:
            yield [(index, 0) for index in range(start, min(start + self.batch_size, self.length))]


def loader(images: Dataset, batches: Sampler, device: torch.device, workers: int = -1) -> DataLoader:
    """Loads `batches` of `images`.

    Args:
        images: maps (index, draw) to (image, target).
        batches: yields lists of (index, draw).
        device: where the batches will go.
        workers: processes; -1: none beside a model that runs on the CPU, else one per core up to 16, the cores
            being shared by all processes that torchrun started on this machine.
    """
    if workers < 0:
        cores = (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        workers = min(16, max(1, cores)) if device.type == "cuda" else 0
    return DataLoader(
        images,
        batch_sampler=batches,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )
