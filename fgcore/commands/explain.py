"""The command `explain`: panels, numbers and a report of what checkpoints look at in one photo."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from fgcore.data.images import pixels_sha256, read_image
from fgcore.inspection.inspector import Inspector
from fgcore.report import panels, render
from fgcore.report.report import Model, Subject, report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("photo", type=Path, metavar="PHOTO")
    parser.add_argument(
        "--checkpoint", dest="checkpoints", action="append", type=Path, required=True, help="repeatable"
    )
    parser.add_argument("--out", type=Path, help="folder of the panels; default explained/PHOTO")
    parser.add_argument("--draw-seed", type=int, default=0, help="of what training would draw, such as a dropblock")


def run(arguments: argparse.Namespace) -> None:
    """Show what checkpoints look at in one photo: PNG panels, one JSON file and one HTML report in a folder."""
    picture = read_image(arguments.photo)
    folder = arguments.out or Path("explained") / arguments.photo.stem
    folder.mkdir(parents=True, exist_ok=True)
    models, values = [], []
    for path in arguments.checkpoints:
        shown = Inspector(path).set_image(picture).explanation(draw_seed=arguments.draw_seed)
        model = Model(path.stem if path.stem not in ("best", "last") else f"{path.parent.name}-{path.stem}", shown)
        numbers = panels.numbers(shown) | {"photo": arguments.photo.name, "panels": _write_panels(folder, model)}
        best = numbers["top"][0]
        print(f"{path}: {best['class']} ({best['probability']:.1%}), {len(numbers['panels'])} panels")
        models.append(model)
        values.append(numbers)
    (folder / "explanation.json").write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    subject = Subject(arguments.photo.name, pixels_sha256(picture), datetime.now(UTC).isoformat(timespec="seconds"))
    (folder / "report.html").write_text(report(subject, models), encoding="utf-8")
    print(f"done: {folder}/report.html, {folder}/explanation.json")


def _write_panels(folder: Path, model: Model) -> list[str]:
    """The names of the files."""
    files = {f"{model.label}-{name}.png": panel.image for name, panel in panels.panels(model.shown).items()}
    for file, pixels in files.items():
        (folder / file).write_bytes(render.png(pixels))
    return list(files)
