"""One's own labelled photos as test images of a model: class folders, matched to its classes by name."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fgcore.config import DataConfig
from fgcore.data.datasets import ImageSet
from fgcore.data.folders import listed, walk
from fgcore.data.layout import arrange
from fgcore.data.records import called, shortened

_NUMBER = re.compile(r"^\d{1,4}[._ -]+(?=\D)")  # such as "002." of CUB's folders, in front of a name


@dataclass(frozen=True)
class Labelled:
    """Photos whose classes a model knows, and the classes that it does not know."""

    images: ImageSet  # all of them, whatever part they lie in; classes are the model's
    matched: dict[str, str]  # folder -> the model's class
    unknown: dict[str, int]  # folder -> images that are left out

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user has to know, a sentence each."""
        notes = list(self.images.notes)
        if self.unknown:
            names = shortened([f"{name} ({count})" for name, count in self.unknown.items()])
            notes.append(f"folders of classes that the model does not know, left out ({len(self.unknown)}): {names}")
        if others := {folder: name for folder, name in self.matched.items() if folder != name}:
            pairs = shortened([f"{folder} = {name}" for folder, name in others.items()])
            notes.append(f"folders taken for classes of a slightly other name ({len(others)}): {pairs}")
        return tuple(notes)


def read_labelled(root: Path, class_names: Sequence[str], config: DataConfig) -> Labelled:
    """Class folders, of any of a model's classes, as test images.

    Folders are found as for training, see `fgcore.data.layout`; where they have a train and a test part, the images of
    both count. A folder is the class of the same name, or else the only one whose name differs in nothing but capital
    letters, accents, signs between words, and a number in front.

    Args:
        root: the folder of class folders.
        class_names: of the model.
        config: how the model sees images.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no class folders, or none of a class that the model knows.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"expected a folder of class folders at {root}, found nothing; check the path")
    listing = listed(arrange(walk(root), called(root)), called(root))
    targets = _targets(listing.class_names, class_names)
    found = [record for record in (*listing.train, *listing.test) if targets[record.target] is not None]
    counts = Counter(record.target for record in (*listing.train, *listing.test))
    unknown = {name: counts[place] for place, name in enumerate(listing.class_names) if targets[place] is None}
    if not found:
        raise ValueError(
            f"{called(root)} has folders {shortened(list(unknown))}, and none is called like a class that the model "
            f"knows: expected such as {shortened(list(class_names))}; rename them"
        )
    records = sorted(
        (replace(record, target=targets[record.target]) for record in found),
        key=lambda record: (record.target, record.identifier),
    )
    matched = {
        name: class_names[target]
        for name, target in zip(listing.class_names, targets, strict=True)
        if target is not None
    }
    title = f"{listing.title}, {len(set(matched.values()))} of the model's {len(class_names)} classes"
    notes = [note for note in listing.notes if not note.startswith(("no test images", "no held-aside images"))]
    images = ImageSet(records, class_names, config, training=False, title=title, notes=notes, part="labelled")
    return Labelled(images, matched, unknown)


def _targets(folders: Sequence[str], class_names: Sequence[str]) -> list[int | None]:
    """The class of each folder, by name; None where there is none, or no single one."""
    exact = {name: place for place, name in enumerate(class_names)}
    alike: dict[str, list[int]] = {}
    for place, name in enumerate(class_names):
        alike.setdefault(_plain(name), []).append(place)
    targets: list[int | None] = []
    for folder in folders:
        places = alike.get(_plain(folder), [])
        targets.append(exact.get(folder, places[0] if len(places) == 1 else None))
    return targets


def _plain(name: str) -> str:
    """A name without what people write differently."""
    letters = unicodedata.normalize("NFKD", _NUMBER.sub("", name)).casefold()
    kept = "".join(letter if letter.isalnum() else " " for letter in letters if not unicodedata.combining(letter))
    return " ".join(kept.split())
