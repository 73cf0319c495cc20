"""Zip files of class folders from strangers: unpacked into a folder that `dataset=folder` reads, or refused.

Nothing is written but pictures that were decoded, under names made here, in a folder that appears when it is whole.
"""

import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from fgcore.config import DataConfig
from fgcore.data.folders import PICTURES, read_folder
from fgcore.data.images import MAX_BYTES, ImageError, decode_image, display_name
from fgcore.data.records import shortened

MAX_ENTRIES = 50_000  # files and folders
MAX_TOTAL = 4 * 2**30  # bytes of all files, unpacked
MAX_RATIO = 100  # unpacked to packed size of one file; pictures hardly shrink
_SMALL = 2**20  # bytes: the ratio of smaller files says nothing
_TESTS = ("test", "val", "valid", "validation")  # names of the folder with the test pictures, the first one counts
_LAYOUT = "arrange it as CLASS/picture.jpg, or as train/CLASS/picture.jpg and test/CLASS/picture.jpg"


class ArchiveError(ValueError):
    """A zip file that was refused; its message is one sentence fit for the person who sent it."""


@dataclass(frozen=True)
class Unpacked:
    """What became of a zip file."""

    root: Path  # for `DataConfig.root`
    class_names: tuple[str, ...]  # in the order of the data set
    train: int  # pictures
    test: int
    skipped: tuple[str, ...]  # a sentence for each picture that cannot be read, beginning with its class
    ignored: tuple[str, ...]  # paths of files that are no pictures of a class, and of empty folders


@dataclass(frozen=True)
class _Picture:
    """An entry of the archive that claims to be a picture."""

    info: zipfile.ZipInfo
    split: str  # "train", "test", or "" where the archive has no split
    label: str  # its class folder


