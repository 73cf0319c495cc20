"""Stanford Cars as published, as the AP-CNN authors ask for it, as mirrors pack it, or divided into class folders."""

from pathlib import PureWindowsPath
from typing import Any

from fgcore.config import DataConfig
from fgcore.data.folders import read_split_folders, split_folders
from fgcore.data.published import matlab, tables
from fgcore.data.published.tables import Places
from fgcore.data.records import Listing, Record, locate

_TITLE = "Stanford Cars"
_TRAIN, _TEST, _META = "cars_train_annos.mat", "cars_test_annos_withlabels.mat", "cars_meta.mat"
_ALL = "cars_annos.mat"  # of the training and the test images together, with the names of the classes
_MOST = 196  # classes
_CORNERS = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")


def read_cars(config: DataConfig) -> Listing:
    """Stanford Cars with its annotations, which may lie anywhere below the data set's folder; or class folders.

    `cars_train/` and `cars_test/` go with `cars_train_annos.mat` and `cars_test_annos_withlabels.mat`; `car_ims/` goes
    with `cars_annos.mat`. With `config.holdout` the training half alone will do.

    Raises:
        FileNotFoundError: no such folder, or parts of it are missing.
        ValueError: damaged annotations.
    """
    root = locate(config, _TITLE, ("stanford_cars", "cars", "StandCars"))
    places = Places(root)
    missing = places.missing((_TRAIN, _TEST, "cars_train", "cars_test"))
    folders = [folder for name in ("cars_train", "cars_test", "car_ims") if (folder := places.folder(name))]
    split = "official split"
    if not missing:
        (train, _), (test, _), names = _read(places, (_TRAIN, "cars_train"), (_TEST, "cars_test"))
    elif not places.missing((_ALL, "car_ims")):
        (train, test), names = _read(places, (_ALL, "car_ims"))
    elif config.holdout and {*missing} <= {_TEST, "cars_test"}:
        ((train, _), names), test = _read(places, (_TRAIN, "cars_train")), ()
        split = "official training part"
    else:
        return read_split_folders(root, _TITLE, missing, _hint(places, missing))
    highest = 1 + max((record.target for record in (*train, *test)), default=-1)
    remarks = () if names else (f"{_META} is not there, so classes are called by their numbers",)
    if highest > (len(names) or _MOST):
        raise ValueError(
            f"{_TITLE} has images of class {highest}, expected at most {len(names) or _MOST}; download its files again"
        )
    names = names or tuple(f"class {number:03d}" for number in range(1, highest + 1))
    listing = Listing(_TITLE, split, names, train, test, remarks=remarks)
    try:
        return tables.require_files(listing, *folders)
    except FileNotFoundError:  # some mirrors leave the annotations beside class folders of renamed images
        divided = split_folders(root, _TITLE)
        if divided is None:
            raise
        return divided


def _read(places: Places, *parts: tuple[str, str]) -> list[Any]:
    """For each pair of annotations and image folder its training and test records, and last the class names."""
    named = places.file(_META) or places.file(_ALL)
    wanted = [(places.file(file), "annotations") for file, _ in parts] + [(named, "class_names")] * (named is not None)
    found = matlab.read(*wanted)
    records = [_records(*pair, places) for pair in zip(found, parts, strict=False)]
    return [*records, tuple(str(name).strip() for name in found[-1].rows) if named else ()]


def _records(
    annotations: matlab.Variable, part: tuple[str, str], places: Places
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """What annotations say of the images in a folder: those for training, and those that are called test images."""
    file, folder = part
    images, image = places.folder(folder), "relative_im_path" if file == _ALL else "fname"
    fields = (image, "class", *_CORNERS)
    if not set(fields) <= set(annotations.fields):
        got = ", ".join(annotations.fields) or "no fields"
        raise ValueError(f"{file} should hold {', '.join(fields)}, got {got}; download it again")
    records: tuple[list[Record], list[Record]] = [], []
    try:
        for values in annotations.rows:
            row = dict(zip(annotations.fields, values, strict=True))
            name = PureWindowsPath(str(row[image])).name  # "car_ims/000001.jpg"; either kind of slash
            label = int(row["class"])
            if label < 1:
                raise ValueError(f"one has class {label}")
            box = tables.inclusive_box(*(float(row[corner]) for corner in _CORNERS))
            records[bool(int(row.get("test", 0)))].append(
                Record(label - 1, images / name, box, None, f"{folder}/{name}")
            )
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{file} should give each image a class and a box, but {error}; download it again") from error
    return tuple(records[0]), tuple(records[1])


def _hint(places: Places, missing: list[str]) -> str:
    """What would help, where something of the published files is there."""
    if missing == [_TEST]:
        return (
            "it is a separate download, since the devkit's own test file has no labels, or set data.holdout=0.2 to "
            "test on a fifth of the training images"
        )
    if places.file(_ALL) and places.folder("cars_train"):
        return f"{_ALL} is about the images of car_ims/, which have other names"
    return ""
