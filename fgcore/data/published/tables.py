"""The files of published data sets, wherever a mirror puts them and whatever an editor did to them."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgcore.data.file_kinds import is_clutter, is_image
from fgcore.data.names import clean
from fgcore.data.records import Box, Listing, Record, shortened

_MAX_DEPTH = 6  # folders on the way down from the data set's own, itself included
_MAX_FOLDERS = 64  # in a folder that is searched; more are class folders
_COPY = r"{0}[ _-]*(\(?\d+\)?|copy){1}"  # what browsers and file managers make of a name


class Places:
    """Files and folders below a data set's folder by their names, in any case; the one nearest to it counts."""

    def __init__(self, root: Path) -> None:
        """Look once; images, and what lies beside many other folders, are not looked at."""
        self.root = root
        self._files: dict[str, Path] = {}
        self._folders: dict[str, Path] = {}
        level = [root]
        for _ in range(_MAX_DEPTH):
            level = [folder for parent in level for folder in self._look(parent)]

    def _look(self, parent: Path) -> list[Path]:
        try:
            entries = sorted(os.scandir(parent), key=lambda entry: entry.name)
        except OSError:
            return []
        below = []
        for entry in entries:
            if is_clutter(entry.name):
                continue
            path = Path(entry.path)
            if path.is_dir():
                self._folders.setdefault(entry.name.casefold(), path)
                below.append(path)
            elif not is_image(entry.name):
                self._files.setdefault(entry.name.casefold(), path)
        return below if len(below) <= _MAX_FOLDERS else []

    def file(self, name: str) -> Path | None:
        """The file of that name, or else a copy of it such as "name (1).mat"."""
        stem, dot, last = name.casefold().rpartition(".")
        copy = re.compile(_COPY.format(re.escape(stem), re.escape(dot + last)))
        copies = sorted(filter(copy.fullmatch, self._files))
        return self._files.get(name.casefold()) or (self._files[copies[0]] if copies else None)

    def folder(self, name: str) -> Path | None:
        """The folder of that name; the inner one where an archive was unpacked into a folder called as itself."""
        folder = self._folders.get(name.casefold())
        while folder is not None and (folder / folder.name).is_dir():
            folder = folder / folder.name
        return folder

    def beside(self, file: Path, name: str) -> Path | None:
        """The folder of that name beside a file, or else the one nearest to the data set's folder."""
        return file.parent / name if (file.parent / name).is_dir() else self.folder(name)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of the names that are neither a file nor a folder."""
        return [name for name in names if self.file(name) is None and self.folder(name) is None]


def lines(path: Path) -> list[str]:
    """The lines of a text that are not empty, from Windows, a Mac or Linux, without a byte order mark.

    Raises:
        ValueError: it cannot be opened.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name} cannot be opened ({error.strerror}); unpack it again") from error
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def names(path: Path) -> dict[int, str]:
    """A table of "number name" lines, as number -> name."""
    found = {}
    for line in lines(path):
        number, *name = line.split(maxsplit=1)
        if not (re.fullmatch(r"[0-9]{1,18}", number) and name):
            raise ValueError(
                f"{path.name} should hold a number and a name per line, got {line[:80]!r}; unpack it again"
            )
        found[int(number)] = name[0]
    return found


def numbers(path: Path, columns: int) -> NDArray[np.float64]:
    """A table of numbers, (lines, columns)."""
    rows = lines(path)
    wanted = f"{path.name} should hold {columns} numbers per line"
    if not rows:
        raise ValueError(f"{wanted}, got none; unpack it again")
    try:
        table = np.loadtxt(rows, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{wanted}, but {error}; unpack it again") from error
    if table.shape[1] != columns:
        raise ValueError(f"{wanted}, got {table.shape[1]}; unpack it again")
    if not np.isfinite(table).all() or np.abs(table).max() > 2**53:
        raise ValueError(f"{wanted}, got one that is no number; unpack it again")
    return table


def require_lines(path: Path, wanted: Iterable[int], table: Iterable[int]) -> None:
    """Check that a table has a line for each number that other tables name.

    Raises:
        ValueError: saying which it lacks.
    """
    missing = sorted(set(wanted) - set(table))
    if missing:
        shown = shortened([str(number) for number in missing])
        raise ValueError(f"{path.name} should have lines for {shown} too, which other files name; unpack it again")


def inclusive_box(left: float, top: float, right: float, bottom: float) -> Box:
    """From MATLAB's first and last pixel, counted from 1, to the edges."""
    return left - 1, top - 1, right, bottom


def require_files(listing: Listing, *folders: Path) -> Listing:
    """The listing, once every image that it names is known to exist.

    Args:
        listing: with images where its tables say they are.
        folders: of images, below which they are looked for by name where they are not there, since some mirrors sort
            them into folders.

    Raises:
        FileNotFoundError: saying how many do not, and which the first one is.
    """
    missing = _missing(listing)
    if missing and folders:
        listing = _found(listing, {record.path for record in missing}, {folder: _by_name(folder) for folder in folders})
        missing = _missing(listing)
    if missing:
        total = len(listing.train) + len(listing.test)
        raise FileNotFoundError(
            f"{listing.title} lists {total} images, but {len(missing)} are not there, the first being "
            f"{clean(missing[0].identifier)}; unpack the whole archive"
        )
    return listing


def _missing(listing: Listing) -> list[Record]:
    return [record for record in (*listing.train, *listing.test) if record.path is None or not _exists(record.path)]


def _exists(path: Path) -> bool:
    """True for a file; False for anything else, a name that no system takes included."""
    try:
        return path.is_file()
    except OSError:
        return False


def _found(listing: Listing, missing: set[Path | None], images: Mapping[Path, Mapping[str, Path]]) -> Listing:
    """The listing with the place of each missing image that lies elsewhere; no file stands for two images."""
    records = [*listing.train, *listing.test]
    places = {record.path: record.path for record in records}
    for path in missing - {None}:
        below = next((names for folder, names in images.items() if path.is_relative_to(folder)), {})
        places[path] = below.get(path.name.casefold(), path)
    times = Counter(places.values())

    def found(record: Record) -> Record:
        place = places[record.path]
        return replace(record, path=place) if times[place] == 1 else record

    return replace(listing, train=tuple(map(found, listing.train)), test=tuple(map(found, listing.test)))


def _by_name(folder: Path) -> dict[str, Path]:
    """The files below a folder whose names only one of them has, by these names in lower case."""
    paths: dict[str, list[Path]] = {}
    for above, _, names in os.walk(folder):
        for name in names:
            paths.setdefault(name.casefold(), []).append(Path(above, name))
    return {name: found[0] for name, found in paths.items() if len(found) == 1}
