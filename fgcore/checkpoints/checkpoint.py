"""Checkpoints: safetensors files that rebuild their model and tell how it was made.

Reading one runs no code from the file, follows no path in it, and allocates nothing that the file's own size does
not justify. Whatever is wrong with it is a `CheckpointError` of one sentence.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import nn

from fgcore.checkpoints import migrate
from fgcore.checkpoints.pickles import is_torch_file
from fgcore.checkpoints.weights import CheckpointError, check_fit, expected_tensors, filled, first_not_finite, halved
from fgcore.config import Experiment, ModelConfig, from_dict, to_dict
from fgcore.data.names import check_class_names
from fgcore.machine.files import sha256, write_atomically

FORMAT = "finegrain-lens-2"
MAX_HEADER = 64 * 2**20  # bytes; 20,000 class names of 200 characters, the most that is written, take 52 MiB
_FIELDS = ("experiment", "class_names", "report", "provenance")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says about itself."""

    path: Path
    sha256: str
    experiment: Experiment  # `data.root` is empty and `model.weights` no path: a file names no folder of ours
    class_names: tuple[str, ...]
    report: dict[str, Any]  # of the epoch it was taken from: loss terms, test scores (`EpochReport.to_dict`)
    provenance: dict[str, Any]  # see `fgcore.machine.provenance`


def save(
    path: Path | str,
    model: nn.Module,
    experiment: Experiment,
    class_names: Sequence[str],
    report: Mapping[str, Any],
    provenance: Mapping[str, Any],
    *,
    half: bool = True,
) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        path: ends with .safetensors; an older file is replaced.
        model: as built from `experiment.model`.
        experiment: paths in it are left out of the file.
        class_names: K of them, in the order of the logits.
        report: plain values; see `Checkpoint`.
        provenance: plain values; see `Checkpoint`.
        half: store convolution and linear weights in float16. Batch norm and biases, which cost little and vary
            by orders of magnitude, and tensors beyond float16's range stay float32.

    Raises:
        FloatingPointError: a weight is nan or infinite.
        OSError: the file could not be written; see `write_atomically`.
    """
    state = model.state_dict().items()  # a module with two names is in it twice, hence the copies
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state}
    if broken := first_not_finite(tensors):
        raise FloatingPointError(
            f"weight {broken!r} became nan or infinite, so {Path(path).name} was not written; lower lr and trunk_lr"
        )
    if half:
        tensors = {name: halved(tensor) for name, tensor in tensors.items()}
    parts = (to_dict(_without_paths(experiment)), list(class_names), dict(report), dict(provenance))
    texts = {name: json.dumps(part, allow_nan=False) for name, part in zip(_FIELDS, parts, strict=True)}
    write_atomically(Path(path), safetensors.torch.save(tensors, {"format": FORMAT, **texts}))


def _without_paths(experiment: Experiment) -> Experiment:
    data = dataclasses.replace(experiment.data, root="")
    model = dataclasses.replace(experiment.model, weights=Path(experiment.model.weights).name)
    return dataclasses.replace(experiment, data=data, model=model, start=Path(experiment.start).name)


def read_metadata(path: Path | str) -> Checkpoint:
    """What the checkpoint at `path` says about itself; its weights are hashed but not loaded.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: not a checkpoint of this program, truncated, or with impossible settings.
    """
    path = Path(path)
    metadata = _metadata(path)
    values = {name: _json(path, metadata, name) for name in _FIELDS}
    experiment = _experiment(path, values["experiment"], metadata["format"])
    class_names = values["class_names"]
    try:
        check_class_names(class_names)
    except ValueError as error:
        raise CheckpointError(f"{path.name} cannot be used: {error}") from error
    expected = experiment.model.num_classes
    _check(path, len(class_names) == expected, f"it has {expected} classes but {len(class_names)} class names")
    for name in ("report", "provenance"):
        _check(path, isinstance(values[name], dict), f"its {name} is not a set of named values")
    return Checkpoint(path, sha256(path), experiment, tuple(class_names), values["report"], values["provenance"])


def load(path: Path | str) -> tuple[nn.Module, Checkpoint]:
    """The model of a checkpoint, in evaluation mode and float32 on the CPU, and what the checkpoint says.

    Needs no other file: trunk weights are in the checkpoint.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: see `read_metadata`; or weights that do not fit the model it names, or are nan or infinite.
    """
    checkpoint = read_metadata(path)
    config = without_weights(checkpoint.experiment.model)
    expected = expected_tensors(checkpoint.path, config)
    with safetensors.safe_open(checkpoint.path, framework="pt") as file:
        found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118  (not a dict)
        check_fit(checkpoint.path, config, expected, found)
        tensors = {name: file.get_tensor(name) for name in found}
    for name, tensor in tensors.items():
        same = tensor.is_floating_point() == expected[name].is_floating_point() and not tensor.is_complex()
        _check(checkpoint.path, same, f"{name!r} holds {tensor.dtype}, expected {expected[name].dtype}")
        tensors[name] = tensor.to(expected[name].dtype, copy=True)  # aligned: other kernels round differently
    return filled(checkpoint.path, config, tensors), checkpoint


def without_weights(config: ModelConfig) -> ModelConfig:
    """The same network with random weights: what a checkpoint fills with its own."""
    return dataclasses.replace(config, weights="")


def _metadata(path: Path) -> dict[str, str]:
    """The header's texts, after checking that the file is as long as its header says."""
    if not path.is_file():
        raise FileNotFoundError(f"expected a checkpoint at {path}, found {'a folder' if path.is_dir() else 'nothing'}")
    way = "convert an official AP-CNN file with `python -m fgcore convert`"
    _check(path, not is_torch_file(path), f"it is a pickle, expected a .safetensors file; {way}")
    with path.open("rb") as file:
        start = file.read(8)
    length = int.from_bytes(start, "little")
    plausible = len(start) == 8 and 2 <= length <= path.stat().st_size - 8
    _check(
        path, plausible, "it is no safetensors file, or was cut short; expected one written by `python -m fgcore train`"
    )
    _check(path, length <= MAX_HEADER, f"its header takes {length} bytes, more than the {MAX_HEADER} allowed")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path.name} cannot be used: it is damaged or was cut short; copy it again") from error
    stated = metadata.get("format")
    wanted = "weights without a description" if stated is None else f"of format {stated[:40]!r}"
    _check(path, stated in (FORMAT, migrate.FORMAT), f"it is {wanted}; expected a checkpoint of format {FORMAT!r}")
    return metadata


def _json(path: Path, metadata: Mapping[str, str], name: str) -> Any:  # noqa: ANN401  (any JSON value)
    try:
        return json.loads(metadata[name], parse_constant=_refuse)  # no nan, no infinity
    except (KeyError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name} cannot be used: its {name} is missing or damaged") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _experiment(path: Path, values: Any, format_of_file: str) -> Experiment:  # noqa: ANN401  (any JSON value)
    _check(path, isinstance(values, dict), "its experiment is not a set of named values")
    try:
        if format_of_file == migrate.FORMAT:
            values = migrate.experiment(values)
        return _without_paths(from_dict(Experiment, migrate.without_removed(values)))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path.name} cannot be used: {error}") from error


def _check(path: Path, true: bool, problem: str) -> None:
    if not true:
        raise CheckpointError(f"{path.name} cannot be used: {problem}")
