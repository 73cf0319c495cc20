"""What a comparison asks of one model: an answer alone, a class activation map of any kind, how faithful a map is."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fgcore.data import transforms
from fgcore.inspection import cam
from fgcore.inspection.explain import Loaded
from fgcore.inspection.faithfulness import Faithfulness, faithfulness
from fgcore.methods.ap.pyramid_attention import head_predictions
from fgcore.records import Prediction, View


@dataclass(frozen=True)
class Answer:
    """What a model says of a photo, without its maps."""

    view: View
    prediction: Prediction  # softmax of the final logits


def answer(loaded: Loaded, picture: np.ndarray) -> Answer:
    """One forward pass on a photo (H, W, 3) uint8; hold the model's lock while this runs if threads share it."""
    data = loaded.checkpoint.experiment.data
    image, geometry = transforms.preprocess(picture, data)
    with torch.no_grad():
        logits = loaded.model(image[None]).logits
    view = View(transforms.display(image, data), geometry.crop_box, picture.shape[:2])
    return Answer(view, head_predictions(logits, ["final"])[0])


def class_map(
    loaded: Loaded, picture: np.ndarray, class_index: int, method: str, rival_index: int | None = None
) -> np.ndarray:
    """A class activation map (H, W) in [0, 1] of a photo. See `introspect.cam.class_map`, and hold the lock.

    Raises:
        ValueError: no such class or method, or FinerCAM without a rival or with the class itself.
    """
    count = len(loaded.checkpoint.class_names)
    for index in (class_index, rival_index):  # the package swallows a wrong index
        if index is not None and not 0 <= index < count:
            raise ValueError(f"expected a class from 0 to {count - 1}, got {index}")
    if method == "FinerCAM" and rival_index == class_index:
        raise ValueError(f"FinerCAM tells a class from a rival, got class {class_index} for both; choose another rival")
    image, _ = transforms.preprocess(picture, loaded.checkpoint.experiment.data)
    return cam.class_map(loaded.model, image[None], class_index, method, rival_index)


def road(
    loaded: Loaded,
    picture: np.ndarray,
    values: np.ndarray,
    class_index: int,
    *,
    seed: int = 0,
    lock: AbstractContextManager | None = None,
) -> Faithfulness:
    """ROAD of a map (h, w) of a photo, judged by the model's final prediction. See `introspect.faithfulness`.

    Args:
        loaded: whose prediction is watched.
        picture: (H, W, 3) uint8.
        values: the map; it covers the network input.
        class_index: 0 .. K - 1.
        seed: of the noise and of the order of equal values.
        lock: taken only while the model runs; filling the pixels in takes longer.
    """
    image, _ = transforms.preprocess(picture, loaded.checkpoint.experiment.data)

    def predict(images: Tensor) -> Tensor:
        with lock or nullcontext():
            return loaded.model(images).logits

    return faithfulness(predict, image, values, class_index, seed=seed)
