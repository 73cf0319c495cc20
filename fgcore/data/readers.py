"""From a `DataConfig` to the `Listing` of its data set. No image is opened here."""

from collections.abc import Callable

from fgcore.config import DataConfig
from fgcore.data import synthetic
from fgcore.data.folders import read_folder
from fgcore.data.published.aircraft import read_aircraft
from fgcore.data.published.cars import read_cars
from fgcore.data.published.cub import read_cub
from fgcore.data.records import Listing, Record

TEST_SEEDS = 500_000  # number of a class's first drawn test sample; training samples are numbered from 0
_SEEDS_PER_CLASS = 1_000_003  # more than a class has numbers: no two classes share a seed


def read(config: DataConfig) -> Listing:
    """The data set that `config` names, with its first `config.classes` classes and `config.holdout` held aside.

    Raises:
        FileNotFoundError: its folder, or a part of it, is missing.
        ValueError: a damaged annotation file, no class folders, too few classes or images, or
            class names that no checkpoint can hold.
    """
    return _READERS[config.dataset](config).hold_aside(config.holdout).first(config.classes)


def sample_seed(target: int, number: int) -> int:
    """The seed of a drawn sample: target * 1,000,003 + number.

    Numbers count from 0 in training and from 500,000 in the test split, so that no seed is drawn twice.
    """
    return target * _SEEDS_PER_CLASS + number


def _read_synthetic(config: DataConfig) -> Listing:
    kind = config.dataset.removeprefix("synthetic_")
    train, test = config.train_per_class, config.test_per_class
    names = synthetic.class_names(kind)

    def records(first: int, count: int) -> tuple[Record, ...]:
        numbers = range(first, first + count)
        return tuple(
            Record(target, None, None, None, f"{kind}/{target:03d}/{number}")
            for target in range(len(names))
            for number in numbers
        )

    split = f"{train} + {test} drawn per class"
    return Listing(f"synthetic {kind}", split, names, records(0, train), records(TEST_SEEDS, test))


_READERS: dict[str, Callable[[DataConfig], Listing]] = {
    "synthetic_birds": _read_synthetic,
    "synthetic_cars": _read_synthetic,
    "cub": read_cub,
    "cars": read_cars,
    "aircraft": read_aircraft,
    "folder": read_folder,
}
