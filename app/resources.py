"""What all sessions share: the checkpoints found, models with their locks, and explanations; all bounded."""

import hashlib
import os
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st
import torch

from fgcore import explain
from fgcore.config import METHODS
from fgcore.data.synthetic import Sample, draw
from fgcore.engine.checkpoint import Checkpoint, CheckpointError, read_metadata
from fgcore.introspect.explanation import Explanation

VARIABLE = "FG_CHECKPOINTS"  # names a folder to use instead of checkpoints/ and runs/
KINDS = {"bird": "birds", "car": "cars"}  # what the program draws
METHOD_NAMES = {"baseline": "Baseline", "mc": "MC-Loss", "ap": "AP-CNN"}
_DATASETS = {
    "synthetic_birds": "Drawn birds",
    "synthetic_cars": "Drawn cars",
    "cub": "CUB-200-2011",
    "cars": "Stanford Cars",
    "aircraft": "FGVC-Aircraft",
    "folder": "A folder of pictures",
}
_ROOT = Path(__file__).resolve().parent.parent
_UNSEEN = 100_000_000  # drawings are numbered from here: no training or test split draws these seeds
torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))  # one core stays with the server and the browser

EXPECTED = (ValueError, TypeError, OSError)  # failures whose message is one sentence for the visitor


@dataclass(frozen=True)
class Entry:
    """A checkpoint that can be chosen."""

    path: Path
    checkpoint: Checkpoint

    @property
    def method(self) -> str:
        """Which method: "baseline", "mc" or "ap"."""
        return self.checkpoint.experiment.model.method


@dataclass(frozen=True)
class World:
    """Checkpoints that know the same classes, so that their opinions can be compared."""

    title: str
    class_names: tuple[str, ...]
    dataset: str
    entries: tuple[Entry, ...]

    @property
    def key(self) -> str:
        """A name for widget keys: the same classes give the same key."""
        return hashlib.sha256("\n".join((self.dataset, *self.class_names)).encode()).hexdigest()[:12]

    def label(self, entry: Entry) -> str:
        """What to call a checkpoint of this world: its method, and its file where two share a method."""
        name = METHOD_NAMES[entry.method]
        alone = sum(other.method == entry.method for other in self.entries) == 1
        file = f"run {entry.path.parent.name}" if entry.path.stem == "best" else entry.path.stem
        return name if alone else f"{name} ({file})"


@dataclass(frozen=True)
class Catalogue:
    """All checkpoints found."""

    worlds: tuple[World, ...]
    refused: tuple[str, ...]  # a sentence for each file that cannot be used


@dataclass(frozen=True)
class _Shared:
    """A model and its lock: Grad-CAM puts hooks on it, so one thread at a time may use it."""

    loaded: explain.Loaded
    lock: threading.Lock


def catalogue() -> Catalogue:
    """The checkpoints that lie in the folders now."""
    entries, refused = [], []
    for path in _files():
        try:
            entries.append(Entry(path, _metadata(str(path), _stamp(path))))
        except (CheckpointError, OSError) as error:
            refused.append(str(error))
    groups: dict[tuple[str, tuple[str, ...]], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: METHODS.index(entry.method)):
        known = entry.checkpoint.experiment.data.dataset, entry.checkpoint.class_names
        groups.setdefault(known, []).append(entry)
    worlds = [
        World(f"{_DATASETS[dataset]}, {len(names)} classes", names, dataset, tuple(members))
        for (dataset, names), members in groups.items()
    ]
    order = list(_DATASETS)
    return Catalogue(tuple(sorted(worlds, key=lambda world: order.index(world.dataset))), tuple(refused))


def folders() -> tuple[Path, ...]:
    """Where checkpoints are looked for."""
    given = os.environ.get(VARIABLE)
    return (Path(given),) if given else (_ROOT / "checkpoints", _ROOT / "runs")


def _files() -> list[Path]:
    patterns = ("*.safetensors", "*/best.safetensors")
    return [path for folder in folders() for pattern in patterns for path in sorted(folder.glob(pattern))]


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@st.cache_data(max_entries=256, show_spinner=False)
def _metadata(path: str, stamp: tuple[int, int]) -> Checkpoint:
    return read_metadata(path)


@st.cache_resource(max_entries=6, show_spinner=False)
def _model(path: str, sha256: str) -> _Shared:
    return _Shared(explain.load_model(path), threading.Lock())


@st.cache_data(max_entries=96, show_spinner=False)
def _explanation(
    checkpoint_sha256: str,
    picture_sha256: str,
    class_index: int | None,
    drop_seed: int | None,
    cam: bool,
    _path: str,
    _pixels: np.ndarray,
) -> Explanation:
    shared = _model(_path, checkpoint_sha256)
    with shared.lock:  # no Streamlit call in here: it could stop the thread while others wait
        return explain.explain_picture(shared.loaded, _pixels, class_index=class_index, drop_seed=drop_seed, cam=cam)


def look(entry: Entry, pixels: np.ndarray, sha256: str, *, drop_seed: int | None = None) -> Explanation:
    """Everything a model shows on a picture but Grad-CAM.

    Args:
        entry: whose model.
        pixels: (H, W, 3) uint8.
        sha256: of the pixels; what the cache goes by.
        drop_seed: AP-CNN: the draw of its dropblock.

    Raises:
        ValueError, TypeError, OSError: `EXPECTED`; one sentence.
    """
    seed = drop_seed if entry.method == "ap" else None
    return _explanation(entry.checkpoint.sha256, sha256, None, seed, False, str(entry.path), pixels)


def grad_cam(entry: Entry, pixels: np.ndarray, sha256: str, class_index: int) -> Explanation:
    """The same with Grad-CAM of a class, and without dropblock. See `look`."""
    return _explanation(entry.checkpoint.sha256, sha256, class_index, None, True, str(entry.path), pixels)


@lru_cache(maxsize=64)
def drawing(source: str, class_index: int, number: int) -> Sample:
    """A picture drawn by the program that is in no training set. See `fgcore.data.synthetic.draw`."""
    return draw(KINDS[source], class_index, _UNSEEN + number)


def pixels_sha256(pixels: np.ndarray) -> str:
    """Of shape and values."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
