"""The command `explain`: panels, numbers and a report of what checkpoints look at in one photo."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from fgcore.checkpoints.names import short_names
from fgcore.commands import texts
from fgcore.data.images import pixels_sha256, read_image
from fgcore.inspection.inspector import Inspector
from fgcore.report import panels, render
from fgcore.report.report import Model, Subject, report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("photo", type=texts.path, metavar="PHOTO")
    parser.add_argument(
        "--checkpoint", dest="checkpoints", action="append", type=texts.path, required=True, help="repeatable"
    )
    parser.add_argument("--out", type=texts.path, help="folder of the panels; default explained/PHOTO")
    parser.add_argument("--draw-seed", type=int, default=0, help="of what training would draw, such as a dropblock")


def run(arguments: argparse.Namespace) -> None:
    """Show what checkpoints look at in one photo: PNG panels, one JSON file and one HTML report in a folder."""
    photo, paths = arguments.photo, arguments.checkpoints
    labels, image = short_names(paths), read_image(photo)
    folder = arguments.out or free_folder(Path("explained"), photo.stem, pixels_sha256(image))
    inspectors = [Inspector(path) for path in paths]
    for path, said in zip(
        paths, write(folder, photo.name, image, labels, inspectors, arguments.draw_seed), strict=True
    ):
        best = said["top"][0]
        print(f"{path}: {best['class']} ({best['probability']:.1%}), {len(said['panels'])} panels")
    print(f"done: {folder}/report.html, {folder}/explanation.json")


def write(
    folder: Path,
    name: str,
    image: np.ndarray,
    labels: Sequence[str],
    inspectors: Sequence[Inspector],
    draw_seed: int = 0,
) -> list[dict[str, Any]]:
    """Write panels, numbers and the report of an image (H, W, 3) uint8; returns the numbers of each model."""
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = pixels_sha256(image)
    models, values = [], []
    for label, inspector in zip(labels, inspectors, strict=True):
        model = Model(label, inspector.set_image(image).explanation(draw_seed=draw_seed))
        numbers = panels.numbers(model.shown) | {"photo": name, "sha256_of_pixels": sha256}
        values.append(numbers | {"panels": _write_panels(folder, model)})
        models.append(model)
    (folder / "explanation.json").write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    subject = Subject(name, sha256, datetime.now(UTC).isoformat(timespec="seconds"))
    (folder / "report.html").write_text(report(subject, models), encoding="utf-8")
    return values


def free_folder(base: Path, stem: str, sha256: str) -> Path:
    """Where the panels of an image go in `base`: another image of the same name keeps its own."""
    number = 1
    while True:
        folder = base / (stem if number == 1 else f"{stem}-{number}")
        try:
            there = json.loads((folder / "explanation.json").read_text(encoding="utf-8"))[0].get("sha256_of_pixels")
        except (OSError, ValueError, LookupError, AttributeError):
            there = None
        if there in (None, sha256):
            return folder
        number += 1


def _write_panels(folder: Path, model: Model) -> list[str]:
    """The names of the files."""
    files = {f"{model.label}-{name}.png": panel.image for name, panel in panels.panels(model.shown).items()}
    for file, pixels in files.items():
        (folder / file).write_bytes(render.png(pixels))
    return list(files)
