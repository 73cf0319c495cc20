"""What the tests of the analysis share: small untrained networks on one drawn bird of each of a few classes."""

import torch

from fgcore.checkpoints import checkpoint
from fgcore.config import DataConfig, Experiment, ModelConfig, ROIConfig
from fgcore.data import synthetic
from fgcore.methods.build import build_model

DRAWN = DataConfig("synthetic_birds", classes=9, resize=72, square=True, crop=64, test_per_class=1)
NAMES = synthetic.class_names("birds")[:9]


def write_model(path, method, data=DRAWN, names=NAMES):
    """A network with random weights, saved as training would save it."""
    torch.manual_seed(3)
    roi = ROIConfig(anchors=(16.0, 32.0, 64.0))
    model = ModelConfig(
        method, "squeezenet1_1", num_classes=len(names), level=4, hidden=16, pyramid_channels=16, roi=roi
    )
    experiment = Experiment(path.stem, model=model, data=data)
    checkpoint.save(path, build_model(model), experiment, names, {}, {"command": "none"})
    return path


def write_models(folder, methods=("baseline", "mc", "ap")):
    """One checkpoint per method: their paths."""
    return [write_model(folder / f"{method}_birds.safetensors", method) for method in methods]
