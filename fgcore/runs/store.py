"""A folder of checkpoints that people bring: each is checked before it is kept, and each content is kept once."""

import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fgcore.checkpoints import checkpoint, official
from fgcore.checkpoints.checkpoint import Checkpoint
from fgcore.checkpoints.pickles import PICKLES
from fgcore.checkpoints.weights import CheckpointError
from fgcore.machine.files import sha256, write_atomically

MAX_BYTES = 300 * 2**20  # room for the state dict of a ResNet-50 AP-CNN, about 110 MB
ENDING = ".safetensors"
_MAX_NAME = 60  # characters
_RUN_FILES = ("best", "last")  # what every training run calls its checkpoints
_ONE_AT_A_TIME = threading.Lock()  # checking a file takes several times its size in memory


@dataclass(frozen=True)
class Kept:
    """Where a checkpoint lies that was brought."""

    path: Path
    new: bool  # False: it was there already


def short_name(path: Path) -> str:
    """What to call a checkpoint in a link: its file's stem, or its run's name."""
    return path.parent.name if path.stem in _RUN_FILES else path.stem


def keep(
    folder: Path,
    name: str,
    data: bytes | memoryview,
    *,
    dataset: str = "",
    class_names: Sequence[str] = (),
    known: Callable[[], Iterable[Checkpoint]] = tuple,
) -> Kept:
    """Check a checkpoint and keep it in a folder, whole or not at all.

    Args:
        folder: made if missing.
        name: the file's name as a stranger gives it; its ending decides how it is read, the rest is cleaned.
        data: the file's content.
        dataset: of an official file: cub, cars, aircraft, or "folder" for other classes. It is kept as a checkpoint
            of this program.
        class_names: of an official file, in the order of its classes; (): those of the data set, or placeholders.
        known: the checkpoints there are; one of the same content is returned instead of a second copy.

    Raises:
        CheckpointError: what is wrong with the file, in one sentence; nothing was changed.
        ValueError: an official file without one of these data sets, or with other names than it has classes.
    """
    name = _clean(name)
    ending = Path(name).suffix
    if ending not in (ENDING, *PICKLES):
        endings = f"{', '.join((ENDING, *PICKLES[:-1]))} or {PICKLES[-1]}"
        raise CheckpointError(f"{name} cannot be used: expected a file that ends in {endings}")
    if len(data) > MAX_BYTES:
        raise CheckpointError(f"{name} takes more than the {MAX_BYTES >> 20} MB allowed here")
    if ending in PICKLES and dataset not in (*official.DATASETS, official.OWN):
        expected = ", ".join((*official.DATASETS, official.OWN))
        raise ValueError(f"an official file needs its data set: expected {expected}, got {dataset!r}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder) as incoming:
            arrived = Path(incoming) / name
            write_atomically(arrived, data)
            return _kept(folder, arrived, dataset, tuple(class_names), tuple(known()))
    except OSError as error:
        reason = getattr(error.__cause__ or error, "strerror", None) or type(error).__name__
        raise CheckpointError(f"{name} could not be kept: {reason}; nothing was changed") from error


def _kept(
    folder: Path, arrived: Path, dataset: str, class_names: tuple[str, ...], known: tuple[Checkpoint, ...]
) -> Kept:
    digest = sha256(arrived)
    same = next((other.path for other in known if _holds(other, digest, dataset, class_names)), None)
    if same is not None:
        return Kept(same, new=False)
    if arrived.suffix in PICKLES:
        arrived = _converted(arrived, dataset, class_names)
        source = checkpoint.read_metadata(arrived)
    else:
        _, source = checkpoint.load(arrived)  # its weights too: they must fit the network it names
    stem = arrived.stem if arrived.stem not in _RUN_FILES else Path(_clean(f"{source.experiment.name}{ENDING}")).stem
    taken = {short_name(other.path) for other in known} | {path.stem for path in folder.glob(f"*{ENDING}")}
    target = folder / f"{stem if stem not in taken else f'{stem}-{digest[:8]}'}{ENDING}"
    arrived.replace(target)
    return Kept(target, new=True)


def _holds(other: Checkpoint, digest: str, dataset: str, class_names: tuple[str, ...]) -> bool:
    """Whether a checkpoint is that file, or was converted from it for that data set and names."""
    converted = other.provenance.get("source_sha256") == digest and other.experiment.data.dataset == dataset
    return other.sha256 == digest or (converted and class_names in ((), other.class_names))


def _converted(arrived: Path, dataset: str, class_names: tuple[str, ...]) -> Path:
    """The official file at `arrived` as a checkpoint of this program beside it, in float32."""
    model, source = official.load(arrived, dataset, class_names)
    classes, expected = len(source.class_names), official.DATASETS.get(dataset)
    if expected and classes != expected:
        raise CheckpointError(
            f"{arrived.name} knows {classes} classes, but {dataset} has {expected}; choose its set, or own classes"
        )
    stem = arrived.stem if Path(arrived.stem).suffix not in PICKLES else Path(arrived.stem).stem  # of model.pth.tar
    target = arrived.with_name(f"{stem}{ENDING}")
    checkpoint.save(target, model, source.experiment, source.class_names, source.report, source.provenance, half=False)
    return target


def remove(folder: Path, path: Path) -> None:
    """Delete a checkpoint that was kept in `folder`; one that is gone already is no error.

    Raises:
        ValueError: it lies elsewhere, so it is not this folder's to delete.
        OSError: the folder cannot be written.
    """
    if path.parent.resolve() != folder.resolve() or path.suffix != ENDING:
        raise ValueError(f"{path.name} was not uploaded here, so it stays; only uploaded checkpoints can be deleted")
    path.unlink(missing_ok=True)


def _clean(name: str) -> str:
    """A stranger's file name as letters, digits and `. _ -`; it cannot leave the folder or hide in it."""
    stem, dot, ending = re.split(r"[/\\]", name)[-1].rpartition(".")
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", stem if dot else ending).strip("._-")[:_MAX_NAME] or "checkpoint"
    return f"{stem}.{re.sub('[^A-Za-z0-9]', '', ending)[:20].lower()}" if dot else stem
