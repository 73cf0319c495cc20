"""Zip files of class folders from strangers: unpacked into a folder that `dataset=folder` reads, or refused.

Nothing is written but images that were decoded, in a folder that appears when it is whole. Which class and split an
image belongs to is decided by the rule for folders: see `fgcore.data.layout`.
"""

import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from fgcore.data.folders import listed, walk
from fgcore.data.images import MAX_BYTES, ImageError, decode_image, display_name
from fgcore.data.layout import Arrangement, Item, Placed, arrange
from fgcore.data.names import class_names
from fgcore.data.records import check_classes, shortened
from fgcore.data.zip_names import meant, parts_of

MAX_ENTRIES = 50_000  # files and folders
MAX_TOTAL = 4 * 2**30  # bytes of all files, unpacked
MAX_RATIO = 100  # unpacked to packed size of one file; images hardly shrink
_SMALL = 2**20  # bytes: the ratio of smaller files says nothing
_MAX_FOLDER_NAME = 255  # bytes that file systems take
_MAX_DEPTH = 32  # names on the path of an entry
_MAX_FILE_NAME = 40  # characters of a written file's name
_TITLE = "the zip"


class ArchiveError(ValueError):
    """A zip file that was refused; its message is one sentence fit for the person who sent it."""


@dataclass(frozen=True)
class Unpacked:
    """What became of a zip file."""

    root: Path  # for `DataConfig.root`
    class_names: tuple[str, ...]  # in the order of the data set
    train: int  # images
    test: int
    skipped: tuple[str, ...]  # a sentence for each image that cannot be read, beginning with its class
    notes: tuple[str, ...]  # what else was left out, counted and named, and what else there is to know


def unpack(file: Path | BinaryIO, target: Path, *, on_image: Callable[[int, int], None] | None = None) -> Unpacked:
    """Check a zip file of class folders and unpack its images into `target`.

    Names are cleaned first, as zip programs of Windows and macOS need it, and then checked. Images that cannot be
    read are skipped; what is no image of a class is left out.

    Args:
        file: the zip file.
        target: a folder that does not exist yet; its parent is made.
        on_image: called with the number of images done and of all.

    Raises:
        ArchiveError: no zip file, or a damaged or locked one; names that lead out of the folder, links; too many or
            too large files; no class folders, fewer than two classes, a class without a readable training image.
            Nothing stays unpacked.
        FileExistsError: `target` exists.
        OSError: it could not be written.
    """
    if target.exists():
        raise FileExistsError(f"{display_name(target.name)} exists already; choose another folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unpacking-", dir=target.parent) as temporary, _opened(file) as archive:
        root = Path(temporary) / "images"
        try:
            arranged = arrange(_checked(archive), _TITLE)
            _check_classes(arranged)
            skipped = _write(archive, arranged, root, on_image)
            listing = listed(arrange(walk(root), _TITLE), _TITLE).first(0)
        except ArchiveError:
            raise
        except ValueError as error:  # of the layout, the classes and their names
            raise ArchiveError(str(error)) from error
        root.rename(target)
    notes = replace(listing, left_out=arranged.left_out).notes
    return Unpacked(target, listing.class_names, len(listing.train), len(listing.test), tuple(skipped), notes)


