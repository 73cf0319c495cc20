"""Several processes that train one model: torchrun's world, and what only its main process does.

`torchrun --nproc-per-node N -m fgcore train PRESET`, on one node or many, gives what one process gives, up to
rounding, with `batch_size` still that of the whole batch:

| what | how it is shared |
|---|---|
| a batch | each process takes consecutive images of the same global order; loss terms are weighted by share |
| augmentation | drawn from (seed, epoch, index of the image) |
| CWA mask | one for the whole batch, the same everywhere, as in one process; `mask_per_image`: each image has its own |
| dropblock | drawn per image, from its position in the whole batch (see `fgcore.methods.draws`) |
| batch norm | over the whole batch (`sync_batch_norm`; see `fgcore.training.sync_norm`) |
| evaluation | every batch of the test images by one process, hits summed |
| files, messages | the main process, rank 0, alone |

Every function works without torchrun too, as the only process of its world. `rank` and `size` follow whatever process
group is initialised, so a program with its own launcher can call `fgcore.training.loop.train` as it is.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from fgcore.machine import runtime

T = TypeVar("T")


class Stopped(RuntimeError):
    """Another process of the run ended with an error, and tells it."""


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """How many processes share the run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_main() -> bool:
    """Whether this is the process that writes files and messages."""
    return rank() == 0


def is_launched() -> bool:
    """Whether torchrun started this process."""
    return dist.is_available() and dist.is_torchelastic_launched()


def launcher() -> list[str]:
    """The first words of a command line that starts as many processes: "python", or "torchrun" and its options."""
    if not is_launched():
        return ["python"]
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    nodes = int(os.environ["WORLD_SIZE"]) // here
    return ["torchrun", *(["--nnodes", str(nodes)] if nodes > 1 else []), "--nproc-per-node", str(here)]


def pick_device(name: str = "") -> torch.device:
    """This process's device: as `runtime.pick_device`, with one CUDA device for each process that torchrun started.

    Raises:
        ValueError: a device that is not here, or a numbered one under torchrun.
    """
    if not is_launched():
        return runtime.pick_device(name)
    if ":" in name:
        raise ValueError(f"under torchrun each process takes its own device: expected cpu or cuda, got {name!r}")
    if runtime.pick_device(name).type == "cuda":
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    return runtime.pick_device(name)


@contextlib.contextmanager
def joined(device: str = "") -> Iterator[None]:
    """Within this block the processes that torchrun started know of each other: nccl on CUDA, gloo on the CPU.

    Without torchrun, or where a process group exists already, nothing happens.
    """
    if not is_launched() or dist.is_initialized():
        yield
        return
    place = pick_device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group("cpu:gloo,cuda:nccl" if place.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Either every process comes out of this block or none does.

    An error is raised where it arose; all other processes raise `Stopped`. If several fail, the first by rank tells
    its error. The block must not wait for other processes itself.
    """
    error = None
    try:
        yield
    except Exception as caught:
        error = caught
    failed = [number for number, failure in enumerate(gather(error is not None)) if failure]
    if failed and failed[0] == rank():
        raise error
    if failed:
        raise Stopped(f"process {failed[0]} of this run ended with an error")


def stop(error: Exception) -> None:
    """End the run for a reason that every process sees: the main one raises `error`, the others `Stopped`."""
    raise error if is_main() else Stopped("the main process of this run ended with an error")


def gather(value: T) -> list[T]:
    """The `value` of every process, by rank. Any value that can be pickled; all processes must call this."""
    if size() == 1:
        return [value]
    values: list[T] = [value] * size()
    dist.all_gather_object(values, value)
    return values


def from_main(value: T) -> T:
    """The main process's `value`, in every process. Any value that can be pickled."""
    if size() == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]


def summed(values: Tensor) -> Tensor:
    """The sum of `values` over all processes; with one process `values` itself."""
    if size() == 1:
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total
