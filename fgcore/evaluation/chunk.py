"""The work on a few consecutive images: every model looks at them, and two tables come out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from fgcore.data import transforms
from fgcore.data.datasets import ImageSet
from fgcore.data.images import ImageError
from fgcore.evaluation.deletion import Curves, deletion_insertion
from fgcore.evaluation.maps import ImageMaps, shown_maps
from fgcore.evaluation.measures import image_row, map_rows
from fgcore.evaluation.truth import Truth, read_truth
from fgcore.inspection.inspector import Loaded
from fgcore.machine.runtime import derive_seed

KEYS = ["model", "index"]  # of the table of images; that of maps has "map" too


@dataclass(frozen=True)
class Settings:
    """What an analysis measures; its tables are a function of these, the models and the images."""

    split: str = "test"  # or "train", in the evaluation view
    radius: float = 0.1  # share of the object's longer side within which a point is at a part
    faithfulness: int = 24  # images with deletion and insertion curves, drawn by the seed; -1: all
    steps: int = 10  # of those curves
    seed: int = 0  # of the controls, of that draw and of the bootstrap
    resamples: int = 1000  # of the bootstrap
    batch: int = 16  # images at a time
    chunk: int = 64  # images per file: what an interruption can cost


@dataclass(frozen=True)
class Subject:
    """A model under analysis, and the images as it gets them."""

    name: str
    loaded: Loaded
    images: ImageSet


@dataclass(frozen=True)
class _Seen:
    """One image ready for a model."""

    index: int
    view: Tensor  # (3, H, W) uint8
    truth: Truth
    target: int


def measure(
    subjects: Sequence[Subject], indices: range, faithful: frozenset[int], settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of these images: one per model and image, and one per model, image and map.

    Unreadable images have no rows.

    Args:
        subjects: the models.
        indices: the images' positions in each subject's images.
        faithful: those that get deletion and insertion curves.
        settings: of the analysis.
    """
    images, maps = [], []
    prepared: dict[tuple[int, ...], _Seen | None] = {}
    for subject in subjects:
        for start in range(indices.start, indices.stop, settings.batch):
            batch = range(start, min(start + settings.batch, indices.stop))
            found = [_prepared(subject.images, index, settings, prepared) for index in batch]
            seen = [one for one in found if one is not None]
            for one, maps_shown, curves in _shown(subject, seen, faithful, settings):
                identifier = subject.images.records[one.index].identifier
                rng = _rng(settings, identifier, "measures")
                key = {"model": subject.name, "index": one.index}
                about = {"identifier": identifier} | image_row(maps_shown, one.truth, one.target, rng)
                images.append(key | about)
                maps += [key | row for row in map_rows(maps_shown, one.truth, curves, rng)]
    return pd.DataFrame(images), pd.DataFrame(maps)


def _rng(settings: Settings, identifier: str, purpose: str) -> np.random.Generator:
    """Of one image, the same for every model: controls differ between images, not between models."""
    return np.random.default_rng(derive_seed(purpose, settings.seed, identifier))


def _prepared(
    images: ImageSet, index: int, settings: Settings, prepared: dict[tuple[int, ...], _Seen | None]
) -> _Seen | None:
    """One image, made ready once for all models that see it alike; None where it cannot be read."""
    config = images.config
    key = (index, config.resize, config.square, config.crop, config.eval_crop)
    if key not in prepared:
        prepared[key] = _read(images, index, settings)
    return prepared[key]


def _read(images: ImageSet, index: int, settings: Settings) -> _Seen | None:
    record, sample = images.records[index], images.sample(index)
    try:
        pixels = images.image(index) if sample is None else sample.image
    except ImageError:
        return None
    view, geometry = transforms.evaluation_view(pixels, images.config)
    return _Seen(index, view, read_truth(record, sample, geometry, settings.radius), record.target)


def _shown(
    subject: Subject, seen: list[_Seen], faithful: frozenset[int], settings: Settings
) -> Iterator[tuple[_Seen, ImageMaps, dict[str, Curves]]]:
    """What the model shows on each image, and the curves of those that are to have them."""
    if not seen:
        return
    device, config = next(subject.loaded.model.parameters()).device, subject.images.config
    images = transforms.normalise(torch.stack([one.view for one in seen]).to(device), config)
    targets = torch.tensor([one.target for one in seen], device=device)
    identifiers = [subject.images.records[one.index].identifier for one in seen]
    rngs = [_rng(settings, identifier, "controls") for identifier in identifiers]
    for one, shown, image in zip(seen, shown_maps(subject.loaded, images, targets, rngs), images, strict=True):
        curves = _curves(subject.loaded.model, image, shown, settings) if one.index in faithful else {}
        yield one, shown, curves


def _curves(model: nn.Module, image: Tensor, shown: ImageMaps, settings: Settings) -> dict[str, Curves]:
    maps = {name: heatmap for name, heatmap in shown.maps.items() if heatmap.any()}
    predict: Callable[[Tensor], Tensor] = partial(_logits, model)
    return deletion_insertion(predict, image, maps, shown.best, steps=settings.steps, seed=settings.seed)


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    return model(images).logits
