"""What the tests of evaluations share: small untrained networks on one drawn bird of each of a few classes."""

import torch

from fgcore.checkpoints import checkpoint
from fgcore.config import DataConfig, Experiment
from fgcore.data import synthetic
from fgcore.methods import build_model
from fgcore.training.session import settled
from small_models import small

DRAWN = DataConfig("synthetic_birds", classes=9, resize=72, square=True, crop=64, test_per_class=1)
NAMES = synthetic.class_names("birds")[:9]


def write_model(path, method, data=DRAWN, names=NAMES):
    """A network with random weights, saved as training would save it."""
    torch.manual_seed(3)
    model = small(method, len(names), width=16)
    experiment = settled(Experiment(path.stem, model=model, data=data), len(names))
    checkpoint.save(path, build_model(model), experiment, names, {}, {"command": "none"})
    return path


def write_models(folder, methods=("baseline", "mc", "ap")):
    """One checkpoint per method: their paths."""
    return [write_model(folder / f"{method}_birds.safetensors", method) for method in methods]
