"""What training tells while it runs, and the running means behind it."""

import dataclasses
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fgcore.evaluation.metrics import Evaluation
from fgcore.machine import distributed
from fgcore.outputs import LossTerms


@dataclass(frozen=True)
class StepReport:
    """Where training stands within an epoch."""

    epoch: int  # from 1
    step: int  # steps done in this epoch
    steps: int  # of an epoch
    terms: dict[str, float]  # "total" and the loss's named parts, means since the last report
    top1: float  # of the training images since the last report, in [0, 1]
    images_per_second: float


@dataclass(frozen=True)
class EpochReport:
    """What one epoch brought."""

    epoch: int  # from 1
    epochs: int  # of the whole run
    learning_rates: dict[str, float]  # at the epoch's end
    terms: dict[str, float]  # "total" and the loss's named parts, means over the epoch
    train_top1: float  # in [0, 1], while the weights were changing, on augmented images
    test: Evaluation
    best_epoch: int  # the epoch with the highest test top-1 so far, the first of equals
    best_top1: float
    seconds: float  # of this epoch, its evaluation included

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)}, "test": self.test.to_dict()}


class RunningMeans:
    """Running sums of the loss terms, kept on the device and read once per report.

    Where several processes share each batch, all of them must report at the same steps; they get the same means.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.window: Tensor | float = 0.0  # (terms + 1,) since the last report; the last one counts hits
        self.epoch: Tensor | float = 0.0
        self.steps = self.images = 0
        self.window_steps = self.window_images = 0
        self.started = time.perf_counter()

    def add(self, terms: LossTerms, logits: Tensor, targets: Tensor, whole: int) -> None:
        """Count a batch.

        Args:
            terms: the losses, means over the images at hand.
            logits: (B, K).
            targets: (B,) int64, or (B, K) shares of the classes, of which the largest counts.
            whole: images of the batch in all processes.
        """
        self.names = ["total", *terms.parts]
        hits = (logits.argmax(dim=1) == (targets if targets.ndim == 1 else targets.argmax(dim=1))).sum()
        share = len(logits) / whole
        losses = [value.detach().float() * share for value in (terms.total, *terms.parts.values())]
        values = torch.stack([*losses, hits.float()])
        self.window, self.epoch = self.window + values, self.epoch + values
        self.steps, self.images = self.steps + 1, self.images + whole
        self.window_steps, self.window_images = self.window_steps + 1, self.window_images + whole

    def report(self, epoch: int, step: int, steps: int) -> StepReport:
        """The means since the last report."""
        terms, top1 = self._means(self.window, self.window_steps, self.window_images)
        now = time.perf_counter()
        speed = self.window_images / (now - self.started)
        self.window, self.window_steps, self.window_images, self.started = 0.0, 0, 0, now
        return StepReport(epoch, step, steps, terms, top1, speed)

    def means(self) -> tuple[dict[str, float], float]:
        """The means over all batches, and the share of hits."""
        return self._means(self.epoch, self.steps, self.images)

    def _means(self, sums: Tensor, steps: int, images: int) -> tuple[dict[str, float], float]:
        *terms, hits = distributed.summed(sums).tolist()
        return {name: value / steps for name, value in zip(self.names, terms, strict=True)}, hits / images
