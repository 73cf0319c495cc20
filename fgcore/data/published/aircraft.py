"""FGVC-Aircraft by variant, family or manufacturer, wherever its tables lie, or divided into class folders."""

from pathlib import Path

from fgcore.config import DataConfig
from fgcore.data.file_kinds import is_image
from fgcore.data.folders import read_split_folders
from fgcore.data.published import tables
from fgcore.data.published.tables import Places
from fgcore.data.records import Box, Listing, Record, locate

_LABELS = {"variant": "variants", "family": "families", "manufacturer": "manufacturers"}


def read_aircraft(config: DataConfig) -> Listing:
    """FGVC-Aircraft; training is its train and val parts. The banner of 20 px at the foot of each image stays.

    Args:
        config: `labels` chooses among 100 variants, 70 families and 30 manufacturers.

    Raises:
        FileNotFoundError: no such folder, or parts of it are missing.
        ValueError: damaged tables.
    """
    level = config.labels
    title = "FGVC-Aircraft" if level == "variant" else f"FGVC-Aircraft {_LABELS[level]}"
    root = locate(config, title, ("fgvc-aircraft-2013b", "airs"))
    places = Places(root)
    test = places.file(f"images_{level}_test.txt")
    images = (places.beside(test, "images") or _beside(test)) if test else None
    train = [places.file(f"images_{level}_{part}.txt") for part in ("trainval", "train", "val")]
    train = train[:1] if train[0] else train[1:]
    if images is None or test is None or None in train:
        wanted = ("images", f"images_{level}_trainval.txt", f"images_{level}_test.txt")
        return read_split_folders(root, title, places.missing(wanted), fits=level == "variant")
    pairs = [[pair for path in paths if path for pair in _pairs(path)] for paths in (train, [test])]
    list_of_classes = places.file(f"{_LABELS[level]}.txt")
    found = sorted({name for _, name in pairs[0] + pairs[1]})
    names = list(dict.fromkeys(tables.lines(list_of_classes))) if list_of_classes else found
    if unknown := sorted(set(found) - set(names)):
        raise ValueError(f"{_LABELS[level]}.txt should list every {level}, and lacks {unknown[0]!r}; unpack it again")
    targets, boxes = {name: target for target, name in enumerate(names)}, _boxes(places)
    splits = [
        tuple(
            Record(targets[name], images / f"{image}.jpg", boxes.get(image), None, f"data/images/{image}.jpg")
            for image, name in part
        )
        for part in pairs
    ]
    return tables.require_files(Listing(title, "official split", tuple(names), splits[0], splits[1]), images)


def _beside(file: Path) -> Path | None:
    """The folder of a file where images lie beside it."""
    return file.parent if any(is_image(path.name) for path in file.parent.iterdir()) else None


def _pairs(path: Path) -> list[tuple[str, str]]:
    """Image and class of each line."""
    pairs = []
    for line in tables.lines(path):
        image, *name = line.split(maxsplit=1)
        if not name:
            raise ValueError(
                f"{path.name} should list an image and a class per line, got {line[:80]!r}; unpack it again"
            )
        pairs.append((_number(image), name[0]))
    return pairs


def _number(image: str) -> str:
    """What the tables call an image, which some of them write as the name of its file."""
    return image.replace("\\", "/").rpartition("/")[2].removesuffix(".jpg")


def _boxes(places: Places) -> dict[str, Box]:
    path = places.file("images_box.txt")
    rows = [line.split() for line in tables.lines(path)] if path else []
    try:
        return {_number(row[0]): tables.inclusive_box(*map(float, row[1:])) for row in rows if len(row) == 5}
    except ValueError as error:
        raise ValueError(f"images_box.txt should hold four numbers per image, but {error}; unpack it again") from error
