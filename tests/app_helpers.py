"""What the app's tests share: small untrained checkpoints, and a photograph that the program drew."""

import io
import json

import torch
from PIL import Image

from fgcore.checkpoints import checkpoint
from fgcore.config import DataConfig, Experiment
from fgcore.data import synthetic
from fgcore.methods import build_model
from small_models import small

PHOTO_CLASSES = ("Reed Warbler", "Marsh *Warbler*", "Sedge Warbler")  # one of them tries to be Markdown
REPORT = {"epoch": 1, "test": {"top1": 0.625, "images": 240}}


def write_checkpoint(path, method, names, dataset):
    """A network with random weights at 96 pixels, saved as training would save it."""
    torch.manual_seed(0)
    model = small(method, len(names))
    experiment = Experiment(path.stem, model=model, data=DataConfig(dataset, resize=104, crop=96, normalise="imagenet"))
    command = f"python -m fgcore train {path.stem}"
    origin = {"command": command, "data": "drawn by a test", "date": "2026-01-02", "epochs": 1}
    checkpoint.save(path, build_model(model), experiment, names, REPORT, origin)


def write_checkpoints(folder):
    """One checkpoint per method that knows the drawn birds."""
    for method in ("baseline", "mc", "ap"):
        write_checkpoint(
            folder / f"{method}_birds.safetensors", method, synthetic.class_names("birds"), "synthetic_birds"
        )
    return folder


def write_two_label_sets(folder):
    """The same, and a baseline that learned three other birds from photographs."""
    write_checkpoint(write_checkpoints(folder) / "baseline_photos.safetensors", "baseline", PHOTO_CLASSES, "cub")
    return folder


def photograph():
    """The bytes of a JPEG: a drawn bird, stretched to the shape of a photograph."""
    image = Image.fromarray(synthetic.draw("birds", 8, seed=3).image).resize((320, 240))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)
    return file.getvalue()


def ran(app):
    """The AppTest after another run without an exception."""
    app.run()
    assert not app.exception
    return app


def words(app):
    """All text of the page."""
    kinds = ("title", "subheader", "markdown", "caption", "html", "error", "warning", "info")
    return "\n".join(
        str(getattr(element, "value", "") or element.proto.body) for kind in kinds for element in app.get(kind)
    )


def figure(app, key):
    """The one chart whose key starts with `key`, as plotly's JSON."""
    (chart,) = [chart for chart in app.get("plotly_chart") if f"-{key}" in chart.proto.id]
    return json.loads(chart.proto.spec)
