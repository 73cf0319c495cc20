"""A loss of ours that keeps AP-CNN's spatial gates on what their own level's classifier finds, see `GuidedLoss`."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from fgcore.config import LossConfig, ModelConfig
from fgcore.methods.ap.output import APCNNOutput
from fgcore.methods.baseline.loss import CrossEntropy
from fgcore.outputs import LEVELS, LossTerms

_LEAST = 1e-6  # from 0 and 1: gates nearer to them count as that near


class GuidedLoss(nn.Module):
    """The cross-entropies of AP-CNN, and how far the gates of stage I are from the evidence.

    Total: sum of cross-entropies + guide_weight * sum over levels of (1 - r), where r is the correlation over the map
    between the argument of a spatial gate and the evidence of that level's own head. See `evidence`.

    **Differs** from Ding et al., TIP 2021, whose loss asks no gate for a place: there a gate may serve the classifier
    upside down, as level 5's does, and its ROI then lies beside the object. The evidence is held fixed, so that it is
    the gate that follows.
    """

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.cross_entropy = CrossEntropy(config)
        self.settings = config.settings

    def forward(self, output: APCNNOutput, targets: Tensor, *, generator: Generator | None = None) -> LossTerms:
        """The loss of a batch; its parts are the heads' and `guide3` to `guide5`.

        Args:
            output: of AP-CNN, with its graph.
            targets: (B,) int64, or (B, K) shares of the classes.
            generator: not used, nothing here is random.
        """
        terms = self.cross_entropy(output, targets, generator=generator)
        found = evidence(output, targets)
        gates = (gate.float().logit(_LEAST) for gate in output.stage1.spatial_gates)
        guides = [1 - correlation(gate, seen).mean() for gate, seen in zip(gates, found, strict=True)]
        parts = {f"guide{level}": guide.detach() for level, guide in zip(LEVELS, guides, strict=True)}
        return LossTerms(terms.total + self.settings.guide_weight * torch.stack(guides).sum(), terms.parts | parts)


def evidence(output: APCNNOutput, targets: Tensor) -> list[Tensor]:
    """What each cell adds to the log-probability of the right class at its level's head in stage I.

    Sum over channels of refined features times the gradient to them (HiResCAM, Draelos and Carin, 2020), signed, as a
    mean over 3 x 3 cells.

    Returns:
        (B, 1, h, w) float32 for levels 3, 4, 5, without a graph.
    """
    stage = output.stage1
    logits = stage.logits[:, : len(LEVELS)].float()  # (B, 3, K)
    shares = targets if targets.is_floating_point() else F.one_hot(targets, logits.shape[-1])
    said = (logits.log_softmax(-1) * shares[:, None]).sum()
    gradients = torch.autograd.grad(said, list(stage.refined), retain_graph=True)
    maps = [(x.detach() * dx).float().sum(1, keepdim=True) for x, dx in zip(stage.refined, gradients, strict=True)]
    return [F.avg_pool2d(found, 3, stride=1, padding=1, count_include_pad=False) for found in maps]


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation over each map; 0 where one of them is flat. (B, 1, h, w) twice -> (B,)."""
    first, second = (x.flatten(1) - x.mean((1, 2, 3))[:, None] for x in (first, second))
    return (first * second).sum(1) / (first.norm(dim=1) * second.norm(dim=1)).clamp(min=1e-12)


def build(config: LossConfig, model: ModelConfig) -> GuidedLoss:
    """The loss of a config whose settings are `GuideSettings`."""
    return GuidedLoss(config)
