"""The one reader of `metrics.jsonl`: how far a run is, from the lines that training writes.

A line of kind "step" holds a `StepReport`, one of kind "epoch" an `EpochReport` without its scores by class. A line
that is being written is not whole yet and waits.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Point:
    """Means over a part of an epoch."""

    at: float  # epochs done, such as 1.25
    terms: dict[str, float]
    top1: float  # of the training images, in [0, 1]
    images_per_second: float


@dataclass(frozen=True)
class Metrics:
    """All whole lines of a run."""

    points: tuple[Point, ...] = ()
    epochs: tuple[dict[str, Any], ...] = ()  # of each epoch done


def read(path: Path) -> Metrics:
    """The metrics of a run; none where there is no file.

    Raises:
        ValueError: a line that is no report.
    """
    try:
        status = path.stat()
    except OSError:
        return Metrics()
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _read(path: Path, modified: int, size: int) -> Metrics:
    points, epochs = [], []
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                break  # being written
            try:
                values = json.loads(line)
                if values.pop("kind") == "epoch":
                    epochs.append(values)
                    continue
                at = values["epoch"] - 1 + values["step"] / values["steps"]
                points.append(Point(at, values["terms"], values["top1"], values["images_per_second"]))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{path.name} holds a line that is no report: {line[:80].strip()!r}") from error
    return Metrics(tuple(points), tuple(epochs))


def end_of(path: Path, epoch: int) -> int:
    """The number of bytes up to the end of an epoch's line; 0 where it is not there."""
    position = 0
    with path.open("rb") as file:
        for line in file:
            position += len(line)
            if line.startswith(b'{"kind": "epoch"') and line.endswith(b"\n") and json.loads(line)["epoch"] == epoch:
                return position
    return 0
