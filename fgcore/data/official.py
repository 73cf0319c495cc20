"""The layouts in which CUB-200-2011, Stanford Cars and FGVC-Aircraft are published: folder -> `Listing`."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torchvision.datasets import FGVCAircraft

from fgcore.config import DataConfig
from fgcore.data.folders import read_split_folders
from fgcore.data.records import Box, Listing, Record, contents, locate, readable, require, require_files, shortened

_CARS_LABELS = "cars_test_annos_withlabels.mat"


def read_cub(config: DataConfig) -> Listing:
    """CUB-200-2011 as its authors pack it; image numbers may have gaps, boxes and parts may be absent."""
    title = "CUB-200-2011"
    root = locate(config, title, ("CUB_200_2011",))
    tables = ("images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt")
    require(root, ("images", *tables), title)
    images, classes = _names(root / "images.txt"), _names(root / "classes.txt")
    labels = {int(image): int(label) for image, label in _numbers(root / "image_class_labels.txt", 2)}
    in_training = {int(image): bool(flag) for image, flag in _numbers(root / "train_test_split.txt", 2)}
    for file, table in (("image_class_labels.txt", labels), ("train_test_split.txt", in_training)):
        _require_lines(root / file, images, table)
    _require_lines(root / "classes.txt", {labels[image] for image in images}, classes)
    targets = {number: target for target, number in enumerate(sorted(classes))}
    boxes, parts = _cub_boxes(root), _cub_parts(root)
    splits: dict[bool, list[Record]] = {True: [], False: []}
    for image, name in images.items():
        path = root / "images" / name
        found = None if parts is None else parts.get(image, {})
        record = Record(targets[labels[image]], path, boxes.get(image), found, f"images/{name}")
        splits[in_training[image]].append(record)
    names = readable([classes[number] for number in targets])
    return require_files(Listing(title, "official split", names, tuple(splits[True]), tuple(splits[False])), root)


def _cub_boxes(root: Path) -> dict[int, Box]:
    """Image number -> box; the file gives x, y, width, height."""
    path = root / "bounding_boxes.txt"
    rows = _numbers(path, 5) if path.is_file() else np.empty((0, 5))
    return {int(image): (x, y, x + width, y + height) for image, x, y, width, height in rows.tolist()}


def _cub_parts(root: Path) -> dict[int, dict[str, tuple[float, float]]] | None:
    """Image number -> its visible parts; None without the folder `parts`."""
    names, places = root / "parts" / "parts.txt", root / "parts" / "part_locs.txt"
    if not (names.is_file() and places.is_file()):
        return None
    part_names = _names(names)
    rows = _numbers(places, 5)
    _require_lines(names, {int(part) for part in rows[:, 1]}, part_names)
    parts: dict[int, dict[str, tuple[float, float]]] = {}
    for image, part, x, y, visible in rows.tolist():
        if visible:
            parts.setdefault(int(image), {})[part_names[int(part)]] = (x, y)
    return parts


def read_cars(config: DataConfig) -> Listing:
    """Stanford Cars: the authors' devkit, or plain class folders where there is no devkit."""
    title = "Stanford Cars"
    root = locate(config, title, ("stanford_cars", "cars"))
    if not (root / "devkit").is_dir() and (root / "train").is_dir():
        return read_split_folders(root, title)
    annotations = "devkit/cars_train_annos.mat"
    layout = "unpack the devkit and both picture archives there, or bring class folders train/ and test/,"
    require(root, (annotations, "devkit/cars_meta.mat", "cars_train", "cars_test"), title, layout)
    labelled = next((path for path in (root / "devkit" / _CARS_LABELS, root / _CARS_LABELS) if path.is_file()), None)
    if labelled is None:
        raise FileNotFoundError(
            f"{title} needs {_CARS_LABELS} in {root / 'devkit'}, which {contents(root / 'devkit')}; "
            "it is a separate download, since the devkit's own test file has no labels"
        )
    meta = _matlab(root / "devkit" / "cars_meta.mat", "class_names")
    names = tuple(str(name) for name in np.atleast_1d(meta))
    train = _devkit_records(root, root / annotations, "cars_train", len(names))
    test = _devkit_records(root, labelled, "cars_test", len(names))
    return require_files(Listing(title, "official split", names, train, test), root)


