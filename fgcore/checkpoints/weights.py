"""Fitting weights from a file into a network: what it expects, how the two differ, and what no weight may be."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from fgcore.checkpoints.errors import CheckpointError
from fgcore.config import ModelConfig
from fgcore.methods import METHODS, build_model


def halved(tensor: Tensor) -> Tensor:
    """The tensor in float16 where it is a matrix or kernel within that range, else itself."""
    fits = tensor.dtype == torch.float32 and tensor.ndim >= 2 and tensor.abs().max() <= torch.finfo(torch.float16).max
    return tensor.half() if fits else tensor


def first_not_finite(tensors: Mapping[str, Tensor]) -> str:
    """The name of the first tensor with a nan or infinite value, or ""."""
    return next((name for name, tensor in tensors.items() if not tensor.isfinite().all()), "")


def expected_tensors(path: Path, config: ModelConfig) -> dict[str, Tensor]:
    """The state of the network that `config` describes, without memory behind it.

    Raises:
        CheckpointError: `config` describes no network.
    """
    try:
        with torch.device("meta"):
            return build_model(config).state_dict()
    except (ValueError, TypeError, RuntimeError, ArithmeticError) as error:
        raise CheckpointError(f"{path.name} describes no network that can be built: {error}") from error


def check_fit(
    path: Path, config: ModelConfig, expected: Mapping[str, Tensor], found: Mapping[str, tuple[int, ...]]
) -> None:
    """Compare the shapes found in a file with those of the network.

    Raises:
        CheckpointError: how they differ.
    """
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    other = [name for name in expected if name in found and tuple(expected[name].shape) != tuple(found[name])]
    problems = [
        f"{len(names)} {word} (first {names[0]!r})"
        for names, word in ((missing, "missing"), (unknown, "unknown"))
        if names
    ]
    if other:
        want, got = tuple(expected[other[0]].shape), tuple(found[other[0]])
        problems.append(f"{len(other)} of another shape (first {other[0]!r}: expected {want}, got {got})")
    if problems:
        network = f"{METHODS[config.method].title} network on {config.trunk} with {config.num_classes} classes"
        raise CheckpointError(f"the weights in {path.name} do not fit the {network}: {'; '.join(problems)}")


def filled(path: Path, config: ModelConfig, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The network of `config` with `tensors`, in evaluation mode.

    Raises:
        CheckpointError: a nan or infinite weight.
    """
    if broken := first_not_finite(tensors):
        raise CheckpointError(
            f"{path.name} holds nan or infinite weights (first in {broken!r}); use an earlier checkpoint"
        )
    with torch.device("meta"):  # no weight is drawn that the file replaces at once
        model = build_model(config)
    model.load_state_dict(tensors, assign=True)
    if any(buffer.is_meta for buffer in model.buffers()):  # tables that a trunk computes and no file holds
        with torch.random.fork_rng(devices=[]):
            model = build_model(config)
        model.load_state_dict(tensors)
    return model.eval()
