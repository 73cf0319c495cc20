"""An average of the weights over the last updates, which often scores better than the weights themselves."""

import copy
from typing import Any

import torch
from torch import nn

_WARM_UP = 10  # the average spans a tenth of the updates so far until that exceeds its final span


class WeightAverage:
    """The exponential moving average of a model's weights and running statistics.

    After update t, from 0, average = d * average + (1 - d) * weights, d = min(decay, (1 + t) / (10 + t)): the first
    updates, from random weights, are soon forgotten. Integer buffers are copied.

    Attributes:
        model: a copy of the model that holds the average, in evaluation mode.
        updates: how many it has seen.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Begin with the model's weights; `decay` lies in (0, 1) and is 1 - 1 / (number of updates spanned)."""
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after an update of `model`."""
        decay = min(self.decay, (1 + self.updates) / (_WARM_UP + self.updates))
        self.updates += 1
        for mine, new in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(new, 1 - decay)
            else:
                mine.copy_(new)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on."""
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]
