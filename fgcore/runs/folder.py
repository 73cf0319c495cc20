"""The folder of one run, and how it survives being killed.

| file | what | written |
|---|---|---|
| `experiment.json` | every setting, and where the run comes from | at the start |
| `metrics.jsonl` | one JSON object per line, `kind` "step" or "epoch" | while training |
| `best.safetensors`, `last.safetensors` | checkpoints for use, half precision | after each epoch |
| `state.pt` | weights, optimiser, epoch: what resuming reads | after each epoch, last |
| `tensorboard/` | event files, with `tensorboard=true` | while training |
| `run.lock` | held by the process that trains; see `fgcore.machine.lock` | while training |

`state.pt` alone decides where a run stands. It replaces its predecessor in one step, after the other files; a
run killed anywhere between therefore repeats the unfinished epoch exactly and writes the same files again.
"""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fgcore.checkpoints import migrate
from fgcore.config import Experiment, from_dict, to_dict
from fgcore.machine import lock
from fgcore.machine.files import write_atomically
from fgcore.runs import metrics

STATE_VERSION = 2
_CHANGING = (  # settings that may differ as well, which the provenance then says
    *("optim.epochs", "optim.lr", "optim.trunk_lr", "optim.schedule", "optim.milestones", "optim.gamma"),
    *("optim.warmup_epochs", "optim.weight_decay", "optim.clip_norm"),
)
_FREE = ("workers", "cache_images", "compile", "tensorboard")  # settings that may differ when a run is resumed


class RunFolder:
    """The files of one run. See the table of this module."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.best = self.path / "best.safetensors"
        self.last = self.path / "last.safetensors"
        self.metrics = self.path / "metrics.jsonl"
        self.settings = self.path / "experiment.json"
        self.state = self.path / "state.pt"
        self.tensorboard = self.path / "tensorboard"
        self.lock = self.path / "run.lock"

    def claim(self, *, resume: bool) -> dict[str, Any] | None:
        """Make the folder ready and return the state to continue from; None starts from the beginning.

        The folder is this process's until `release`, or until the process ends in whatever way.

        Raises:
            FileExistsError: it holds a run and `resume` is False, or another process is training there.
            OSError: it cannot be written to.
            ValueError: its state cannot be read.
        """
        begun = (path for path in (self.state, self.settings, self.metrics) if path.exists())
        if not resume and any(path.stat().st_size for path in begun):
            raise FileExistsError(
                f"{self.path} already holds a run; continue it with --resume, or choose another folder with --out"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with self.metrics.open("ab"):
                pass
            held = lock.hold(self.lock)
        except OSError as error:
            raise OSError(f"cannot write to {self.path}: {error.strerror}; choose another folder with --out") from error
        if not held:
            raise FileExistsError(f"another process is training in {self.path}; choose another folder with --out")
        state = self._read_state() if self.state.exists() else None
        self._truncate_metrics(state["epoch"] if state else 0)
        return state

    def release(self) -> None:
        """Let others train here."""
        lock.release(self.lock)

    def _read_state(self) -> dict[str, Any]:
        try:
            state = torch.load(self.state, map_location="cpu", weights_only=True)
            version = state["version"]
        except Exception as error:  # a damaged archive raises nearly anything
            raise ValueError(f"{self.state} cannot be read; start a new run with --out") from error
        if version != STATE_VERSION:
            raise ValueError(
                f"{self.state} is of version {version}, expected {STATE_VERSION}; start a new run with --out"
            )
        return state

    def _truncate_metrics(self, epoch: int) -> None:
        """Forget every line after the end of `epoch`: that work will be repeated."""
        end = metrics.end_of(self.metrics, epoch)
        with self.metrics.open("r+b") as file:
            file.truncate(end)

    def append(self, kind: str, values: Mapping[str, Any]) -> None:
        """Add a line to `metrics.jsonl`; lines of kind "epoch" are on the disk when this returns.

        Raises:
            OSError: a full disk or an unwritable folder, with what to do.
        """
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"kind": kind, **values}) + "\n")
                if kind == "epoch":
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise OSError(
                f"could not write {self.metrics}: {error.strerror}; the last good checkpoint is kept; make room, then "
                "continue with --resume"
            ) from error

    def write_settings(self, experiment: Experiment, provenance: Mapping[str, Any]) -> None:
        """Write `experiment.json`."""
        text = json.dumps({"experiment": to_dict(experiment), "provenance": dict(provenance)}, indent=2)
        write_atomically(self.settings, text.encode())

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace `state.pt`; from now on the run continues from here."""
        buffer = io.BytesIO()
        torch.save({"version": STATE_VERSION, **state}, buffer)
        write_atomically(self.state, buffer.getvalue())


def check_same(stored: Mapping[str, Any], wanted: Experiment) -> dict[str, tuple[Any, Any]]:
    """Refuse to continue a run under other settings; its length, its rates and their schedule may differ.

    A setting that the run's version of this program did not know has its default.

    Returns:
        What differs: name -> what it was, what it is.

    Raises:
        ValueError: the first setting that differs and may not, with both values, or one that this version lacks.
    """
    changed = {}
    for name, (old, new) in differences(from_dict(Experiment, migrate.current(stored)), wanted).items():
        if name in _CHANGING:
            changed[name] = old, new
        elif name not in _FREE:
            raise ValueError(
                f"this run was started with {name}={old!r}, got {new!r}; resume with the same settings or start a "
                "new run with --out"
            )
    return changed


def differences(one: Experiment, two: Experiment) -> dict[str, tuple[Any, Any]]:
    """The settings in which two experiments differ, by full name, in alphabetical order, with both values.

    What only one of them has belongs to its method or loss, and the name of that is among them.
    """
    first, second = _flat(to_dict(one)), _flat(to_dict(two))
    both = sorted(first.keys() & second.keys())
    return {name: (first[name], second[name]) for name in both if first[name] != second[name]}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
