"""The command `evaluate`: checkpoints on test images, as tables and JSON."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from fgcore.checkpoints import official
from fgcore.checkpoints.checkpoint import Checkpoint
from fgcore.commands import texts
from fgcore.config import DataConfig, override
from fgcore.data import datasets, readers
from fgcore.data.labelled import read_labelled
from fgcore.evaluation.metrics import Evaluation
from fgcore.evaluation.run import check_classes
from fgcore.machine import runtime
from fgcore.training import loop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("checkpoints", nargs="+", type=texts.path, metavar="CHECKPOINT")
    parser.add_argument("--data", action="append", default=[], metavar="key=value", help="such as root=DIR; repeatable")
    parser.add_argument(
        "--photos", type=texts.path, metavar="DIR", help="your own instead: folders of any of its classes, by name"
    )
    parser.add_argument("--precision", choices=runtime.PRECISIONS, default="fp32")
    parser.add_argument("--per-class", action="store_true", help="print the table of classes too")
    parser.add_argument(
        "--confusion", type=texts.path, metavar="FILE.csv", help="write which class was taken for which"
    )
    parser.add_argument("--json", type=texts.path, metavar="FILE", help="write everything to FILE")
    parser.add_argument("--device", default="")


def run(arguments: argparse.Namespace) -> None:
    """Score checkpoints on the test images of their data set, or on labelled photos of your own."""
    device = runtime.pick_device(arguments.device)
    if arguments.photos and arguments.data:
        raise ValueError("--photos and --data both say what to evaluate on; give one of them")
    if arguments.confusion and len(arguments.checkpoints) > 1:
        raise ValueError("--confusion writes the table of one checkpoint, got several; evaluate them one by one")
    records = []
    for path in arguments.checkpoints:
        sha256, result = _evaluate(path, arguments, device)
        print(f"\n{path}: {result.data}, {result.precision}, {result.images} images in {result.seconds} s")
        print(texts.table(result.head_table()))
        classes = sum(score.images > 0 for score in result.classes)
        print(f"mean of {classes} classes: {100 * result.class_mean:.2f} % top-1")
        if arguments.per_class:
            print(texts.table(result.class_table()))
        if arguments.confusion:
            arguments.confusion.write_text(result.confusion_table().to_csv(index=False), encoding="utf-8")
        records.append({"checkpoint": str(path), "sha256": sha256, **result.to_dict()})
    if arguments.json:
        arguments.json.write_text(json.dumps(records, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _evaluate(path: Path, arguments: argparse.Namespace, device: torch.device) -> tuple[str, Evaluation]:
    """The checkpoint's sha256 and its scores."""
    model, source = official.load_any(path)
    settings = {f"data.{key.removeprefix('data.')}": value for key, value in texts.settings(arguments.data).items()}
    data = override(source.experiment, settings).data
    photos = arguments.photos or _own_photos(data, source)
    if photos:
        own = read_labelled(photos, source.class_names, data)
        return source.sha256, _scored(path, model, own.images, own.notes, arguments, device)
    images = datasets.load(data, cache_images=False).test
    check_classes(source, images.class_names)
    return source.sha256, _scored(path, model, images, images.notes, arguments, device)


def _own_photos(data: DataConfig, source: Checkpoint) -> Path | None:
    """A folder whose images have to be matched by name, since its classes are not those of the checkpoint."""
    if data.dataset != "folder" or not data.root or data.holdout:
        return None
    if source.experiment.data.dataset != "folder":
        return Path(data.root).expanduser()
    try:
        same = official.fits_names(source, readers.read(data).class_names)
    except ValueError:  # too few classes, or images, for a data set
        same = False
    return None if same else Path(data.root).expanduser()


def _scored(
    path: Path,
    model: nn.Module,
    images: datasets.ImageSet,
    notes: Sequence[str],
    arguments: argparse.Namespace,
    device: torch.device,
) -> Evaluation:
    images.leave_out_unreadable()  # as training does; the table's heading says so
    for note in notes:
        print(f"{path.name}: {note}")
    with tqdm(total=len(images), desc=path.name, unit="image", leave=False, disable=None) as bar:
        return loop.evaluate(
            runtime.place(model, device),
            images,
            images.config,
            precision=arguments.precision,
            on_batch=lambda done: bar.update(done - bar.n),
        )
