"""Data sets: every image of a split as a network input with its class, ready for a `DataLoader`.

Randomness: the augmented view of an image is a pure function of (draw, index). A sampler that yields keys
(index, draw), with `draw` made from the run's seed and the epoch, gets the same views whatever the number of
workers, and a resumed run goes on as the uninterrupted one would have.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from fgcore.config import DataConfig
from fgcore.data import synthetic
from fgcore.data.cache import check_memory, decode_all
from fgcore.data.images import MIN_SIDE, ImageError, read_image
from fgcore.data.readers import read, sample_seed
from fgcore.data.records import Record, shortened
from fgcore.data.transforms import evaluation_view, random_view, resize

__all__ = ["ImageSet", "Record", "Splits", "describe", "load"]

Decoded = TypeVar("Decoded")
_LEAST_SIDE = 8  # pixels: published sets have crops of cars as flat as 76 x 23
_FULL_SIZE = 2**16  # pixels a side, more than any readable image has: annotations are in its own pixels


class ImageSet(Dataset[tuple[Tensor, int]]):
    """Labelled images as uint8 network inputs; `fgcore.data.transforms.normalise` takes whole batches of them.

    Attributes:
        records: the images in order, without those in `unreadable`.
        class_names: K names; `Record.target` counts in them.
        config: how images become network inputs.
        training: random views, else the evaluation view.
        unreadable: identifier -> why it was left out, for the images that cannot be read.
        title: where the images come from, for `describe`.
        notes: what the data set's reader left out or had to assume, a sentence each.
        part: "training", "test" or "held-aside".
    """

    def __init__(
        self,
        records: Sequence[Record],
        class_names: Sequence[str],
        config: DataConfig,
        *,
        training: bool,
        cache: bool = False,
        title: str = "",
        notes: Sequence[str] = (),
        part: str = "",
    ) -> None:
        """Take the records, and with `cache` read them all now.

        Args:
            records: at least one.
            class_names: K names.
            config: its transform fields.
            training: random views, else the evaluation view.
            cache: keep every image decoded and resized in memory (evaluation: cropped as well), so that an
                epoch only crops, flips and jitters. Forked `DataLoader` workers share this memory.
            title: where the images come from, for `describe`.
            notes: see the attribute.
            part: see the attribute; "": "training" or "test".

        Raises:
            ValueError: a transform setting that cannot work, a cache larger than half of the machine's memory, no
                readable image, or a class without one to train on.
        """
        self.records = tuple(records)
        self.class_names = tuple(class_names)
        self.config = config
        self.training = training
        self.title = title
        self.notes = tuple(notes)
        self.part = part or ("training" if training else "test")
        self.unreadable: dict[str, str] = {}
        self._cached: list[Tensor] | None = None
        if cache:
            check_memory(len(self), config.resize if training else config.crop)
            self._cached = self._leave_out(self._resized)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def skipped(self) -> tuple[str, ...]:
        """Identifiers of the images that were left out because they cannot be read."""
        return tuple(self.unreadable)

    def __getitem__(self, key: int | tuple[int, int]) -> tuple[Tensor, int]:
        """The network input of one image and its class.

        Args:
            key: index, or (index, draw) with `draw` a seed of 0 or more. The view is a pure function of both;
                a plain index means draw 0; evaluation ignores `draw`.

        Returns:
            (3, crop, crop) uint8 in memory of its own, target.

        Raises:
            IndexError: no such image.
            ImageError: the image cannot be read; names it.
        """
        index, draw = key if isinstance(key, tuple) else (key, 0)
        index = range(len(self))[index]  # negative indices and IndexError as in a list
        resized = self._cached[index] if self._cached is not None else self._resized(self.records[index])
        if not self.training:
            return resized.clone(), self.records[index].target
        view = random_view(resized, self.config, np.random.default_rng((draw, index)))
        return view, self.records[index].target

    def image(self, index: int) -> NDArray[np.uint8]:
        """The image as it is stored: (H, W, 3) uint8 RGB. A drawn one is drawn at `config.resize` pixels."""
        return _pixels(self.records[index], self.config)

    def sample(self, index: int) -> synthetic.Sample | None:
        """The drawn sample with its masks and box, in the pixels of `image`; None for photographs."""
        record = self.records[index]
        return _draw(record, self.config) if record.path is None else None

    def _resized(self, record: Record) -> Tensor:
        """The part of the transform that no epoch changes."""
        pixels = _pixels(record, self.config)
        return resize(pixels, self.config) if self.training else evaluation_view(pixels, self.config)[0]

    def leave_out_unreadable(self) -> None:
        """Without a cache: open every image once, and skip what the cache would have skipped.

        Raises:
            ValueError: no readable image, or a class without one to train on.
        """
        if self._cached is None:
            self._leave_out(_open)

    def _leave_out(self, decode: Callable[[Record], Decoded]) -> list[Decoded]:
        """Keep the records that `decode` can read, and return what it made of them."""
        decoded = decode_all(decode, self.records)
        pairs = list(zip(self.records, decoded, strict=True))
        self.unreadable = {record.identifier: str(image) for record, image in pairs if isinstance(image, ImageError)}
        read = [(record, image) for record, image in pairs if not isinstance(image, ImageError)]
        first = next(iter(self.unreadable.values()), "")
        if not read:
            raise ValueError(f"none of the {len(self)} {self.part} images of {self.title} can be read: {first}")
        lost = {record.target for record in self.records} - {record.target for record, _ in read}
        if lost and self.training:
            names = shortened([self.class_names[target] for target in sorted(lost)])
            why = next(str(image) for record, image in pairs if record.target in lost)
            raise ValueError(
                f"no training image of {names} in {self.title} can be read, so replace the files or remove the class; "
                f"the first is {why}"
            )
        self.records = tuple(record for record, _ in read)
        return [image for _, image in read]


class Splits(NamedTuple):
    """The two halves of a data set, which share their class names."""

    train: ImageSet
    test: ImageSet


def load(config: DataConfig, cache_images: bool = True) -> Splits:
    """The training and test images that `config` names.

    Layouts: CUB-200-2011, Stanford Cars and FGVC-Aircraft as published, as the AP-CNN authors ask for them, as mirrors
    pack them, or divided into class folders; and one's own class folders, under train/ and test/ (or val/), or
    without a split, where the first, sixth, eleventh, ... image of a class by name is for testing. See
    `fgcore.data.layout`. Drawn samples are a function of class and number: see `fgcore.data.readers.sample_seed`.

    With `config.holdout`, the test split is that share of the training images, and the training split is the rest:
    see `Listing.hold_aside`. The published test images are then not touched.

    Args:
        config: `root` is the data set's folder; "" looks under the environment variable FG_DATA.
        cache_images: read all images now and keep them; unreadable ones are skipped and named in
            `ImageSet.skipped`. Otherwise each is read when it is asked for, and an unreadable one is an error
            unless `ImageSet.leave_out_unreadable` was called.

    Raises:
        FileNotFoundError: the folder, or a part of it, is missing.
        ValueError: settings that cannot work, damaged annotations, fewer than two classes, a class without training
            images, or names that no checkpoint can hold.
    """
    listing = read(config)

    def images(records: Sequence[Record], part: str) -> ImageSet:
        return ImageSet(
            records,
            listing.class_names,
            config,
            training=part == "training",
            cache=cache_images,
            title=listing.summary,
            notes=listing.notes,
            part=part,
        )

    return Splits(images(listing.train, "training"), images(listing.test, listing.test_part))


def describe(split: ImageSet) -> str:
    """One line for provenance: "CUB-200-2011, 50 classes, official split: 697 test images"."""
    line = f"{split.title}: {len(split)} {split.part} images"
    return f"{line}, {len(split.skipped)} unreadable left out ({shortened(split.skipped)})" if split.skipped else line


def _pixels(record: Record, config: DataConfig) -> NDArray[np.uint8]:
    return _draw(record, config).image if record.path is None else _read(record, _FULL_SIZE)


def _open(record: Record) -> bool:
    """True, or `ImageError`: all of the file is decoded, as small as its format allows. A drawing needs no file."""
    return record.path is None or _read(record, MIN_SIDE).size > 0


def _read(record: Record, max_side: int) -> NDArray[np.uint8]:
    """The image of a file; whatever is wrong with it is an `ImageError` that names it."""
    try:
        return read_image(record.path, max_side=max_side, min_side=_LEAST_SIDE)
    except ImageError as error:
        raise ImageError(f"{record.identifier}: {error}") from error
    except OSError as error:  # it went away, or may not be opened
        raise ImageError(f"{record.identifier}: it cannot be opened ({error.strerror or 'it is not there'})") from error


def _draw(record: Record, config: DataConfig) -> synthetic.Sample:
    kind, target, number = record.identifier.split("/")
    return synthetic.draw(kind, int(target), sample_seed(int(target), int(number)), size=config.resize)
