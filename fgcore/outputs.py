"""What networks and losses return: typed records of live tensors, neither detached nor moved.

Every method has an output of its own, a record of every waypoint in its paper's figure, in `fgcore/methods/<name>/`.
Here is what all of them have in common. `fgcore.records` holds what is shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from torch import Tensor

T = TypeVar("T")
S = TypeVar("S")

LEVELS = (3, 4, 5)  # a level n has stride 2^n


class Pyramid(NamedTuple, Generic[T]):
    """One value per pyramid level, finest first: strides 8, 16, 32."""

    level3: T
    level4: T
    level5: T

    def map(self, function: Callable[[T], S]) -> "Pyramid[S]":
        """The pyramid of `function(value)`."""
        return Pyramid(function(self.level3), function(self.level4), function(self.level5))


class Evidence(NamedTuple):
    """Feature maps and the logits that follow from them: what a class activation map is made of."""

    features: Tensor  # (B, C, h, w)
    logits: Tensor  # (B, K)
    level: int  # of the features: stride 2^level


class ModelOutput(Protocol):
    """What every network returns."""

    @property
    def logits(self) -> Tensor:
        """(B, K): the prediction, before softmax."""

    def heads(self) -> Mapping[str, Tensor]:
        """Every classifier that training scores: name -> logits (B, K). A single one is called "ce"."""

    def scored(self) -> Mapping[str, Tensor]:
        """Every classifier and mean of classifiers that an evaluation scores; the last one is the prediction."""

    def evidence(self) -> Mapping[str, Evidence]:
        """What class activation maps can be made of, by where it lies; the first one is the one to show."""


@dataclass(frozen=True)
class LossTerms:
    """A loss and the named parts it was made of."""

    total: Tensor  # scalar, to be minimised
    parts: dict[str, Tensor]  # name -> scalar, unweighted; see the loss that made it