def _opened(file: Path | BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # a damaged directory breaks its parser in many ways
        raise ArchiveError(
            "this is no zip file, or it was cut short: expected a zip of class folders; pack the folder again"
        ) from error


def _checked(archive: zipfile.ZipFile) -> list[Item[zipfile.ZipInfo]]:
    """The entries of the archive, after looking at every name and size and before unpacking a byte."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise ArchiveError(f"the zip has {len(entries)} entries, expected at most {MAX_ENTRIES}; pack fewer images")
    total = sum(entry.file_size for entry in entries)
    items, folders = [], []
    for entry in entries:
        path = meant(entry)
        parts = parts_of(path)
        _check_entry(entry, f"`{display_name(path)}`", parts)
        if not parts:  # "./", the folder that was packed
            continue
        is_folder = path.endswith(("/", "\\"))
        (folders if is_folder else items).append(Item(parts, entry, "empty folders" if is_folder else ""))
    if total > MAX_TOTAL:
        raise ArchiveError(
            f"the zip unpacks to {total / 2**30:.1f} GiB, expected at most {MAX_TOTAL // 2**30}; pack fewer images, "
            "or name a folder on this machine instead"
        )
    filled = {item.parts[:depth] for item in (*items, *folders) for depth in range(1, len(item.parts))}
    filled |= {item.parts for item in items}
    return items + [folder for folder in folders if folder.parts not in filled]


def _check_entry(entry: zipfile.ZipInfo, label: str, parts: tuple[str, ...] | None) -> None:
    if parts is not None and len(parts) > _MAX_DEPTH:
        raise ArchiveError(f"the zip has {label} below {len(parts) - 1} folders, expected at most {_MAX_DEPTH - 1}")
    if parts is None:
        raise ArchiveError(
            f"the zip has an entry {label} whose path leads elsewhere: expected plain names such as class/photo.jpg; "
            "pack the folder again with an ordinary program"
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ArchiveError(f"the zip has a link, {label}, where an image was expected; pack the images themselves")
    if entry.flag_bits & 1:
        raise ArchiveError(f"the zip is locked with a password, beginning with {label}; pack it without one")
    if entry.file_size > _SMALL and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise ArchiveError(
            f"{label} in the zip unpacks to {entry.file_size // max(entry.compress_size, 1)} times its size, expected "
            f"at most {MAX_RATIO} times as images do; save it as JPEG or PNG and pack again"
        )


def _check_classes(arranged: Arrangement) -> None:
    """Refuse by its class folders what could not be trained on, before anything is written."""
    check_classes(_TITLE, class_names(arranged.classes), arranged.left_out)
    for label in arranged.classes:
        if len(os.fsencode(label)) > _MAX_FOLDER_NAME:
            raise ArchiveError(f"the zip has a class folder {label[:40]}… with too long a name; shorten it")


def _write(
    archive: zipfile.ZipFile,
    arranged: Arrangement[zipfile.ZipInfo],
    root: Path,
    on_image: Callable[[int, int], None] | None,
) -> list[str]:
    """Write every image that can be decoded into its class folder; returns why others cannot be, one sentence each."""
    parts = {"train": arranged.train, "test": arranged.test}
    images = [(part if arranged.has_split else "", image) for part, placed in parts.items() for image in placed]
    images.sort(key=lambda pair: (pair[0] == "test", pair[1].label, pair[1].item.parts[-1], pair[1].item.parts))
    skipped: list[str] = []
    lost = set(arranged.classes)
    for done, (part, image) in enumerate(images, start=1):
        folder = root / part / image.label
        folder.mkdir(parents=True, exist_ok=True)
        problem = _write_one(archive, image, folder, done)
        if problem:
            skipped.append(problem)
        elif part != "test":
            lost.discard(image.label)
        if on_image:
            on_image(done, len(images))
    if lost:
        shown = shortened(sorted(lost))
        raise ArchiveError(
            f"every class needs a training image that can be read, but {shown} {'has' if len(lost) == 1 else 'have'} "
            f"none, so add some or remove the class; {len(skipped)} cannot be read, the first being {skipped[0]}"
        )
    return skipped


def _write_one(archive: zipfile.ZipFile, image: Placed[zipfile.ZipInfo], folder: Path, number: int) -> str:
    """Write an image that can be decoded; else return why not, in one sentence."""
    name = display_name(image.item.parts[-1], max_length=_MAX_FILE_NAME)
    try:
        with archive.open(image.item.source) as packed:
            data = packed.read(MAX_BYTES + 1)
        decode_image(data, name=name, max_side=64)
    except ImageError as error:
        return f"{image.label}: {error}"
    except Exception as error:  # as do damaged entries
        return f"{image.label}: `{name}` is damaged in the zip ({error})"
    (folder / f"{number:06d}-{name}").write_bytes(data)
    return ""
