"""Counting hits: top-1 and top-5, per class, per head and stage, without a synchronisation per batch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from fgcore.outputs import ModelOutput


@dataclass(frozen=True)
class HeadScore:
    """How often one classifier of the model was right, as shares of the images."""

    name: str
    top1: float
    top5: float


@dataclass(frozen=True)
class ClassScore:
    """How the model does on the images of one class."""

    name: str
    images: int
    top1: float  # share of its images; nan for a class without images
    top5: float
    taken_for: str  # the wrong class predicted most often; "" where every image was right
    taken_for_images: int


@dataclass(frozen=True)
class Evaluation:
    """The scores of one model on one set of images. Shares lie in [0, 1]."""

    data: str  # what was evaluated, in words
    images: int
    precision: str  # "fp32" or "bf16": what the network was computed in
    top1: float
    top5: float
    heads: tuple[HeadScore, ...]  # every classifier; the last one is the model's prediction
    classes: tuple[ClassScore, ...]
    seconds: float
    confusion: tuple[tuple[int, int, int], ...] = ()  # true class, predicted class, images; without empty pairs

    @property
    def class_mean(self) -> float:
        """Mean over the classes with images of the share that is right: every class counts alike."""
        shares = [score.top1 for score in self.classes if score.images]
        return sum(shares) / len(shares) if shares else float("nan")

    def confusion_table(self) -> pd.DataFrame:
        """One row per pair of true and predicted class that occurs, with the number of images."""
        names = [score.name for score in self.classes]
        rows = [(names[true], names[said], images) for true, said, images in self.confusion]
        return pd.DataFrame(rows, columns=["class", "predicted", "images"])

    def head_table(self) -> pd.DataFrame:
        """One row per head and stage; columns top1 and top5 in percent."""
        return _percent(pd.DataFrame([asdict(head) for head in self.heads]).set_index("name"))

    def class_table(self) -> pd.DataFrame:
        """One row per class; columns images, top1 and top5 in percent, taken_for, taken_for_images."""
        return _percent(pd.DataFrame([asdict(score) for score in self.classes]).set_index("name"))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the confusion; nan becomes None."""
        kept = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "confusion"}
        values = {**kept, "class_mean": self.class_mean}
        values["heads"] = [asdict(score) for score in self.heads]
        values["classes"] = [asdict(score) for score in self.classes]
        for score in values["classes"]:
            score |= {key: None for key in ("top1", "top5") if score[key] != score[key]}
        return values


def _percent(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(top1=100 * table["top1"], top5=100 * table["top5"])


class Counter:
    """Accumulates a model's hits over batches, on the device where they are computed."""

    def __init__(self, num_classes: int, device: torch.device) -> None:
        self.num_classes = num_classes
        self.hits: dict[str, Tensor] = {}  # head -> (2, K) hits within the top 1 and 5, by true class
        self.confusion = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=device)  # true x predicted

    def add(self, output: ModelOutput, targets: Tensor) -> None:
        """Count a batch.

        Args:
            output: what the model returned.
            targets: (B,) int64, on the same device.
        """
        for name, logits in output.scored().items():
            best = logits.float().topk(min(5, self.num_classes), dim=1).indices  # (B, 5)
            found = best == targets[:, None]
            hits = torch.stack([found[:, 0], found.any(dim=1)]).long()  # (2, B)
            total = self.hits.setdefault(name, torch.zeros_like(self.confusion[:2]))
            total.index_add_(1, targets, hits)
        cells = targets * self.num_classes + best[:, 0]
        self.confusion.view(-1).index_add_(0, cells, torch.ones_like(cells))

    def on_cpu(self) -> "Counter":
        """A copy on the CPU; reads the device once per head."""
        copy = Counter(self.num_classes, torch.device("cpu"))
        copy.hits = {name: total.cpu() for name, total in self.hits.items()}
        copy.confusion = self.confusion.cpu()
        return copy

    def result(self, class_names: tuple[str, ...], *, data: str, precision: str, seconds: float) -> Evaluation:
        """All scores; reads the device once per head."""
        read = self.on_cpu()
        confusion, hits = read.confusion, read.hits
        counts, images = confusion.sum(dim=1), int(confusion.sum())
        heads = tuple(HeadScore(name, *_shares(total.sum(dim=1), images)) for name, total in hits.items())
        last = hits[heads[-1].name]
        classes = tuple(
            ClassScore(
                name, int(counts[k]), *_shares(last[:, k], int(counts[k])), *_rival(confusion[k], k, class_names)
            )
            for k, name in enumerate(class_names)
        )
        pairs = [(true, said, int(confusion[true, said])) for true, said in confusion.nonzero().tolist()]
        return Evaluation(
            data, images, precision, heads[-1].top1, heads[-1].top5, heads, classes, seconds, tuple(pairs)
        )


def merged(counters: Sequence[Counter]) -> Counter:
    """The counts of several processes as one, on the CPU; some of them may have seen nothing."""
    total = Counter(counters[0].num_classes, torch.device("cpu"))
    for counter in (each.on_cpu() for each in counters):
        total.confusion += counter.confusion
        total.hits = {name: hits + total.hits.get(name, 0) for name, hits in counter.hits.items()} or total.hits
    return total


def _shares(hits: Tensor, images: int) -> tuple[float, float]:
    """(2,) hits as shares of `images`."""
    top1, top5 = (float(hit) / images if images else float("nan") for hit in hits)
    return top1, top5


def _rival(row: Tensor, true: int, class_names: tuple[str, ...]) -> tuple[str, int]:
    """The wrong class with most predictions in a row of the confusion matrix, and how many."""
    wrong = row.clone()
    wrong[true] = 0
    count, index = wrong.max(dim=0)
    return (class_names[int(index)], int(count)) if count else ("", 0)
