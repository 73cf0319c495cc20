"""The command `evaluate`: checkpoints on test images, as tables and JSON."""

import argparse
import json
from pathlib import Path

import torch
from tqdm import tqdm

from fgcore.checkpoints import official
from fgcore.commands import texts
from fgcore.config import override
from fgcore.data import datasets
from fgcore.evaluation.metrics import Evaluation
from fgcore.evaluation.run import check_classes
from fgcore.machine import runtime
from fgcore.training import loop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("checkpoints", nargs="+", type=texts.path, metavar="CHECKPOINT")
    parser.add_argument("--data", action="append", default=[], metavar="key=value", help="such as root=DIR; repeatable")
    parser.add_argument("--precision", choices=runtime.PRECISIONS, default="fp32")
    parser.add_argument("--per-class", action="store_true", help="print the table of classes too")
    parser.add_argument("--json", type=texts.path, metavar="FILE", help="write everything to FILE")
    parser.add_argument("--device", default="")


def run(arguments: argparse.Namespace) -> None:
    """Score checkpoints on the test images of their data set."""
    device = runtime.pick_device(arguments.device)
    records = []
    for path in arguments.checkpoints:
        sha256, result = _evaluate(path, arguments, device)
        print(f"\n{path}: {result.data}, {result.precision}, {result.images} images in {result.seconds} s")
        print(texts.table(result.head_table()))
        if arguments.per_class:
            print(texts.table(result.class_table()))
        records.append({"checkpoint": str(path), "sha256": sha256, **result.to_dict()})
    if arguments.json:
        arguments.json.write_text(json.dumps(records, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _evaluate(path: Path, arguments: argparse.Namespace, device: torch.device) -> tuple[str, Evaluation]:
    """The checkpoint's sha256 and its scores."""
    model, source = official.load_any(path)
    settings = {f"data.{key.removeprefix('data.')}": value for key, value in texts.settings(arguments.data).items()}
    data = override(source.experiment, settings).data
    images = datasets.load(data, cache_images=False).test
    images.leave_out_unreadable()  # as training does; the table's heading says so
    for note in images.notes:
        print(f"{path.name}: {note}")
    check_classes(source, images.class_names)
    with tqdm(total=len(images), desc=path.name, unit="image", leave=False, disable=None) as bar:
        result = loop.evaluate(
            runtime.place(model, device),
            images,
            data,
            precision=arguments.precision,
            on_batch=lambda done: bar.update(done - bar.n),
        )
    return source.sha256, result
