"""The authors' files (`.pth`) and others that torch.save wrote: read as plain tensors only, never as code."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from fgcore.checkpoints import checkpoint, pickles
from fgcore.checkpoints.checkpoint import Checkpoint
from fgcore.checkpoints.weights import CheckpointError, check_fit, expected_tensors, filled
from fgcore.data.names import check_class_names, clean
from fgcore.machine.files import sha256
from fgcore.methods import METHODS
from fgcore.methods.base import Imported

DATASETS = {"cub": 200, "cars": 196, "aircraft": 100}  # whose images the authors prepare -> their number of classes
OWN = "folder"  # somebody's own classes
_NOT_IN_FILE = "not in the file"
_COUNTER = "num_batches_tracked"  # of batch norm: without effect here, and in no file from before torch 0.4.1


def load(path: Path | str, dataset: str = "", class_names: Sequence[str] = ()) -> tuple[nn.Module, Checkpoint]:
    """The model of an official file, in evaluation mode and float32, described as a `Checkpoint`.

    Args:
        path: a file with a state_dict as the authors' scripts save it; see `pickles.state_dict_of`.
        dataset: cub, cars or aircraft; "folder": other classes; "": the set with that many classes.
        class_names: in the order of the logits; (): those of the data set where they are known, else placeholders.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: no plain state_dict, or not one that a method can import.
        ValueError: an unknown `dataset`, another number of names than classes, or names that no checkpoint can hold.
    """
    if dataset and dataset not in (*DATASETS, OWN):
        raise ValueError(f"dataset takes {', '.join((*DATASETS, OWN))}, got {dataset!r}")
    path = Path(path)
    found = _imported(path, read_tensors(path), dataset)
    config = found.model
    names = tuple(class_names) or found.class_names or placeholder_names(config.num_classes)
    if len(names) != config.num_classes:
        raise ValueError(f"{path.name} knows {config.num_classes} classes, got {len(names)} names; name each of them")
    check_class_names(names)
    tensors = _fitting(path, found)
    digest = sha256(path)
    origin = {"command": f"converted from {path.name}, {found.source}", "source_sha256": digest}
    if not class_names:
        origin["class_names"] = _NOT_IN_FILE
    return filled(path, config, tensors), Checkpoint(path, digest, found.experiment, names, {}, origin)


def load_any(path: Path | str) -> tuple[nn.Module, Checkpoint]:
    """The model of a checkpoint of this program or of an official file, told apart by their content.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: see `load` and `checkpoint.load`.
    """
    path = Path(path)
    return load(path) if pickles.is_torch_file(path) else checkpoint.load(path)


def read_names(text: str) -> tuple[str, ...]:
    """Class names as people list them: one a line, empty lines left out."""
    return tuple(name for name in map(clean, text.splitlines()) if name)


def placeholder_names(classes: int) -> tuple[str, ...]:
    """Names for the classes of a file that has none: "class 001" and so on."""
    return tuple(f"class {number:03d}" for number in range(1, classes + 1))


def fits_names(source: Checkpoint, names: Sequence[str]) -> bool:
    """Whether a checkpoint's classes can be those of a data set: so called, or nameless in its file and as many."""
    same = source.class_names in (tuple(names), placeholder_names(len(names)))
    return same or (len(source.class_names) == len(names) and source.provenance.get("class_names") == _NOT_IN_FILE)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The weights in a file of torch's, by the names that its author gave them.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: see `pickles.read` and `pickles.state_dict_of`.
    """
    return pickles.read_state_dict(path)


def _imported(path: Path, state: Mapping[str, Tensor], dataset: str) -> Imported:
    """What the first method that knows the file makes of it."""
    try:
        return next(filter(None, (read(state, dataset) for method in METHODS.values() for read in method.importers)))
    except StopIteration:
        known = ", ".join(method.title for method in METHODS.values() if method.importers)
        raise CheckpointError(
            f"{path.name} is not an official file that can be imported ({known}): got {len(state)} entries beginning "
            f"with {sorted(state)[:3]}"
        ) from None
    except ValueError as error:
        raise CheckpointError(f"{path.name} cannot be imported: {error}") from error
    except (LookupError, ArithmeticError) as error:  # entries that contradict each other
        raise CheckpointError(f"{path.name} cannot be imported: parts of its network are missing or empty") from error


def _fitting(path: Path, found: Imported) -> dict[str, Tensor]:
    """The weights of a file in the types of its network, once they are known to fit."""
    expected = expected_tensors(path, found.model)
    counters = {name: torch.zeros((), dtype=torch.int64) for name in expected if name.endswith(_COUNTER)}
    tensors = {**counters, **found.tensors}
    check_fit(path, found.model, expected, {name: tuple(tensor.shape) for name, tensor in tensors.items()})
    for name, tensor in tensors.items():
        wanted = expected[name].dtype
        if tensor.is_floating_point() != wanted.is_floating_point or tensor.is_complex():
            raise CheckpointError(f"{path.name} cannot be used: {name!r} holds {tensor.dtype}, expected {wanted}")
        tensors[name] = tensor.to(wanted, copy=True, memory_format=torch.contiguous_format)
    return tensors
