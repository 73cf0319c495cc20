"""Deletion and insertion: what becomes of a class's probability as a map decides which pixels go, or come, first.

Deletion replaces the pixels that the map ranks highest by the mean colour, step by step: the probability of a class
that rests on them falls at once, and the area under the curve is small. Insertion starts from a blurred image and
brings them back: the better the map, the larger the area.

Source: Petsiuk et al., RISE, BMVC 2018 (arXiv 1806.07421), with the substrates of their code: zero (the mean colour)
for deletion, a Gaussian blur of 11 pixels and standard deviation 5 for insertion. **Differs**: equal values of a map
are ranked in seeded random order, and the number of steps is a setting (they go pixel by pixel, 224 at a time).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from fgcore.inspection.faithfulness import Predict, random_order
from fgcore.report.render import resize_map

STEPS = 10
_KERNEL, _SIGMA = 11, 5.0  # of the blur, pixels


@dataclass(frozen=True)
class Curves:
    """The probability of one class at each step."""

    shares: np.ndarray  # (steps + 1,) of the pixels gone, or brought back, from 0 to 1
    deleted: np.ndarray  # (steps + 1,) probabilities
    inserted: np.ndarray  # (steps + 1,)

    @property
    def deletion(self) -> float:
        """Area under the deletion curve, 0 .. 1; the lower, the more faithful the map."""
        return float(np.trapezoid(self.deleted, self.shares))

    @property
    def insertion(self) -> float:
        """Area under the insertion curve, 0 .. 1; the higher, the more faithful the map."""
        return float(np.trapezoid(self.inserted, self.shares))


def deletion_insertion(
    predict: Predict, image: Tensor, maps: Mapping[str, np.ndarray], class_index: int, *, steps: int = STEPS, seed: int
) -> dict[str, Curves]:
    """Both curves of several maps of one image.

    Args:
        predict: the model, (N, 3, H, W) -> logits (N, K); called once with three images, and once for each map with
            2 * (steps - 1).
        image: (3, H, W), normalised.
        maps: name -> (h, w), resized to the image; only the order of the values counts.
        class_index: whose probability is watched.
        steps: shares of the pixels to stop at; 1 or more.
        seed: of the order of equal values.

    Raises:
        ValueError: no step.
    """
    if steps < 1:
        raise ValueError(f"expected one step or more, got {steps}")
    shares = np.arange(steps + 1) / steps
    empty, blurred = torch.zeros_like(image), gaussian_blur(image, [_KERNEL, _KERNEL], [_SIGMA, _SIGMA])
    whole, none, blur = _probabilities(predict, torch.stack([image, empty, blurred]), class_index)
    result = {}
    for name, values in maps.items():
        first = torch.from_numpy(1 - random_order(resize_map(values, image.shape[1:]), seed)).to(image.device)
        gone = [first < share for share in shares[1:-1]]
        steps_taken = [torch.where(mask, empty, image) for mask in gone]
        steps_taken += [torch.where(mask, image, blurred) for mask in gone]
        between = _probabilities(predict, torch.stack(steps_taken), class_index) if steps_taken else np.empty(0)
        deleted, inserted = between[: len(gone)], between[len(gone) :]
        result[name] = Curves(shares, np.r_[whole, deleted, none], np.r_[blur, inserted, whole])
    return result


@torch.no_grad()
def _probabilities(predict: Predict, images: Tensor, class_index: int) -> np.ndarray:
    return predict(images).double().softmax(1)[:, class_index].cpu().numpy()
