"""Which class and which split a file belongs to, by its path alone: one rule for folders and for zip files.

`CLASS/image.jpg`, or `train/CLASS/image.jpg` with `test/` or `val/` beside it, below any number of folders that hold
nothing else. What is left out is named.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from fgcore.data.file_kinds import TESTING, TRAINING, alike, ending, first_called, is_clutter, is_image, is_unread
from fgcore.data.names import in_order
from fgcore.data.records import LeftOut, shortened

Source = TypeVar("Source")

LAYOUT = "CLASS/image.jpg, or train/CLASS/image.jpg and test/CLASS/image.jpg"

_HIDDEN = "hidden files and folders of the system"
_OTHER = "files that are no images by their names"
_LOOSE = "images outside of class folders"
_DEEPER = "images in folders within class folders"


class LayoutError(ValueError):
    """Files that are no class folders; the message is one sentence, without the path of the folder itself."""


@dataclass(frozen=True)
class Item(Generic[Source]):
    """A file, or what stands in the place of one."""

    parts: tuple[str, ...]  # cleaned names of its folders and its own, below the data set's folder
    source: Source  # what the caller opens it by
    problem: str = ""  # what it is instead, in the plural: "dead links"

    @property
    def path(self) -> str:
        """For people."""
        return "/".join(self.parts)


@dataclass(frozen=True)
class Placed(Generic[Source]):
    """An image with its class."""

    label: str  # the name of its class folder
    identifier: str  # unique: its path below the folders around everything
    item: Item[Source]


@dataclass(frozen=True)
class Arrangement(Generic[Source]):
    """Class folders, found in a heap of files."""

    split: str  # in words
    has_split: bool  # False: every fifth image of a class is for testing
    classes: tuple[str, ...]  # names of the class folders, in the order of the classes
    train: tuple[Placed[Source], ...]  # by class, then by name
    test: tuple[Placed[Source], ...]
    left_out: tuple[LeftOut, ...]


class _Image(NamedTuple):
    folders: tuple[str, ...]  # those that it still lies in, of all its folders
    item: Item[Any]


_Left = dict[str, list[Item[Any]]]  # why they were left out -> these


def arrange(items: Iterable[Item[Source]], title: str) -> Arrangement[Source]:
    """Find the class folders among files.

    A folder called train is the training part where a test folder lies beside it or class folders in it, and else a
    class. Classes may be missing from the test part.

    Args:
        items: everything there is, in any order; folders that were not looked into are items themselves.
        title: what the sentence of an error calls the whole.

    Raises:
        LayoutError: no image, no class folders, class folders at several depths, a class whose files are all of a
            format that cannot be read, a test part that shares no class with the training part.
    """
    items, left = sorted(items, key=lambda item: item.parts), {}
    images = _images(items, left)
    if not images:
        raise LayoutError(_no_images(items, title))
    around, images = _unwrapped(images, left)
    if not images:
        got = shortened([item.path for item in left[_LOOSE]])
        raise LayoutError(
            f"{title} holds images but no class folders: expected {LAYOUT}, got {got}; give each class a folder of its "
            "own, or choose the folder above if this is one class"
        )
    train, test = _split(images, title)
    within, training = _part(images, train, left) if train else ((), images)
    classes = _classes(training, title, left)
    _check_unread(left.get(_OTHER, ()), (*around, *within), classes, title)
    order = tuple(in_order(classes.keys()))
    placed = [placed for label in order for placed in _placed(classes[label], label, train if test else "")]
    if test:
        words = f"own split ({train} and {test} folders)"
        tested = _tested(_part(images, test, left)[1], classes, title, (train, test), left)
    else:
        last = train or (around[-1] if around and first_called({around[-1]}, TRAINING) else "")
        words = f"own split (every fifth image of a class{f' in {last}/' if last else ''} for testing)"
        placed, tested = _divided(placed)
    for part in sorted({image.folders[0] for image in images} - {train, test} if train else ()):
        others = [image.item for image in images if image.folders[0] == part]
        left[f"images in {part}/, beside {train}/{f' and {test}/' if test else ''}"] = others
    reasons = sorted(left, key=lambda why: why == _HIDDEN)  # the least interesting one last
    named = tuple(LeftOut(item.path, why) for why in reasons for item in left[why])
    return Arrangement(words, bool(test), order, tuple(placed), tuple(tested), named)


def _images(items: Sequence[Item], left: _Left) -> list[_Image]:
    """What is an image by its name; the rest is left out."""
    images = []
    for item in items:
        if any(map(is_clutter, item.parts)):
            left.setdefault(_HIDDEN, []).append(item)
        elif item.problem or not is_image(item.parts[-1]):
            left.setdefault(item.problem or _OTHER, []).append(item)
        else:
            images.append(_Image(item.parts[:-1], item))
    return images


def _unwrapped(images: list[_Image], left: _Left) -> tuple[tuple[str, ...], list[_Image]]:
    """The folders around everything, and the images in what is below; those beside it are left out."""
    around: tuple[str, ...] = ()
    loose = [image.item for image in images if not image.folders]
    images = [image for image in images if image.folders]
    while len({image.folders[0] for image in images}) == 1:
        flat = [image.item for image in images if len(image.folders) == 1]
        deeper = [_Image(image.folders[1:], image.item) for image in images if len(image.folders) > 1]
        if not deeper or (flat and len({image.folders[0] for image in deeper}) == 1):
            break  # one class, perhaps with one more folder in it
        around, images, loose = (*around, images[0].folders[0]), deeper, loose + flat
    if loose:
        left[_LOOSE] = loose
    return around, images


def _split(images: list[_Image], title: str) -> tuple[str, str]:
    """The names of the folders with the training and the test images; "" where there is none."""
    tops = {image.folders[0] for image in images}
    with_classes = {image.folders[0] for image in images if len(image.folders) > 1}
    flat = {image.folders[0] for image in images if len(image.folders) == 1}
    train, test = first_called(tops, TRAINING), first_called(tops, TESTING)
    if train in flat and flat - {train} and not test:
        return "", ""  # a class among others, whatever folders it has in it
    if divided := first_called(with_classes, TRAINING):
        return divided, first_called(with_classes, TESTING)
    if any(alike(with_classes)):
        return alike(with_classes)
    if len(with_classes) > 1 and all(first_called({name}, TESTING) for name in tops):
        raise LayoutError(
            f"{title} has folders {shortened([f'{name}/' for name in sorted(tops)])} but no train/ beside them: "
            f"expected {LAYOUT}; call the one to learn from train/"
        )
    if train and test:
        raise LayoutError(
            f"{title} has folders {train}/ and {test}/, but no class folders in {train}/: expected {LAYOUT}; sort the "
            f"images of {train}/ into a folder per class"
        )
    return "", ""


def _part(images: list[_Image], part: str, left: _Left) -> tuple[tuple[str, ...], list[_Image]]:
    """The images of a split, and the folders from its own down to its class folders."""
    within = (part,)
    below = [_Image(image.folders[1:], image.item) for image in images if image.folders[0] == part]
    left.setdefault(_LOOSE, []).extend(image.item for image in below if not image.folders)
    below = [image for image in below if image.folders]
    while len({image.folders[0] for image in below}) == 1 and all(len(image.folders) > 1 for image in below):
        within = (*within, below[0].folders[0])
        below = [_Image(image.folders[1:], image.item) for image in below]
    return within, below


def _classes(images: list[_Image], title: str, left: _Left) -> dict[str, list[Item]]:
    """Class folder -> its images; those further below are left out."""
    if len({image.folders[1:] for image in images}) == 1:  # CLASS/images/image.jpg is as good as CLASS/image.jpg
        images = [_Image(image.folders[:1], image.item) for image in images]
    classes: dict[str, list[Item]] = {}
    deeper: dict[str, list[Item]] = {}
    for folders, item in images:
        (classes if len(folders) == 1 else deeper).setdefault(folders[0], []).append(item)
    if above := sorted(deeper.keys() - classes.keys()):
        raise LayoutError(
            f"{title} should hold {LAYOUT}, but the images of {shortened([f'{name}/' for name in above])} lie one "
            f"folder deeper, such as {deeper[above[0]][0].path}; choose {above[0]}/ itself, or put all class folders "
            "beside each other"
        )
    left.setdefault(_DEEPER, []).extend(item for group in deeper.values() for item in group)
    return classes


def _placed(images: list[Item], label: str, part: str) -> list[Placed]:
    """The images of a class by name, with identifiers that no two share."""
    seen: Counter[str] = Counter()
    placed = []
    for item in sorted(images, key=lambda item: (item.parts[-1], item.parts)):
        name = item.parts[-1]
        seen[name] += 1
        again = f" ({seen[name]})" if seen[name] > 1 else ""
        placed.append(Placed(label, "/".join(filter(None, (part, label, name + again))), item))
    return placed


def _divided(placed: list[Placed]) -> tuple[list[Placed], list[Placed]]:
    """Of each class's images the first, sixth, eleventh, ... are for testing; an only one is for training."""
    counts = Counter(image.label for image in placed)
    numbers: Counter[str] = Counter()
    train: list[Placed] = []
    test: list[Placed] = []
    for image in placed:
        (train if numbers[image.label] % 5 or counts[image.label] == 1 else test).append(image)
        numbers[image.label] += 1
    return train, test


