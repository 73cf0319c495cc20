"""What every data set is read into, and the sentences that a missing or half-unpacked folder gets."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fgcore.config import DataConfig

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Record:
    """One labelled picture. Coordinates are pixels of the stored picture, continuous as in `Geometry`."""

    target: int  # its class, 0 to K - 1
    path: Path | None  # None: drawn by the program
    box: Box | None  # of the object, xyxy; None: not annotated (drawn pictures: see `ImageSet.sample`)
    parts: Mapping[str, tuple[float, float]] | None  # visible part -> x, y; None: not annotated
    identifier: str  # unique and stable: path relative to the data set's folder, or "birds/003/17"


@dataclass(frozen=True)
class Listing:
    """A data set as its folder describes it, before any picture is opened."""

    title: str  # "CUB-200-2011"
    split: str  # how it was divided: "official split"
    class_names: tuple[str, ...]
    train: tuple[Record, ...]
    test: tuple[Record, ...]
    classes_found: int = 0  # before `first` kept some of them; 0: these are all

    @property
    def summary(self) -> str:
        """Title, classes and split, for provenance."""
        kept = len(self.class_names)
        part = f"first {kept} of {self.classes_found}" if kept < self.classes_found else f"{kept}"
        return f"{self.title}, {part} classes, {self.split}"

    def first(self, classes: int) -> "Listing":
        """Only the first `classes` classes; 0: all.

        Raises:
            ValueError: there are not so many, fewer than two are left, or a split of one of them is empty.
        """
        total = len(self.class_names)
        if not 0 <= classes <= total:
            raise ValueError(f"classes should be at most the {total} of {self.title}, got {classes}; 0 takes all")
        kept = classes or total
        if kept < 2:
            raise ValueError(f"training needs at least two classes, got {kept} of {self.title}; add another class")
        listing = replace(
            self,
            classes_found=total,
            class_names=self.class_names[:kept],
            train=tuple(record for record in self.train if record.target < kept),
            test=tuple(record for record in self.test if record.target < kept),
        )
        listing._require_pictures()
        return listing

    def _require_pictures(self) -> None:
        for split, records in (("training", self.train), ("test", self.test)):
            found = {record.target for record in records}
            empty = [name for target, name in enumerate(self.class_names) if target not in found]
            if empty:
                raise ValueError(
                    f"every class of {self.title} needs {split} pictures, but {shortened(empty)} "
                    f"{'has' if len(empty) == 1 else 'have'} none; add some or remove the class"
                )


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
        raise FileNotFoundError(f"{title} needs a folder of pictures, and none was given: {ways}")
    source = "data.root" if config.root else "FG_DATA"
    raise FileNotFoundError(f"{title} was expected in {source}, but {base} {contents(base)}: {ways}")


def require(root: Path, names: Iterable[str], title: str, way_out: str = "unpack the whole archive there") -> None:
    """Check that all `names` exist in a data set's folder.

    Raises:
        FileNotFoundError: saying which do not, and what is there instead.
    """
    missing = [name for name in names if not (root / name).exists()]
    if missing:
        raise FileNotFoundError(
            f"{title} needs {shortened(missing)} in {root}, which {contents(root)}; {way_out} "
            "or point data.root elsewhere"
        )


def require_files(listing: Listing, root: Path) -> Listing:
    """The listing itself, once every picture that it names is known to exist.

    Raises:
        FileNotFoundError: saying how many do not, and which the first one is.
    """
    records = [*listing.train, *listing.test]
    missing = [record.identifier for record in records if record.path is None or not record.path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{listing.title} lists {len(records)} pictures, but {len(missing)} are not in {root}, "
            f"the first being {missing[0]}; unpack the whole archive there"
        )
    return listing


def contents(folder: Path) -> str:
    """What a folder holds, as the end of a sentence."""
    if not folder.exists():
        return "does not exist"
    if not folder.is_dir():
        return "is not a folder"
    names = sorted(child.name for child in folder.iterdir())
    return f"holds {shortened(names)}" if names else "is empty"


def shortened(names: Sequence[str], limit: int = 4) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def readable(names: Sequence[str]) -> tuple[str, ...]:
    """Class names without leading numbers and underscores: "002.Laysan_Albatross" -> "Laysan Albatross".

    They stay as they are where two of them would become equal.
    """
    cleaned = [re.sub(r"^\d+\.", "", name).replace("_", " ") for name in names]
    return tuple(cleaned if len(set(cleaned)) == len(cleaned) else names)