def unpack(file: Path | BinaryIO, target: Path, *, on_picture: Callable[[int, int], None] | None = None) -> Unpacked:
    """Check a zip file of class folders and unpack its pictures into `target`.

    Layouts: CLASS/picture, or train/CLASS/picture with test/ or val/ beside it; either may lie in folders of its own.
    Without a split of its own, every fifth picture of a class by name is for testing: see `fgcore.data.folders`.
    Hidden files and files that do not end like a picture are ignored; pictures that cannot be read are skipped.

    Args:
        file: the zip file.
        target: a folder that does not exist yet; its parent is made.
        on_picture: called with the number of pictures done and of all.

    Raises:
        ArchiveError: no zip file, or a damaged or locked one; names that lead out of the folder, links; too many or
            too large files; no class folders, fewer than two classes, or fewer than two readable pictures of a class
            (one of each split where the archive has splits).
        FileExistsError: `target` exists.
        OSError: it could not be written.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists already; choose another folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unpacking-", dir=target.parent) as temporary, _opened(file) as archive:
        pictures, ignored = _arranged(_checked(archive))
        names = _folder_names(sorted({picture.label for picture in pictures}))
        root = Path(temporary) / "pictures"
        skipped = []
        counts = {(split, label): 0 for split in {p.split for p in pictures} for label in names}
        for done, picture in enumerate(pictures, start=1):
            folder = root / picture.split / names[picture.label]
            folder.mkdir(parents=True, exist_ok=True)
            problem = _unpack_one(archive, picture, folder, done)
            if problem:
                skipped.append(problem)
            else:
                counts[picture.split, picture.label] += 1
            if on_picture:
                on_picture(done, len(pictures))
        _check_counts(counts, skipped)
        root.rename(target)
    listing = read_folder(DataConfig(dataset="folder", root=str(target)))
    counted = len(listing.train), len(listing.test)
    return Unpacked(target, listing.class_names, *counted, tuple(skipped), ignored)


def _opened(file: Path | BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, EOFError) as error:
        raise ArchiveError(
            "this is no zip file, or it was cut short: expected a zip of class folders; pack the folder again"
        ) from error


def _checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The entries of the archive, after looking at every name and size and before unpacking a byte."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise ArchiveError(f"the zip has {len(entries)} entries, expected at most {MAX_ENTRIES}; pack fewer pictures")
    for entry in entries:
        _check_entry(entry)
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL:
        raise ArchiveError(
            f"the zip unpacks to {total / 2**30:.1f} GiB, expected at most {MAX_TOTAL // 2**30}; pack fewer pictures, "
            "or name a folder on this machine instead"
        )
    return entries


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name, label = entry.orig_filename, f"`{display_name(entry.orig_filename)}`"
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ".." in parts or re.match("[A-Za-z]:", name) or not name.isprintable():
        raise ArchiveError(
            f"the zip has an entry {label} whose path leads elsewhere: expected plain names such as class/photo.jpg; "
            "pack the folder again with an ordinary program"
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ArchiveError(f"the zip has a link, {label}, where a picture was expected; pack the pictures themselves")
    if entry.flag_bits & 1:
        raise ArchiveError(f"the zip is locked with a password, beginning with {label}; pack it without one")
    if entry.file_size > _SMALL and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise ArchiveError(
            f"{label} in the zip unpacks to {entry.file_size // max(entry.compress_size, 1)} times its size, expected "
            f"at most {MAX_RATIO} times as pictures do; save it as JPEG or PNG and pack again"
        )


def _arranged(entries: Iterable[zipfile.ZipInfo]) -> tuple[list[_Picture], tuple[str, ...]]:
    """The pictures with their split and class, in the order of their names; and what was ignored."""
    found: list[tuple[list[str], zipfile.ZipInfo]] = []
    ignored: list[str] = []
    filled: set[str] = set()
    for entry in sorted(entries, key=lambda entry: entry.filename, reverse=True):  # a folder after what it holds
        *folders, name = entry.filename.split("/")
        hidden = any(part.startswith((".", "__MACOSX")) for part in (*folders, name))
        if entry.is_dir() and (hidden or entry.filename in filled):
            continue
        if hidden or not folders or Path(name).suffix.lower() not in PICTURES:
            ignored.append(entry.filename)
        else:
            found.append((folders, entry))
            filled |= {"/".join(folders[:depth]) + "/" for depth in range(1, len(folders) + 1)}
    found.reverse()
    if not found:
        raise ArchiveError(f"the zip has no pictures in class folders; {_LAYOUT}")
    while len({folders[0] for folders, _ in found}) == 1 and all(len(folders) > 1 for folders, _ in found):
        found = [(folders[1:], entry) for folders, entry in found]  # a folder around everything
    splits = {folders[0].lower() for folders, _ in found}
    test = next((name for name in _TESTS if name in splits), None)
    split_of = {"train": "train", test: "test"} if "train" in splits and test and splits <= {"train", *_TESTS} else {}
    pictures = []
    for folders, entry in found:
        if split_of and folders[0].lower() not in split_of:
            ignored.append(entry.filename)  # val/ beside test/
            continue
        *split, label = [split_of.get(folders[0].lower(), folders[0]), *folders[1:]] if split_of else folders
        if len(split) != bool(split_of):
            label = display_name(entry.filename)
            raise ArchiveError(f"the zip has pictures in folders within class folders, such as `{label}`; {_LAYOUT}")
        pictures.append(_Picture(entry, split[0] if split else "", label))
    return pictures, tuple(sorted(ignored))


def _folder_names(labels: Sequence[str]) -> dict[str, str]:
    """A safe and unique folder name for each class folder of the archive."""
    names: dict[str, str] = {}
    for label in labels:
        name, number = display_name(label).lstrip(".") or "class", 1
        taken = {other.lower() for other in names.values()}
        while name.lower() in taken:
            number += 1
            name = f"{display_name(label)} ({number})"
        names[label] = name
    return names


def _unpack_one(archive: zipfile.ZipFile, picture: _Picture, folder: Path, number: int) -> str:
    """Write a picture that can be decoded; else return why not, in one sentence."""
    name = display_name(picture.info.filename)
    try:
        with archive.open(picture.info) as packed:
            data = packed.read(MAX_BYTES + 1)
        decode_image(data, name=name, max_side=64)
    except ImageError as error:
        return f"{picture.label}: {error}"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        return f"{picture.label}: `{name}` is damaged in the zip ({error})"
    (folder / f"{number:06d}-{name}").write_bytes(data)
    return ""


def _check_counts(counts: dict[tuple[str, str], int], skipped: Sequence[str]) -> None:
    """Refuse an archive without enough readable pictures to learn from."""
    splits, labels = {split for split, _ in counts}, {label for _, label in counts}
    reason = f"; {len(skipped)} cannot be read, the first being {skipped[0]}" if skipped else ""
    if len(labels) < 2:
        raise ArchiveError(f"training needs at least two classes, got one folder of pictures{reason}; {_LAYOUT}")
    least = 2 if splits == {""} else 1
    for split in sorted(splits):
        poor = [display_name(label) for label in sorted(labels) if counts[split, label] < least]
        if poor:
            where = f" in {split}/" if split else ""
            raise ArchiveError(
                f"each class needs {'two pictures' if least == 2 else 'a picture'} or more{where}, but "
                f"{shortened(poor)} {'has' if len(poor) == 1 else 'have'} fewer{reason}; add some or remove the class"
            )
