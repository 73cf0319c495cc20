"""What a model shows on each image of a batch: its answer, its maps and regions, and its method's own numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fgcore.evaluation import controls
from fgcore.inspection.cams import class_maps
from fgcore.inspection.inspector import Loaded
from fgcore.methods import METHODS
from fgcore.methods.base import Shown

GRAD_CAM = "gradcam"
RANDOM, CENTRE = "random", "centre"  # the controls
CONTROLS = (RANDOM, CENTRE)


def all_maps() -> tuple[str, ...]:
    """The names of maps that any method has, in the order of tables; Grad-CAM first, the controls last."""
    own = [name for method in METHODS.values() for name in method.maps]
    return (GRAD_CAM, *dict.fromkeys(own), *CONTROLS)


def own_maps() -> tuple[str, ...]:
    """What a model's own map is: the first of these that it has."""
    return (*(next(iter(method.maps)) for method in METHODS.values() if method.maps), GRAD_CAM)


@dataclass(frozen=True)
class ImageMaps:
    """One model on one image. Maps that speak for a class speak for the predicted one."""

    probabilities: np.ndarray  # (K,)
    maps: dict[str, np.ndarray]  # name -> (h, w): Grad-CAM, the method's own, the controls
    own: Shown  # what the method adds

    @property
    def best(self) -> int:
        """The predicted class."""
        return int(self.probabilities.argmax())


def shown_maps(loaded: Loaded, images: Tensor, targets: Tensor, rngs: Sequence[np.random.Generator]) -> list[ImageMaps]:
    """What a model shows on a batch, in float32.

    Args:
        loaded: the model, on its device.
        images: (B, 3, H, W), normalised, on the model's device.
        targets: (B,) int64, the true classes.
        rngs: one generator for each image, the only source of its controls.
    """
    with torch.enable_grad():  # to the images, for Grad-CAM; the parameters stay out of it
        output = loaded.model(images.detach().requires_grad_(True))
    probabilities = output.logits.detach().float().softmax(1)
    evidence = next(iter(output.evidence().values()))
    cams = class_maps(evidence, probabilities.argmax(1)).cpu().numpy()
    drawn = [{RANDOM: controls.random_map(cam.shape, rng)} for cam, rng in zip(cams, rngs, strict=True)]
    measure = loaded.method.measure
    own = measure(loaded.model, output, targets, rngs) if measure else [Shown() for _ in cams]
    return [
        ImageMaps(row, shown.maps | {GRAD_CAM: cam} | random | {CENTRE: controls.centre_map(cam.shape)}, shown)
        for row, cam, random, shown in zip(probabilities.cpu().numpy(), cams, drawn, own, strict=True)
    ]
