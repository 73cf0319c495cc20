"""Cross-entropy of every classifier that a network trains: of one head, or the plain sum over several."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from fgcore.config import LossConfig, ModelConfig
from fgcore.outputs import LossTerms, ModelOutput


class CrossEntropy(nn.Module):
    """The plain sum of the cross-entropies of a network's heads."""

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.label_smoothing = config.label_smoothing

    def forward(self, output: ModelOutput, targets: Tensor, *, generator: Generator | None = None) -> LossTerms:
        """The loss of a batch; its parts are named as the heads are.

        Args:
            output: of any network.
            targets: (B,) int64, or (B, K) shares of the classes, as after mixup.
            generator: not used, nothing here is random.

        Source: both papers' code; AP-CNN sums eight of them (Ding et al., TIP 2021).
        """
        heads = output.heads()
        logits = torch.stack(list(heads.values()), dim=1)  # (B, N, K)
        losses = F.cross_entropy(
            logits.flatten(0, 1).to(at_least_single(logits)),
            targets.repeat_interleave(len(heads), dim=0),
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        means = losses.view(-1, len(heads)).mean(0)  # (N,)
        return LossTerms(means.sum(), dict(zip(heads, means.unbind(), strict=True)))


def at_least_single(values: Tensor) -> torch.dtype:
    """At least float32: half precision would round what a loss compares."""
    return torch.promote_types(values.dtype, torch.float32)


def build(config: LossConfig, model: ModelConfig) -> CrossEntropy:
    """The loss of a config."""
    return CrossEntropy(config)
