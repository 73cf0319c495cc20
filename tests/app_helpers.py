"""Small untrained checkpoints for the app's tests, so that they do not depend on what was trained."""

import torch

from fgcore.config import DataConfig, Experiment, ModelConfig
from fgcore.data import synthetic
from fgcore.engine import checkpoint
from fgcore.models import build_model


def write_checkpoints(folder):
    """One checkpoint per method that knows the drawn birds; random weights."""
    names = synthetic.class_names("birds")
    for method in ("baseline", "mc", "ap"):
        torch.manual_seed(0)
        config = ModelConfig(method, "squeezenet1_1", num_classes=len(names), level=4, hidden=16, pyramid_channels=32)
        data = DataConfig("synthetic_birds", resize=96, crop=96)
        experiment = Experiment(f"{method}_birds", model=config, data=data)
        provenance = {"command": f"python -m fgcore train {method}_birds", "data": "drawn birds"}
        path = folder / f"{method}_birds.safetensors"
        checkpoint.save(path, build_model(config).eval(), experiment, names, {}, provenance)
    return folder
