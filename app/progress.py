"""How far a run is, from the file that training writes."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fgcore.config import Experiment, from_dict
from fgcore.runs.folder import RunFolder

_RECENT = 3  # epochs whose duration tells that of the next ones


@dataclass(frozen=True)
class Point:
    """Means over a part of an epoch."""

    at: float  # epochs done, such as 1.25
    terms: dict[str, float]
    top1: float  # of the training pictures, in [0, 1]
    images_per_second: float


@dataclass(frozen=True)
class Progress:
    """A run so far."""

    experiment: Experiment
    points: tuple[Point, ...]
    epochs: tuple[dict[str, Any], ...]  # `EpochReport.to_dict` of each, without the classes' scores
    data: str = ""  # its pictures in words, those that could not be read among them

    @property
    def total(self) -> int:
        """Epochs of the whole run."""
        return self.experiment.optim.epochs

    @property
    def at(self) -> float:
        """Epochs done, such as 1.25; while a resumed epoch is repeated, it counts from its beginning."""
        return max([len(self.epochs), *(point.at for point in self.points[-1:])])

    @property
    def seconds_left(self) -> float | None:
        """At the pace of the last epochs; None before the first one ends."""
        recent = [report["seconds"] for report in self.epochs[-_RECENT:]]
        return (self.total - self.at) * sum(recent) / len(recent) if recent else None


def read(path: Path) -> Progress | None:
    """The progress of the run in a folder; None before training has begun, or where the files are damaged."""
    run = RunFolder(path)
    try:
        status = run.metrics.stat()
        return _read(run.metrics, run.settings, status.st_mtime_ns, status.st_size)
    except (OSError, ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=16)
def _read(metrics: Path, settings: Path, modified: int, size: int) -> Progress:
    about = json.loads(settings.read_text(encoding="utf-8"))
    experiment, data = from_dict(Experiment, about["experiment"]), str(about.get("provenance", {}).get("data", ""))
    points, epochs = [], []
    for line in metrics.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            break  # being written
        values = json.loads(line)
        if values.pop("kind") == "step":
            at = values["epoch"] - 1 + values["step"] / values["steps"]
            points.append(Point(at, values["terms"], values["top1"], values["images_per_second"]))
        else:
            epochs.append(values)
    return Progress(experiment, tuple(points), tuple(epochs), data)