def _devkit_records(root: Path, annotations: Path, folder: str, classes: int) -> tuple[Record, ...]:
    rows = np.atleast_1d(_matlab(annotations, "annotations"))
    fields = ("fname", "class", "bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")
    if not set(fields) <= set(rows.dtype.names or ()):
        raise ValueError(f"{annotations} should hold {', '.join(fields)}, got {rows.dtype.names}; download it again")
    records = []
    for name, label, *corners in (tuple(row[field] for field in fields) for row in rows):
        if not 1 <= label <= classes:
            raise ValueError(f"{annotations} gives {name} class {label} of {classes}; download the devkit again")
        box = _inclusive_box(*map(float, corners))
        records.append(Record(int(label) - 1, root / folder / str(name), box, None, f"{folder}/{name}"))
    return tuple(records)


def _inclusive_box(left: float, top: float, right: float, bottom: float) -> Box:
    """From MATLAB's first and last pixel, counted from 1, to the edges."""
    return left - 1, top - 1, right, bottom


def _matlab(path: Path, variable: str) -> NDArray[Any]:
    from scipy.io import loadmat  # slow to import, and needed for the devkit only

    try:
        return loadmat(path, squeeze_me=True)[variable]
    except Exception as error:  # a damaged file breaks its parser in many ways
        raise ValueError(f"{path} should be a MATLAB file with {variable}, and is not; download it again") from error


def read_aircraft(config: DataConfig) -> Listing:
    """FGVC-Aircraft's 100 variants; training is its train and val parts. The banner of 20 px at the foot stays."""
    title, folder = "FGVC-Aircraft", "fgvc-aircraft-2013b"
    root = locate(config, title, (folder,))
    if root.resolve().name != folder:
        raise FileNotFoundError(f"{title} needs a folder named {folder}, got {root}; rename it or choose its parent")
    root = root.resolve()
    tables = ("variants.txt", "images_variant_trainval.txt", "images_variant_test.txt")
    require(root, [f"data/{name}" for name in ("images", *tables)], title)
    boxes = _aircraft_boxes(root / "data" / "images_box.txt")
    splits = {}
    for split in ("trainval", "test"):
        try:
            pictures = FGVCAircraft(root.parent, split, loader=Path)  # the loader hands the path through
        except (KeyError, ValueError) as error:
            problem = f"{root / 'data'} should list a picture and a variant per line for {split}"
            raise ValueError(f"{problem}, and {error} is not one; unpack the archive again") from error
        pairs = [pictures[index] for index in range(len(pictures))]
        splits[split] = tuple(
            Record(target, path, boxes.get(path.stem), None, path.relative_to(root).as_posix())
            for path, target in pairs
        )
    listing = Listing(title, "official split", tuple(pictures.classes), splits["trainval"], splits["test"])
    return require_files(listing, root)


def _aircraft_boxes(path: Path) -> dict[str, Box]:
    if not path.is_file():
        return {}
    rows = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {row[0]: _inclusive_box(*map(float, row[1:])) for row in rows if len(row) == 5}


def _names(path: Path) -> dict[int, str]:
    """A table of "number name" lines, as number -> name."""
    names = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        number, _, name = line.strip().partition(" ")
        if not (number.isdecimal() and name):
            raise ValueError(f"{path} should hold a number and a name per line, got {line[:80]!r}; unpack it again")
        names[int(number)] = name.strip()
    return names


def _numbers(path: Path, columns: int) -> NDArray[np.float64]:
    """A table of numbers, (lines, columns)."""
    if not path.stat().st_size:
        raise ValueError(f"{path} should hold {columns} numbers per line, got none; unpack it again")
    try:
        rows = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path} should hold {columns} numbers per line, but {error}; unpack it again") from error
    if rows.shape[1] != columns:
        raise ValueError(f"{path} should hold {columns} numbers per line, got {rows.shape[1]}; unpack it again")
    return rows


def _require_lines(path: Path, numbers: Any, table: Any) -> None:  # noqa: ANN401  (any two containers of numbers)
    missing = sorted(set(numbers) - set(table))
    if missing:
        shown = shortened([str(number) for number in missing])
        raise ValueError(f"{path} should have lines for {shown} too, which other files name; unpack it again")
