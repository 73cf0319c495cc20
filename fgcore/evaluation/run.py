"""Every measure over a whole split: in chunks, resumable, on one process or several, in bounded memory."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fgcore.checkpoints import official
from fgcore.checkpoints.checkpoint import Checkpoint
from fgcore.checkpoints.names import short_names
from fgcore.config import DataConfig, override, to_dict
from fgcore.data import datasets
from fgcore.data.datasets import ImageSet
from fgcore.evaluation import store, summary
from fgcore.evaluation.chunk import Settings, Subject, measure
from fgcore.evaluation.maps import all_maps
from fgcore.inspection.inspector import Loaded
from fgcore.machine import provenance, runtime

SPLITS = ("test", "train")


@dataclass(frozen=True)
class Share:
    """Which of several processes this is: each takes every so many-th chunk."""

    rank: int = 0
    processes: int = 1


def analyse(
    checkpoints: Sequence[Path],
    folder: Path,
    settings: Settings,
    *,
    data: Mapping[str, str] | None = None,
    share: Share | None = None,
    device: torch.device | None = None,
    command: str = "",
    on_chunk: Callable[[int, int], None] | None = None,
) -> bool:
    """Measure checkpoints on every image of a split; the tables are in `folder`, see `store`.

    Chunks that are done already are not done again. The process that finds all chunks done writes the tables, so
    several processes need not wait for each other.

    Args:
        checkpoints: at least one; all know the classes of the same data set.
        folder: of this analysis, made where it does not exist.
        settings: what to measure.
        data: settings of `DataConfig` to replace in each checkpoint's own, such as root or dataset.
        share: of the chunks for this process; None: all.
        device: of the models; None: the machine's.
        command: the command line that repeats it.
        on_chunk: called with the number of images done by this process and of those it has to do.

    Returns:
        Whether the tables are written; False while other processes have chunks to do.

    Raises:
        ValueError: checkpoints or data that do not belong together, or a folder of another analysis.
        FileNotFoundError: no such checkpoint or data set.
    """
    _check(settings)
    share, device = share or Share(), device or runtime.pick_device()
    subjects, sources = _subjects(checkpoints, data or {}, settings, device)
    images = subjects[0].images
    about = _about(subjects, sources, settings, command, device)
    store.begin(folder, about)
    chunks = -(-len(images) // settings.chunk)
    faithful = faithful_images(len(images), settings)
    mine = range(share.rank, chunks, share.processes)
    spans = {n: range(n * settings.chunk, min((n + 1) * settings.chunk, len(images))) for n in mine}
    done, total = 0, sum(map(len, spans.values()))
    for number, indices in spans.items():
        if not store.is_done(folder, number):
            store.put_chunk(folder, number, *measure(subjects, indices, faithful, settings))
        done += len(indices)
        if on_chunk:
            on_chunk(done, total)
    if not all(store.is_done(folder, number) for number in range(chunks)):
        return False
    _finish(folder, chunks, about, settings)
    return True


def _check(settings: Settings) -> None:
    """Refuse settings that mean nothing."""
    if settings.split not in SPLITS:
        raise ValueError(f"split should be {' or '.join(SPLITS)}, got {settings.split!r}")
    for name, least in (("faithfulness", -1), ("steps", 1), ("resamples", 1), ("batch", 1), ("chunk", 1), ("seed", 0)):
        if getattr(settings, name) < least:
            raise ValueError(f"{name} should be at least {least}, got {getattr(settings, name)}")
    if not 0 < settings.radius <= 1:
        raise ValueError(f"radius should be a share of the object's side in (0, 1], got {settings.radius}")


def faithful_images(count: int, settings: Settings) -> frozenset[int]:
    """The images that get deletion and insertion curves: a draw by the seed, the same for every model."""
    if settings.faithfulness < 0:
        return frozenset(range(count))
    rng = np.random.default_rng(runtime.derive_seed("faithfulness", settings.seed))
    return frozenset(rng.permutation(count)[: settings.faithfulness].tolist())


def _subjects(
    paths: Sequence[Path], data: Mapping[str, str], settings: Settings, device: torch.device
) -> tuple[list[Subject], list[Checkpoint]]:
    subjects, sources = [], []
    for path, name in zip(paths, short_names(paths), strict=True):
        model, source = official.load_any(path)
        config = override(source.experiment, {f"data.{key.removeprefix('data.')}": v for key, v in data.items()}).data
        images = _images(config, settings.split)
        check_classes(source, images.class_names)
        if subjects and [r.identifier for r in images.records] != [r.identifier for r in subjects[0].images.records]:
            raise ValueError(
                f"{path.name} was trained on other images than {paths[0].name}; analyse them apart, or see --data"
            )
        subjects.append(
            Subject(name, Loaded(runtime.place(model.eval().requires_grad_(False), device), source), images)
        )
        sources.append(source)
    return subjects, sources


def _images(config: DataConfig, split: str) -> ImageSet:
    """The split in the evaluation view, read image by image."""
    both = datasets.load(config, cache_images=False)
    chosen = getattr(both, split)
    return ImageSet(chosen.records, chosen.class_names, config, training=False, title=chosen.title)


def check_classes(source: Checkpoint, names: Sequence[str]) -> None:
    """Refuse a data set whose classes a checkpoint does not know.

    Raises:
        ValueError: naming the first difference.
    """
    if len(names) != len(source.class_names):
        raise ValueError(
            f"{source.path.name} knows {len(source.class_names)} classes, the data has {len(names)}; see --data"
        )
    if not official.fits_names(source, names):
        wrong = next(pair for pair in zip(source.class_names, names, strict=True) if pair[0] != pair[1])
        raise ValueError(f"{source.path.name} knows class {wrong[0]!r} where the data has {wrong[1]!r}; see --data")


def _about(
    subjects: Sequence[Subject],
    sources: Sequence[Checkpoint],
    settings: Settings,
    command: str,
    device: torch.device,
) -> dict[str, Any]:
    images = subjects[0].images
    return {
        "models": [
            {
                "name": subject.name,
                "method": source.experiment.model.method,
                "sha256": source.sha256,
                "input": subject.images.config.crop,
            }
            for subject, source in zip(subjects, sources, strict=True)
        ],
        "data": to_dict(images.config),
        "pictures": f"{images.title}: {len(images)} {settings.split} images",
        "images": len(images),
        "settings": dataclasses.asdict(settings),
        "class_names": list(images.class_names),
        "origin": {
            "command": command,
            "commit": provenance.commit(),
            "device": provenance.device_name(device),
            "torch": torch.__version__,
            "precision": "fp32",
        },
    }


def _finish(folder: Path, chunks: int, about: dict[str, Any], settings: Settings) -> None:
    """Merge the chunks and sum them up. The same bytes whoever does it; the summary comes last."""
    models = [model["name"] for model in about["models"]]
    images = store.merged(folder, chunks, "images", {"model": models})
    maps = store.merged(folder, chunks, "maps", {"model": models, "map": list(all_maps())})
    drawn = {"resamples": settings.resamples, "seed": settings.seed}
    classes = summary.by_class(images, maps, about["class_names"], **drawn)
    models_table = summary.by_model(images, maps, **drawn)
    store.put_table(folder / "images.parquet", images)
    store.put_table(folder / "maps.parquet", maps)
    store.put(folder / "classes.csv", classes.to_csv(index=False, float_format="%.6g").encode())
    rows = {
        name: json.loads(table.to_json(orient="records"))
        for name, table in (("models", models_table), ("classes", classes))
    }
    document = {"about": about, **rows}
    store.put(folder / "summary.json", (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())
    store.put(folder / "summary.csv", models_table.to_csv(index=False, float_format="%.6g").encode())
