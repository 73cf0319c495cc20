"""What models say of many images: batches on the device, while threads read the images that come next.

Each image is read once for all models. At no time are more than two batches of network inputs in memory, and as many
whole images as there are threads.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor

from fgcore.config import DataConfig
from fgcore.data.images import ImageError
from fgcore.data.transforms import evaluation_view
from fgcore.evaluation.evaluation import network_input
from fgcore.inspection.inspector import Loaded
from fgcore.inspection.known import known
from fgcore.methods.heads import predictions
from fgcore.prediction.photos import Photo

TOP = 5  # classes of a row
_THREADS = 8  # at most, that read images

Asked, Read = TypeVar("Asked"), TypeVar("Read")


@dataclass(frozen=True, eq=False)
class Model:
    """A model that is asked."""

    name: str  # in the table
    loaded: Loaded  # on the device to use

    @property
    def sha256(self) -> str:
        """Of its file."""
        return self.loaded.checkpoint.sha256


@dataclass(frozen=True)
class Row:
    """What one model says of one image."""

    image: str
    model: Model
    top: tuple[tuple[str, float], ...] = ()  # at most `TOP` classes with their probabilities, best first
    known: bool | None = None  # whether it is like what the model has learned; None: nobody knows
    error: str = ""  # why the image cannot be read; "" where it was


@dataclass(frozen=True)
class _Views:
    """An image as the models take it."""

    photo: Photo
    views: dict[DataConfig, Tensor]  # (3, crop, crop) uint8
    error: str = ""


def predict(
    photos: Iterable[Photo],
    models: Sequence[Model],
    *,
    batch_size: int = 16,
    wanted: Callable[[Photo, Model], bool] = lambda photo, model: True,
) -> Iterator[list[Row]]:
    """Ask each model about each image; yields the rows of one image at a time, in order.

    The probabilities are those of `Inspector` up to rounding: the preprocessing is that of each checkpoint.

    Args:
        photos: read when their turn comes.
        models: in the order of the rows.
        batch_size: images at a time.
        wanted: which rows are asked for. An image of which none is wanted is not read, and yields an empty list.
    """
    configs = {model: model.loaded.checkpoint.experiment.data for model in models}

    def views(photo: Photo) -> _Views:
        needed = {configs[model] for model in models if wanted(photo, model)}
        try:
            pixels = photo.read() if needed else None
        except ImageError as error:
            return _Views(photo, {}, str(error))
        except OSError as error:  # it went away, or may not be opened
            reason = f"it cannot be opened ({error.strerror}); check it" if error.strerror else str(error)
            return _Views(photo, {}, reason)
        return _Views(photo, {config: evaluation_view(pixels, config)[0] for config in needed})

    ready = _ahead(views, photos, batch_size)
    while batch := list(islice(ready, batch_size)):
        rows: dict[int, list[Row]] = {place: [] for place in range(len(batch))}
        for model in models:
            asked = {place: each for place, each in enumerate(batch) if wanted(each.photo, model)}
            good = [place for place, each in asked.items() if not each.error]
            answers = _answers(model, [asked[place].views[configs[model]] for place in good])
            for place in asked:
                top, like = answers[good.index(place)] if place in good else ((), None)
                rows[place].append(Row(asked[place].photo.name, model, top, like, asked[place].error))
        yield from rows.values()


@torch.inference_mode()
def _answers(model: Model, views: Sequence[Tensor]) -> list[tuple[tuple[tuple[str, float], ...], bool | None]]:
    """The top classes of each view, and whether the model knows its like."""
    if not views:
        return []
    source, network = model.loaded.checkpoint, model.loaded.model
    device = next(network.parameters()).device
    output = network(network_input(torch.stack(list(views)), source.experiment.data, device))
    said = predictions(output.logits, ["final"] * len(views))
    tops = [tuple((source.class_names[index], share) for index, share in each.top(TOP)) for each in said]
    return list(zip(tops, known(source, output), strict=True))


def _ahead(work: Callable[[Asked], Read], items: Iterable[Asked], count: int) -> Iterator[Read]:
    """`work` of each item in order, done by threads up to `count` items before it is asked for."""
    pool = ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1))
    waiting: deque[Future[Read]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
