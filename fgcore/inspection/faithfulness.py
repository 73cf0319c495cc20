"""ROAD: does a map name the pixels that the prediction rests on? Remove them and see.

The pixels that a map ranks highest are removed and filled in from their surroundings; a faithful map costs the class
more of its probability than one that removes its lowest first.

Source: Rong et al., "A Consistent and Efficient Evaluation Strategy for Attribution Methods", ICML 2022 (arXiv
2202.00449); the filling is that of the package pytorch-grad-cam. **Differs**: equal values of a map are ranked in
random order, so that exactly the wanted share is removed; the package would remove more, or all, of a map that is
mostly zero. The noise comes from a seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fgcore.report.render import resize_map

REMOVED = (0.1, 0.3, 0.5)  # shares of the image
_NOISE = 0.01  # standard deviation on the filled pixels, in units of the normalised input; the package's value

Predict = Callable[[Tensor], Tensor]  # (N, 3, H, W) -> (N, K) logits


@dataclass(frozen=True)
class Faithfulness:
    """The probability of one class while a map decides which pixels go."""

    class_index: int
    removed: tuple[float, ...]  # shares of the image
    before: float  # probability with all pixels
    most: tuple[float, ...]  # after the highest of the map went first
    least: tuple[float, ...]  # after its lowest went first

    @property
    def score(self) -> float:
        """ROAD, combined: half of the mean gap between both orders, -0.5 .. 0.5; 0 where the map tells nothing."""
        return float(np.mean(self.least) - np.mean(self.most)) / 2


def faithfulness(
    predict: Predict,
    image: Tensor,
    values: np.ndarray,
    class_index: int,
    *,
    seed: int = 0,
    removed: Sequence[float] = REMOVED,
) -> Faithfulness:
    """ROAD of one map.

    Args:
        predict: the model; called once.
        image: (3, H, W), normalised, on the CPU.
        values: (h, w) the map; resized to the image, only its order counts.
        class_index: whose probability is watched.
        seed: of the noise and of the order of equal values.
        removed: shares of the image to remove, each in (0, 1).
    """
    order = random_order(resize_map(values, image.shape[1:]), seed)
    variants = [image, *(_without(image, order, share, seed) for share in removed)]
    variants += [_without(image, 1 - order, share, seed) for share in removed]
    with torch.no_grad():
        shares = predict(torch.stack(variants)).float().softmax(1)[:, class_index].tolist()
    count = len(removed)
    return Faithfulness(
        class_index, tuple(removed), shares[0], tuple(shares[1 : 1 + count]), tuple(shares[1 + count :])
    )


def random_order(values: np.ndarray, seed: int) -> np.ndarray:
    """The rank of each position as a share of all, (0, 1), all different; equal values in random order."""
    shuffle = np.random.default_rng(seed).permutation(values.size)
    order = shuffle[np.argsort(values.ravel()[shuffle], kind="stable")]
    ranks = np.empty(values.size, np.float32)
    ranks[order] = (np.arange(values.size) + 0.5) / values.size
    return ranks.reshape(values.shape)


def random_map(cells: tuple[int, int], seed: int) -> np.ndarray:
    """The control: a map of random numbers on the grid of the real one. (h, w) float32 in [0, 1)."""
    return np.random.default_rng(seed).random(cells, np.float32)


def _without(image: Tensor, order: np.ndarray, share: float, seed: int) -> Tensor:
    """The image with that share of its pixels, those of the highest order, filled in from their surroundings."""
    from pytorch_grad_cam.metrics import road  # imports much: seconds, so only when asked for
    from scipy.sparse.linalg import spsolve

    keep = order < 1 - share
    system, right = road.NoisyLinearImputer.setup_sparse_system(
        keep.astype(np.float32), image.numpy(), road.neighbors_weights
    )
    noise = torch.randn(3, len(right), generator=torch.Generator().manual_seed(seed))  # theirs is nobody's seed
    filled = image.clone()
    filled[:, torch.from_numpy(~keep)] = torch.from_numpy(spsolve(system.tocsc(), right).T).float() + _NOISE * noise
    return filled
