"""The checkpoints that lie in the server's folders, and which of them can be compared."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app import places
from fgcore.checkpoints.checkpoint import Checkpoint, CheckpointError, read_metadata
from fgcore.checkpoints.pickles import PICKLES
from fgcore.methods import METHODS
from fgcore.runs import store

VARIABLE = "FG_CHECKPOINTS"  # names a folder to use instead of checkpoints/ and runs/; FG_RUNS adds another
UPLOADS = "FG_UPLOADS"  # names a folder for uploaded checkpoints instead of `uploads` in that folder or in runs/
_DATASETS = {
    "synthetic_birds": "Drawn birds",
    "synthetic_cars": "Drawn cars",
    "cub": "CUB-200-2011",
    "cars": "Stanford Cars",
    "aircraft": "FGVC-Aircraft",
    "folder": "A folder of images",
}


@dataclass(frozen=True)
class Entry:
    """A checkpoint that can be chosen."""

    path: Path
    checkpoint: Checkpoint

    @property
    def method(self) -> str:
        """Name of its method in `fgcore.methods.METHODS`."""
        return self.checkpoint.experiment.model.method

    @property
    def title(self) -> str:
        """Its method for people."""
        return METHODS[self.method].title

    @property
    def name(self) -> str:
        """What links call it: its file's stem, or its run's name."""
        return store.short_name(self.path)

    @property
    def key(self) -> str:
        """A name for widget keys; the path makes it, since two files may hold the same checkpoint."""
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class LabelSet:
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
        """What to call a checkpoint of this label set: its method, and its file where two share a method."""
        alone = sum(other.method == entry.method for other in self.entries) == 1
        file = f"run {entry.path.parent.name}" if entry.path.stem == "best" else entry.path.stem
        return entry.title if alone else f"{entry.title} ({file})"


@dataclass(frozen=True)
class Catalogue:
    """All checkpoints found."""

    label_sets: tuple[LabelSet, ...]
    refused: tuple[str, ...]  # a sentence for each file that cannot be used

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The checkpoints of all label sets."""
        return tuple(entry for label_set in self.label_sets for entry in label_set.entries)


def catalogue() -> Catalogue:
    """The checkpoints that lie in the folders now."""
    entries, refused = [], []
    for path in _files():
        try:
            entries.append(Entry(path, _metadata(str(path), _stamp(path))))
        except FileNotFoundError:
            continue  # deleted a moment ago
        except (CheckpointError, OSError) as error:
            refused.append(str(error))
    groups: dict[tuple[str, tuple[str, ...]], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: list(METHODS).index(entry.method)):
        known = entry.checkpoint.experiment.data.dataset, entry.checkpoint.class_names
        groups.setdefault(known, []).append(entry)
    label_sets = [
        LabelSet(f"{_DATASETS[dataset]}, {len(names)} classes", names, dataset, tuple(members))
        for (dataset, names), members in groups.items()
    ]
    order = list(_DATASETS)
    return Catalogue(tuple(sorted(label_sets, key=lambda label_set: order.index(label_set.dataset))), tuple(refused))


def folders() -> tuple[Path, ...]:
    """Where checkpoints are looked for."""
    given, trained = os.environ.get(VARIABLE), os.environ.get(places.RUNS)
    if given:
        return (Path(given), Path(trained)) if trained else (Path(given),)
    return places.shipped(), places.runs()


def _files() -> list[Path]:
    patterns = ("*.safetensors", "*/best.safetensors")
    found = [path for folder in folders() for pattern in patterns for path in sorted(folder.glob(pattern))]
    return list(dict.fromkeys([*found, *sorted(uploads().glob("*.safetensors"))]))


def uploads() -> Path:
    """Where checkpoints lie that visitors brought; it may not exist yet."""
    return Path(os.environ.get(UPLOADS) or Path(os.environ.get(VARIABLE) or places.ROOT / "runs") / "uploads")


def own(entry: Entry) -> bool:
    """Whether a visitor brought this checkpoint, and may delete it."""
    return entry.path.parent == uploads()


def official_files() -> tuple[Path, ...]:
    """The authors' files that lie in the server's folders, to be imported."""
    places = dict.fromkeys((*folders(), uploads()))
    return tuple(p for place in places for p in sorted(place.glob("*")) if p.suffix in PICKLES)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@st.cache_data(max_entries=256, show_spinner=False)
def _metadata(path: str, stamp: tuple[int, int]) -> Checkpoint:
    return read_metadata(path)
