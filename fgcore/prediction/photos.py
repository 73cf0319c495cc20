"""Which image files are meant by files, folders and patterns."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgcore.data.file_kinds import is_clutter, is_image, is_unread
from fgcore.data.folders import walk
from fgcore.data.images import read_image
from fgcore.data.layout import Item
from fgcore.data.records import LeftOut, shortened


@dataclass(frozen=True)
class Photo:
    """An image that is still to be read."""

    name: str  # in the table
    read: Callable[[], NDArray[np.uint8]]  # (H, W, 3) uint8; raises ImageError or OSError


@dataclass(frozen=True)
class Found:
    """What paths lead to."""

    files: tuple[Path, ...]  # each once, in the order of the paths, a folder's by name
    left_out: tuple[LeftOut, ...]  # what lies in the folders besides


def find(paths: Sequence[str], *, without: Path | None = None) -> Found:
    """The images that `paths` mean.

    Args:
        paths: files, taken whatever they are called; folders, with all that is below them; and patterns with `*`, `?`
            and `**`. `~` is the home folder.
        without: a folder whose images are not meant, such as the one that panels are written to.

    Raises:
        FileNotFoundError: a path that leads nowhere.
        ValueError: no image at all; says what is there.
    """
    files: dict[str, Path] = {}
    left_out: list[LeftOut] = []
    for path in (match for text in paths for match in _matches(text)):
        for item in walk(path) if path.is_dir() else [Item((path.name,), path)]:
            why = _why_not(item, without) if path.is_dir() else ""
            if why:
                left_out.append(LeftOut(str(path.joinpath(*item.parts)), why))
            else:
                files.setdefault(os.path.abspath(item.source), item.source)  # noqa: PTH100  (links stay links)
    if not files:
        got = shortened([item.path for item in left_out]) or "nothing"
        raise ValueError(
            f"expected images at {shortened(list(paths))}, got {got}; name image files, folders that hold some, or "
            "patterns such as 'photos/*.jpg'"
        )
    return Found(tuple(files.values()), tuple(left_out))


def photos(files: Sequence[Path]) -> list[Photo]:
    """Files as images to read; the name of each is its path."""
    return [Photo(written(file), lambda file=file: read_image(file)) for file in files]


def written(path: Path) -> str:
    r"""A path as text of UTF-8; bytes that are none are written as \udcNN."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _matches(text: str) -> Iterator[Path]:
    path = Path(text).expanduser()
    if path.exists():
        yield path
        return
    found = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(text) else []  # noqa: PTH207  (absolute too)
    if not found:
        kind = "a file for the pattern" if glob.has_magic(text) else "an image or a folder at"
        raise FileNotFoundError(f"expected {kind} {text}, found nothing; check the path")
    yield from map(Path, found)


def _why_not(item: Item[Path], without: Path | None) -> str:
    """Why a file below a folder is not taken, in the plural; "" where it is."""
    if any(map(is_clutter, item.parts)):
        return "hidden files and folders of the system"
    if item.problem:
        return item.problem
    if without and without.resolve() in item.source.resolve().parents:
        return "panels written before"
    return "" if is_image(item.parts[-1]) or is_unread(item.parts[-1]) else "files that are no images by their names"
