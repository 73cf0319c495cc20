"""What every data set is read into, and the sentences that a missing or half-unpacked folder gets."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fgcore.config import DataConfig
from fgcore.data.names import check_class_names, clean

Box = tuple[float, float, float, float]

_SHARES = {0.5: "half", 1 / 3: "a third", 0.25: "a quarter", 0.2: "a fifth", 0.1: "a tenth"}


@dataclass(frozen=True)
class Record:
    """One labelled image. Coordinates are pixels of the stored image, continuous as in `Geometry`."""

    target: int  # its class, 0 to K - 1
    path: Path | None  # None: drawn by the program
    box: Box | None  # of the object, xyxy; None: not annotated (drawn images: see `ImageSet.sample`)
    parts: Mapping[str, tuple[float, float]] | None  # visible part -> x, y; None: not annotated
    identifier: str  # unique and stable: path relative to the data set's folder, or "birds/003/17"


@dataclass(frozen=True)
class LeftOut:
    """A file that no class has, and why."""

    path: str  # below the data set's folder
    why: str  # in the plural: "dead links"


@dataclass(frozen=True)
class Listing:
    """A data set as its folder describes it, before any image is opened."""

    title: str  # "CUB-200-2011"
    split: str  # how it was divided: "official split"
    class_names: tuple[str, ...]
    train: tuple[Record, ...]
    test: tuple[Record, ...]
    classes_found: int = 0  # before `first` kept some of them; 0: these are all
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()  # what a reader had to assume, a sentence each
    held_aside: bool = False  # `test` is a part of the training images

    @property
    def summary(self) -> str:
        """Title, classes and split, for provenance."""
        kept = len(self.class_names)
        part = f"first {kept} of {self.classes_found}" if kept < self.classes_found else f"{kept}"
        return f"{self.title}, {part} classes, {self.split}"

    @property
    def test_part(self) -> str:
        """What the images in `test` are called."""
        return "held-aside" if self.held_aside else "test"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user has to know of it: what was left out, counted and named, and which classes cannot be tested."""
        notes = grouped(self.left_out)
        tested = {record.target for record in self.test}
        if lacking := [name for target, name in enumerate(self.class_names) if target not in tested]:
            notes.append(
                f"no {self.test_part} images, and so no figure of their own ({len(lacking)}): {shortened(lacking)}"
            )
        return (*self.remarks, *notes)

    def first(self, classes: int) -> "Listing":
        """Only the first `classes` classes; 0: all.

        Raises:
            ValueError: there are not so many, fewer than two are left, one of them has no training images, none has
                test images, or their names cannot be written to a checkpoint.
        """
        total = len(self.class_names)
        if not 0 <= classes <= total:
            raise ValueError(f"classes should be at most the {total} of {self.title}, got {classes}; 0 takes all")
        kept = classes or total
        check_classes(self.title, self.class_names[:kept], self.left_out)
        listing = replace(
            self,
            classes_found=total,
            class_names=self.class_names[:kept],
            train=tuple(record for record in self.train if record.target < kept),
            test=tuple(record for record in self.test if record.target < kept),
        )
        listing._require_training()
        listing._require_tests()
        return listing

    def _require_training(self) -> None:
        found = {record.target for record in self.train}
        empty = [name for target, name in enumerate(self.class_names) if target not in found]
        if empty:
            raise ValueError(
                f"every class of {self.title} needs training images, but {shortened(empty)} "
                f"{'has' if len(empty) == 1 else 'have'} none; add some or remove the class"
            )

    def _require_tests(self) -> None:
        if not self.test:
            raise ValueError(
                f"{self.title} needs {self.test_part} images, and none of its {len(self.class_names)} classes has any; "
                "add a test part, or a second image to some classes"
            )

    def hold_aside(self, share: float) -> "Listing":
        """Instead of the test images, a share of the training images of each class; the rest is left to train on.

        Whether an image is held aside follows from its identifier alone, whatever other images there are: the first
        eight bytes of its SHA-256 hash, as a share of all their values, lie below `share`. At least one image of a
        class stays for training, and of two or more at least one is held aside.

        Args:
            share: from 0, which changes nothing, to below 1.
        """
        if not share:
            return self
        classes: dict[int, list[Record]] = {}
        for record in self.train:
            classes.setdefault(record.target, []).append(record)
        aside: set[str] = set()
        for records in classes.values():
            ranked = sorted(records, key=lambda record: (_rank(record), record.identifier))
            count = sum(_rank(record) < share for record in records)
            aside.update(record.identifier for record in ranked[: min(max(count, 1), len(records) - 1)])
        fraction = next((word for value, word in _SHARES.items() if abs(value - share) < 0.005), f"{100 * share:.3g} %")
        listing = replace(
            self,
            split=f"{self.split}, {fraction} of the training images held aside",
            train=tuple(record for record in self.train if record.identifier not in aside),
            test=tuple(record for record in self.train if record.identifier in aside),
            held_aside=True,
        )
        listing._require_tests()
        return listing


def check_classes(title: str, names: Sequence[str], left_out: Sequence[LeftOut] = ()) -> None:
    """Check that there is something to tell apart, and that a checkpoint can hold the names.

    Raises:
        ValueError: fewer than two classes, with what was left out; or see `check_class_names`.
    """
    if len(names) < 2:
        got = f"{len(names)} of {title}{f' ({names[0]})' if names else ''}"
        reason = f", and {'; '.join(grouped(left_out))}" if left_out else ""
        raise ValueError(f"training needs at least two classes, got {got}{reason}; add another class")
    check_class_names(names)


def grouped(left_out: Sequence[LeftOut]) -> list[str]:
    """What was left out: for each reason how many files, and the first ones by name."""
    groups: dict[str, list[str]] = {}
    for item in left_out:
        groups.setdefault(item.why, []).append(item.path)
    return [f"left out: {why} ({len(paths)}): {shortened(paths)}" for why, paths in groups.items()]


def _rank(record: Record) -> float:
    """From 0 to below 1, as if drawn for each image."""
    return int.from_bytes(hashlib.sha256(record.identifier.encode()).digest()[:8], "big") / 2**64


def locate(config: DataConfig, title: str, folders: Sequence[str]) -> Path:
    """The data set's folder: `config.root`, or one of its usual `folders` in it or under FG_DATA.

    Raises:
        FileNotFoundError: there is none; the sentence says both ways to name it.
    """
    given = config.root or (os.environ.get("FG_DATA") if folders else None)
    base = Path(given or "").expanduser()
    usual = [base / name for name in folders if given and (base / name).is_dir()]
    if usual:
        return usual[0]
    if config.root and base.is_dir():
        return base
    ways = "set data.root to it"
    if folders:
        ways += f", or set FG_DATA to the folder that holds {' or '.join(folders)}"
    if not given:
        raise FileNotFoundError(f"{title} needs a folder of images, and none was given: {ways}")
    source = "data.root" if config.root else "FG_DATA"
    raise FileNotFoundError(f"{title} was expected in {source}, but {called(base)} {contents(base)}: {ways}")


def called(folder: Path) -> str:
    """The name of a folder in sentences that other people may see: its path is nobody's business."""
    return clean(folder.resolve().name) or "the folder"


def contents(folder: Path) -> str:
    """What a folder holds, as the end of a sentence."""
    if not folder.exists():
        return "does not exist"
    if not folder.is_dir():
        return "is not a folder"
    try:
        names = sorted(clean(child.name) for child in folder.iterdir())
    except OSError:
        return "cannot be opened"
    return f"holds {shortened(names)}" if names else "is empty"


def shortened(names: Sequence[str], limit: int = 4) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
