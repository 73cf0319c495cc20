"""The command `predict`: what checkpoints say of many photos, as one CSV that a later run continues."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from fgcore.checkpoints.names import short_names
from fgcore.commands import explain, texts
from fgcore.data.images import pixels_sha256, read_image
from fgcore.data.records import grouped, shortened
from fgcore.inspection.inspector import Inspector, Loaded, load
from fgcore.machine import runtime
from fgcore.prediction import photos, table
from fgcore.prediction.predict import Model, predict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or 'photos/*.jpg'")
    parser.add_argument(
        "--checkpoint", dest="checkpoints", action="append", type=texts.path, required=True, help="repeatable"
    )
    parser.add_argument("--out", type=texts.path, required=True, metavar="FILE.csv", help="goes on where it stopped")
    parser.add_argument("--panels", type=texts.path, metavar="DIR", help="explain each photo too, in DIR/PHOTO")
    parser.add_argument("--batch", type=int, default=16, help="photos at a time, default 16")
    parser.add_argument("--device", default="")


def run(arguments: argparse.Namespace) -> None:
    """Tell what checkpoints say of photos: a CSV with a row for each photo and checkpoint."""
    if arguments.batch < 1:
        raise ValueError(f"batch should be at least 1 photo, got {arguments.batch}")
    labels = short_names(arguments.checkpoints)
    found = photos.find(arguments.paths, without=arguments.panels)
    device = runtime.pick_device(arguments.device)
    models = []
    for path in arguments.checkpoints:
        loaded = load(path)
        models.append(Model(photos.written(path), Loaded(runtime.place(loaded.model, device), loaded.checkpoint)))
    asked, done = photos.photos(found.files), table.begin(arguments.out)
    before = sum(table.key(photo.name, model) in done for photo in asked for model in models)
    inspectors = [Inspector(path) for path in arguments.checkpoints] if arguments.panels else []
    unread: list[str] = []
    answers = predict(
        asked,
        models,
        batch_size=arguments.batch,
        wanted=lambda photo, model: table.key(photo.name, model) not in done,
    )
    with tqdm(total=len(asked), desc="predict", unit="photo", leave=False, disable=None) as bar:
        for file, rows in zip(found.files, answers, strict=True):
            readable = not any(row.error for row in rows)
            if arguments.panels and rows and readable:
                _explain(arguments.panels, file, labels, inspectors)
            table.append(arguments.out, rows)
            unread += [] if readable else [rows[0].image]
            bar.update()
    _tell(arguments, found, before, unread)


def _explain(base: Path, file: Path, labels: Sequence[str], inspectors: Sequence[Inspector]) -> None:
    image = read_image(file)
    explain.write(explain.free_folder(base, file.stem, pixels_sha256(image)), file.name, image, labels, inspectors)


def _tell(arguments: argparse.Namespace, found: photos.Found, before: int, unread: Sequence[str]) -> None:
    for note in grouped(found.left_out):
        print(note)
    if before:
        print(f"{before} rows were in {arguments.out} before")
    if unread:
        print(f"photos that cannot be read ({len(unread)}), see the column error: {shortened(unread)}")
    count = f"{len(found.files)} photos" if len(found.files) != 1 else "1 photo"
    by = f"{len(arguments.checkpoints)} checkpoints" if len(arguments.checkpoints) != 1 else "1 checkpoint"
    print(f"done: {arguments.out}, {count} by {by}")
