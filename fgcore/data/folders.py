"""Data sets that are plain folders of images, one folder per class: folder -> `Listing`."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from fgcore.config import DataConfig
from fgcore.data.file_kinds import TESTING, first_called, is_clutter
from fgcore.data.layout import Arrangement, Item, LayoutError, Placed, arrange
from fgcore.data.names import class_names, clean, is_text
from fgcore.data.records import Listing, Record, called, contents, locate, shortened

_MAX_DEPTH = 8  # folders below the data set's own
_MAX_FILES = 5_000_000  # a whole disk, not a data set


def read_folder(config: DataConfig) -> Listing:
    """Class folders, with a split of their own or with every fifth image of a class for testing.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no class folders in it; see `fgcore.data.layout.arrange`.
    """
    root = locate(config, "dataset=folder", ())
    return listed(arrange(walk(root), called(root)), called(root))


def read_split_folders(root: Path, title: str, missing: Sequence[str], hint: str = "", *, fits: bool = True) -> Listing:
    """A published data set as class folders under train/ and test/, where its own files are not there.

    Args:
        root: its folder.
        title: its name.
        missing: what would have been read instead.
        hint: what would help, said in the error.
        fits: False: class folders are of no use.

    Raises:
        FileNotFoundError: there are no such class folders either; says what is there, and what would work.
    """
    arrangement = _arranged(root)
    if arrangement and arrangement.has_split and fits:
        return listed(arrangement, title)
    root = root.resolve()
    above = [name for name in missing if (root.parent / name).exists()]
    if not hint and above and (len(above) == len(missing) or (root.name in above and len(above) > 1)):
        hint = "they lie in the folder above, so choose that"
    elif not hint and arrangement and len(arrangement.classes) > 1 and fits:
        hint = f"dataset=folder reads its {len(arrangement.classes)} class folders"
    classes = ", or class folders train/ and test/," if fits else ""
    raise FileNotFoundError(
        f"{title} needs {shortened(missing)}{classes} in {called(root)}, which {contents(root)}; "
        f"{hint or 'unpack the whole archive there, or choose another folder'}"
    )


def split_folders(root: Path, title: str) -> Listing | None:
    """Class folders under train/ and test/; None where there are none."""
    arrangement = _arranged(root)
    return listed(arrangement, title) if arrangement and arrangement.has_split else None


def _arranged(root: Path) -> Arrangement[Path] | None:
    try:
        return arrange(walk(root), called(root))
    except LayoutError:
        return None


def listed(arrangement: Arrangement[Path], title: str) -> Listing:
    """Class folders as a data set."""
    targets = {label: target for target, label in enumerate(arrangement.classes)}

    def record(placed: Placed[Path]) -> Record:
        return Record(targets[placed.label], placed.item.source, None, None, placed.identifier)

    return Listing(
        title,
        arrangement.split,
        class_names(arrangement.classes),
        tuple(map(record, arrangement.train)),
        tuple(map(record, arrangement.test)),
        left_out=arrangement.left_out,
        remarks=_remarks(arrangement),
    )


def _remarks(arrangement: Arrangement[Path]) -> tuple[str, ...]:
    """What was assumed of the names of folders."""
    images = (*arrangement.train, *arrangement.test)
    odd = sorted({image.label for image in images if not is_text(image.item.source.parent.name)})
    remarks = []
    if odd:
        names = f"({len(odd)}): {shortened(odd)}"
        remarks.append(f"folder names that are no UTF-8 were read as Western letters, or as bytes {names}")
    raw: dict[str, set[str]] = {}
    for image in arrangement.train:
        raw.setdefault(image.label, set()).add(image.item.source.parent.name)
    if merged := [label for label, names in raw.items() if sum(clean(name) == label for name in names) > 1]:
        remarks.append(
            f"folders whose names differ in signs that nobody sees are one class ({len(merged)}): {shortened(merged)}"
        )
    if not arrangement.has_split and (test := first_called(arrangement.classes, TESTING)):
        remarks.append(f"{test}/ was taken for a class, since no folder train/ lies beside it")
    return tuple(remarks)


def walk(root: Path) -> Iterator[Item[Path]]:
    """Every file below a folder, links followed; and every folder that has nothing in it or is not looked into.

    Raises:
        ValueError: more files than any data set has.
    """
    for number, item in enumerate(_walk(root, (), ())):
        if number == _MAX_FILES:
            raise ValueError(f"{called(root)} holds more than {_MAX_FILES} files; choose the folder of class folders")
        yield item


def _walk(folder: Path, parts: tuple[str, ...], above: tuple[tuple[int, int], ...]) -> Iterator[Item[Path]]:
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        if not parts:
            raise FileNotFoundError(f"{called(folder)} cannot be opened ({error.strerror}); choose another") from error
        yield Item(parts, folder, "folders that cannot be opened")
        return
    place = (status.st_dev, status.st_ino)
    if place in above:
        yield Item(parts, folder, "links that lead round in a circle")
    elif len(parts) > _MAX_DEPTH:
        yield Item(parts, folder, f"folders more than {_MAX_DEPTH} levels down")
    elif not entries and parts:
        yield Item(parts, folder, "empty folders")
    else:
        for entry in entries:
            yield from _below(entry, parts, (*above, place))


def _below(entry: os.DirEntry, parts: tuple[str, ...], above: tuple[tuple[int, int], ...]) -> Iterator[Item[Path]]:
    path, name = Path(entry.path), clean(entry.name) or entry.name
    try:
        is_folder, is_file = entry.is_dir(), entry.is_file()
    except OSError:  # a link to itself
        is_folder = is_file = False
    if is_folder and is_clutter(name):
        yield Item((*parts, name), path)
    elif is_folder:
        yield from _walk(path, (*parts, name), above)
    else:
        problem = "" if is_file else "dead links" if entry.is_symlink() else "things that are no files"
        yield Item((*parts, *(split_name(name) or (name,))), path, problem)


def split_name(path: str) -> tuple[str, ...]:
    """The cleaned names on a path of an archive, in which Windows may have written backslashes."""
    names = (clean(name) for name in path.replace("\\", "/").split("/"))
    return tuple(name for name in names if name not in ("", "."))
