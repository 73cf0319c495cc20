"""Starting a run from a checkpoint instead of ImageNet's weights, also for other classes or another method."""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fgcore.checkpoints import official
from fgcore.config import Experiment, ModelConfig
from fgcore.methods import build_model


def fill(model: nn.Module, experiment: Experiment, class_names: Sequence[str]) -> dict[str, Any]:
    """Give a network the weights of the checkpoint `experiment.start`, as far as they are its own.

    Weights of the same name and shape are taken. Those that depend on the number of classes, such as heads, are taken
    only where the checkpoint has the same classes in the same order; else they stay as they are.

    Args:
        model: fresh, of `experiment.model`.
        experiment: settled.
        class_names: of the data.

    Returns:
        For the provenance: `file`, `sha256`, `command` and `data` of the checkpoint; `taken`, how many tensors; `new`,
        the parts of the network that have fresh weights.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: not a checkpoint.
        ValueError: one of another trunk.
    """
    other, source = official.load_any(Path(experiment.start))
    theirs, ours = other.state_dict(), model.state_dict()
    fixed = ours.keys() if source.class_names == tuple(class_names) else ours.keys() - _of_classes(experiment.model)
    taken = {
        name: theirs[name]
        for name, value in ours.items()
        if name in fixed and name in theirs and theirs[name].shape == value.shape
    }
    if source.experiment.model.trunk != experiment.model.trunk or not any(name.startswith("trunk.") for name in taken):
        raise ValueError(
            f"from={source.path.name} has the trunk {source.experiment.model.trunk}, the recipe "
            f"{experiment.model.trunk}; set model.trunk to the checkpoint's"
        )
    model.load_state_dict(taken, strict=False)
    return {
        "file": source.path.name,
        "sha256": source.sha256,
        "command": source.provenance.get("command", ""),
        "data": source.provenance.get("data", ""),
        "taken": len(taken),
        "new": sorted({name.rpartition(".")[0] for name in ours.keys() - taken.keys()}),
    }


def normalise(experiment: Experiment) -> str:
    """How the checkpoint `experiment.start` wants its inputs; its trunk has learned with them."""
    return official.load_any(Path(experiment.start))[1].experiment.data.normalise


def _of_classes(config: ModelConfig) -> set[str]:
    """The tensors whose shape depends on the number of classes."""
    shapes, classes = _shapes(config), config.num_classes
    for other in (classes + 1, 2 * classes, classes - 1):  # not every number can be built, as with groups from scratch
        with contextlib.suppress(ValueError):
            others = _shapes(dataclasses.replace(config, num_classes=other))
            return {name for name, shape in shapes.items() if others.get(name) != shape}
    return set(shapes)


def _shapes(config: ModelConfig) -> dict[str, torch.Size]:
    with torch.device("meta"):
        state = build_model(dataclasses.replace(config, weights="")).state_dict()
    return {name: value.shape for name, value in state.items()}
