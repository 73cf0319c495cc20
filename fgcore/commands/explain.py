"""The command `explain`: panels, numbers and a report of what checkpoints look at in one photo."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

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
    sha256 = pixels_sha256(image)
    folder = arguments.out or _free_folder(photo.stem, sha256)
    folder.mkdir(parents=True, exist_ok=True)
    models, values = [], []
    for path, label in zip(paths, labels, strict=True):
        shown = Inspector(path).set_image(image).explanation(draw_seed=arguments.draw_seed)
        model = Model(label, shown)
        numbers = panels.numbers(shown) | {"photo": photo.name, "sha256_of_pixels": sha256}
        numbers |= {"panels": _write_panels(folder, model)}
        best = numbers["top"][0]
        print(f"{path}: {best['class']} ({best['probability']:.1%}), {len(numbers['panels'])} panels")
        models.append(model)
        values.append(numbers)
    (folder / "explanation.json").write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    subject = Subject(photo.name, sha256, datetime.now(UTC).isoformat(timespec="seconds"))
    (folder / "report.html").write_text(report(subject, models), encoding="utf-8")
    print(f"done: {folder}/report.html, {folder}/explanation.json")


def _free_folder(stem: str, sha256: str) -> Path:
    """Where the panels go by default: another image of the same name keeps its own."""
    number = 1
    while True:
        folder = Path("explained") / (stem if number == 1 else f"{stem}-{number}")
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
