"""What the baseline returns."""

from dataclasses import dataclass

from torch import Tensor

from fgcore.outputs import Evidence


@dataclass(frozen=True)
class BaselineOutput:
    """Trunk and dense head."""

    features: Tensor  # (B, C, h, w) last feature map
    logits: Tensor  # (B, K)
    level: int  # of the features: stride 2^level

    def heads(self) -> dict[str, Tensor]:
        """The dense head."""
        return {"ce": self.logits}

    def scored(self) -> dict[str, Tensor]:
        """The dense head."""
        return {"head": self.logits}

    def evidence(self) -> dict[str, Evidence]:
        """The features that the head reads."""
        return {"last features": Evidence(self.features, self.logits, self.level)}
