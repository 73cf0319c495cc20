"""The authors' files (`.pth`): read as plain tensors only, never as code."""

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fgcore.checkpoints import checkpoint
from fgcore.checkpoints.checkpoint import Checkpoint
from fgcore.checkpoints.weights import CheckpointError, check_fit, expected_tensors, filled
from fgcore.machine.files import sha256
from fgcore.methods import METHODS

MAX_BYTES = 2**30  # the authors' largest file is about 110 MB

DATASETS = ("cub", "cars", "aircraft")  # whose images the authors' scripts prepare


def load(path: Path | str, dataset: str = "") -> tuple[nn.Module, Checkpoint]:
    """The model of an official file, in evaluation mode, described as a `Checkpoint`.

    Args:
        path: a state_dict as the authors' scripts save it.
        dataset: cub, cars or aircraft; "": the set with that many classes.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: not a plain state_dict, or not one that a method can import.
        ValueError: an unknown `dataset`.
    """
    if dataset and dataset not in DATASETS:
        raise ValueError(f"dataset takes {', '.join(DATASETS)}, got {dataset!r}")
    path = Path(path)
    state = read_tensors(path)
    try:
        found = next(filter(None, (read(state, dataset) for method in METHODS.values() for read in method.importers)))
    except StopIteration:
        known = ", ".join(method.title for method in METHODS.values() if method.importers)
        raise CheckpointError(
            f"{path.name} is not an official file that can be imported ({known}): got {len(state)} entries beginning "
            f"with {sorted(state)[:3]}"
        ) from None
    except ValueError as error:
        raise CheckpointError(f"{path.name} cannot be imported: {error}") from error
    config = found.model
    shapes = {name: tuple(tensor.shape) for name, tensor in found.tensors.items()}
    check_fit(path, config, expected_tensors(path, config), shapes)
    model = filled(path, config, {name: tensor.contiguous() for name, tensor in found.tensors.items()})
    digest = sha256(path)
    origin = {"command": f"converted from {path.name}, {found.source}", "source_sha256": digest}
    return model, Checkpoint(path, digest, found.experiment, placeholder_names(config.num_classes), {}, origin)


def load_any(path: Path | str) -> tuple[nn.Module, Checkpoint]:
    """The model of a checkpoint of this program or of an official file, told apart by the file's ending.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: see `load` and `checkpoint.load`.
    """
    path = Path(path)
    return load(path) if path.suffix in checkpoint.PICKLES else checkpoint.load(path)


def placeholder_names(classes: int) -> tuple[str, ...]:
    """Names for the classes of a file that has none: "class 001" and so on."""
    return tuple(f"class {number:03d}" for number in range(1, classes + 1))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a pickled state_dict, read with `weights_only=True` whatever happens.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: anything but a dictionary of tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a file of weights at {path}, found {'a folder' if path.is_dir() else 'nothing'}"
        )
    _check_size(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # about what is then refused in our own words
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # junk raises KeyError, EOFError, RuntimeError, UnpicklingError and more
        raise CheckpointError(f"{path.name} cannot be used: {_why_refused(path)}") from error
    if isinstance(content, Mapping):  # some scripts store epoch and optimiser beside the weights
        content = next((content[key] for key in ("state_dict", "model", "net") if key in content), content)
    if not isinstance(content, Mapping) or not content or not all(map(_is_named_tensor, content.items())):
        raise CheckpointError(
            f"{path.name} cannot be used: expected a state_dict, that is, named tensors and nothing else"
        )
    return dict(content)


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    """True for a name and a dense tensor whose memory is all in the file."""
    name, tensor = item
    if not isinstance(name, str) or not isinstance(tensor, Tensor) or tensor.layout != torch.strided:
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def _check_size(path: Path) -> None:
    """Refuse by the directory alone what would grow when read."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise CheckpointError(f"{path.name} takes {size} bytes, expected at most {MAX_BYTES}")
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > 1.5 * size + 2**20:
        raise CheckpointError(f"{path.name} would grow from {size} to {unpacked} bytes, as torch's own files never do")


def _why_refused(path: Path) -> str:
    try:
        offenders = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # only torch's zip files can be listed
        offenders = []
    if offenders:
        return f"it would run code ({', '.join(map(str, offenders[:3]))}); ask for a plain state_dict or .safetensors"
    return "it is not a file of plain tensors, or was cut short; ask for a plain state_dict or .safetensors"