def _tested(
    images: list[_Image], classes: dict[str, list[Item]], title: str, parts: tuple[str, str], left: _Left
) -> list[Placed]:
    """The test images of the classes that are trained on; another case of letters is the same class."""
    train, test = parts
    same = {label.casefold(): label for label in classes}
    found: dict[str, list[Item]] = {}
    for name, items in _classes(images, f"{test}/ in {title}", left).items():
        label = name if name in classes else same.get(name.casefold(), "")
        if label:
            found.setdefault(label, []).extend(items)
        else:
            left.setdefault(f"images of classes that {train}/ lacks", []).extend(items)
    if not found:
        raise LayoutError(
            f"{title} needs the same class folders in {train}/ and {test}/, but they share none: {train}/ has "
            f"{shortened(in_order(classes.keys()))}; rename those of {test}/ or take {test}/ away"
        )
    return [placed for label in in_order(found.keys()) for placed in _placed(found[label], label, test)]


def _check_unread(others: Iterable[Item], around: tuple[str, ...], classes: Iterable[str], title: str) -> None:
    """Refuse a class folder that holds nothing but photographs which cannot be read."""
    endings: dict[str, Counter[str]] = {}
    for item in others:
        *folders, name = item.parts
        is_class = len(folders) == len(around) + 1 and tuple(folders[:-1]) == around
        if is_class and folders[-1] not in classes and is_unread(name):
            endings.setdefault(folders[-1], Counter())[ending(name)] += 1
    for label, counts in endings.items():
        raise LayoutError(
            f"{title} has a class folder {label}/ without an image that can be read: expected JPEG, PNG and the like, "
            f"got {_counted(counts)}; save them as JPEG or take the folder away"
        )


def _counted(counts: Counter[str]) -> str:
    return shortened([f"{count} {name}" for name, count in counts.most_common()])


def _no_images(items: Sequence[Item], title: str) -> str:
    visible = [item for item in items if not any(map(is_clutter, item.parts)) and not item.problem]
    counts = Counter(ending(item.parts[-1]) or "without an ending" for item in visible)
    got = _counted(counts) if counts else shortened([item.path for item in items]) or "nothing"
    return f"{title} holds no images: expected {LAYOUT}, got {got}; choose the folder that holds the class folders"
