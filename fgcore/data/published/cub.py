"""CUB-200-2011 as its authors pack it, as the AP-CNN authors ask for it, or divided into class folders."""

import numpy as np

from fgcore.config import DataConfig
from fgcore.data.folders import read_split_folders
from fgcore.data.names import class_names
from fgcore.data.published import tables
from fgcore.data.published.tables import Places
from fgcore.data.records import Box, Listing, Record, locate

_TABLES = ("images.txt", "image_class_labels.txt", "train_test_split.txt")


def read_cub(config: DataConfig) -> Listing:
    """CUB-200-2011; image numbers may have gaps, and class names, boxes and parts may be absent.

    Raises:
        FileNotFoundError: no such folder, or parts of it are missing.
        ValueError: damaged tables.
    """
    title = "CUB-200-2011"
    root = locate(config, title, ("CUB_200_2011", "birds"))
    places = Places(root)
    found = [path for name in _TABLES if (path := places.file(name))]
    images = places.beside(found[0], "images") if found else None
    if len(found) < len(_TABLES) or images is None:
        return read_split_folders(root, title, places.missing(("images", *_TABLES)))
    listed = {number: _below(images.name, name) for number, name in tables.names(found[0]).items()}
    labels = {int(image): int(label) for image, label in tables.numbers(found[1], 2)}
    in_training = {int(image): bool(flag) for image, flag in tables.numbers(found[2], 2)}
    for path, table in ((found[1], labels), (found[2], in_training)):
        tables.require_lines(path, listed, table)
    classes = _classes(places, listed, labels)
    targets = {number: target for target, number in enumerate(sorted(classes))}
    boxes, parts = _boxes(places), _parts(places)
    splits: dict[bool, list[Record]] = {True: [], False: []}
    for image, name in listed.items():
        visible = None if parts is None else parts.get(image, {})
        record = Record(targets[labels[image]], images / name, boxes.get(image), visible, f"images/{name}")
        splits[in_training[image]].append(record)
    names = class_names([classes[number] for number in targets])
    return tables.require_files(
        Listing(title, "official split", names, tuple(splits[True]), tuple(splits[False])), images
    )


def _below(folder: str, name: str) -> str:
    """The path of an image below the folder of images, which a table may or may not begin with."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts[1:] if parts[0].casefold() == folder.casefold() else parts) if parts else name


def _classes(places: Places, images: dict[int, str], labels: dict[int, int]) -> dict[int, str]:
    """Class number -> name, from the table of classes or else from the folders of its images."""
    used = {labels[image] for image in images}
    path = places.file("classes.txt")
    if path is None:
        folders = {labels[image]: name.rpartition("/")[0].rpartition("/")[2] for image, name in images.items()}
        return {number: folders[number] or f"class {number:03d}" for number in used}
    classes = tables.names(path)
    tables.require_lines(path, used, classes)
    return classes


def _boxes(places: Places) -> dict[int, Box]:
    """Image number -> box; the file gives x, y, width, height."""
    path = places.file("bounding_boxes.txt")
    rows = tables.numbers(path, 5) if path else np.empty((0, 5))
    return {int(image): (x, y, x + width, y + height) for image, x, y, width, height in rows.tolist()}


def _parts(places: Places) -> dict[int, dict[str, tuple[float, float]]] | None:
    """Image number -> its visible parts; None without their tables."""
    names, locations = places.file("parts.txt"), places.file("part_locs.txt")
    if names is None or locations is None:
        return None
    part_names = tables.names(names)
    rows = tables.numbers(locations, 5)
    tables.require_lines(names, {int(part) for part in rows[:, 1]}, part_names)
    parts: dict[int, dict[str, tuple[float, float]]] = {}
    for image, part, x, y, visible in rows.tolist():
        if visible:
            parts.setdefault(int(image), {})[part_names[int(part)]] = (x, y)
    return parts
