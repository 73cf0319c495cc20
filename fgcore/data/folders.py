"""Data sets that are plain folders of pictures, one folder per class: folder -> `Listing`."""

from pathlib import Path

from fgcore.config import DataConfig
from fgcore.data.records import Listing, Record, contents, locate, readable, shortened

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff"})


def read_folder(config: DataConfig) -> Listing:
    """Class folders under train/ and test/ or val/; or one folder per class, every fifth picture for testing."""
    root = locate(config, "dataset=folder", ())
    if (root / "train").is_dir():
        return read_split_folders(root, root.resolve().name)
    return _read_class_folders(root, root.resolve().name)


def read_split_folders(root: Path, title: str) -> Listing:
    """Class folders under `root`/train and `root`/test, or `root`/val where there is no test."""
    test = next((name for name in ("test", "val") if (root / name).is_dir()), None)
    if test is None:
        raise FileNotFoundError(
            f"{title} needs a folder test/ or val/ beside train/ in {root}, which {contents(root)}; add one"
        )
    names, test_names = _class_folders(root / "train"), _class_folders(root / test)
    if names != test_names:
        different = sorted(set(names) ^ set(test_names))
        raise ValueError(
            f"{title} needs the same classes in train/ and {test}/, but {shortened(different)} "
            f"{'is' if len(different) == 1 else 'are'} in one only; make them equal"
        )
    train_records, test_records = (
        tuple(
            _file_record(target, path, root)
            for target, name in enumerate(names)
            for path in _pictures(root / split / name)
        )
        for split in ("train", test)
    )
    return Listing(title, f"own split (train and {test} folders)", readable(names), train_records, test_records)


def _read_class_folders(root: Path, title: str) -> Listing:
    """Of each class's pictures, sorted by name, the first, sixth, eleventh, ... are for testing."""
    names = _class_folders(root)
    train: list[Record] = []
    test: list[Record] = []
    for target, name in enumerate(names):
        pictures = _pictures(root / name)
        if len(pictures) == 1:
            raise ValueError(f"each class needs two pictures or more, got 1 in {root / name}; add some or remove it")
        for number, path in enumerate(pictures):
            (train if number % 5 else test).append(_file_record(target, path, root))
    return Listing(
        title, "own split (every fifth picture of a class for testing)", readable(names), tuple(train), tuple(test)
    )


def _class_folders(folder: Path) -> list[str]:
    names = sorted(child.name for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    if not names:
        raise FileNotFoundError(
            f"expected one folder of pictures per class in {folder}, which {contents(folder)}; "
            "arrange it as train/CLASS/*.jpg and test/CLASS/*.jpg, or as CLASS/*.jpg"
        )
    return names


def _pictures(folder: Path) -> list[Path]:
    files = (path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    return sorted(path for path in files if not path.name.startswith("."))


def _file_record(target: int, path: Path, root: Path) -> Record:
    return Record(target, path, None, None, path.relative_to(root).as_posix())
