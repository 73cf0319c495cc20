"""What runs there are and what each is doing, read from their folders."""

import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.jobs import processes
from fgcore.machine import lock

VARIABLE = "FG_RUNS"  # names a folder to use instead of runs/
STATES = ("queued", "running", "stopping", "finished", "stopped", "failed", "interrupted")
INTERRUPTED = 130  # exit code of a run that was asked to stop
_ROOT = Path(__file__).resolve().parents[2]
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Job:
    """What was asked for."""

    preset: str
    settings: tuple[str, ...]  # key=value, as on the command line
    probes: int = 0
    title: str = ""  # what a page calls it
    created: float = 0.0  # seconds since 1970


@dataclass(frozen=True)
class Run:
    """A run and what it is doing."""

    path: Path
    job: Job | None  # None: begun on the command line
    state: str  # one of STATES
    place: int = 0  # in the queue, from 1; 0: not queued
    problem: str = ""  # why it failed, one sentence

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.path.name

    @property
    def live(self) -> bool:
        """Whether it waits or trains, so that it must not be deleted and will change by itself."""
        return self.state in ("queued", "running", "stopping")


def runs_folder() -> Path:
    """Where runs lie."""
    return Path(os.environ.get(VARIABLE) or _ROOT / "runs").absolute()


def find(name: str) -> Run | None:
    """The run called `name`; None where there is none. Any text may be asked for."""
    return next((run for run in listing() if run.name == name), None)


def listing() -> tuple[Run, ...]:
    """All runs: those that wait or train first, then the others, newest first."""
    folder = runs_folder()
    if not folder.is_dir():
        return ()
    paths = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and _is_run(path)]
    order = [path for _, path in queue(folder)]
    runs = [_look(path, order) for path in paths]
    return tuple(sorted(runs, key=lambda run: (not run.live, run.place, -_begun(run))))


def _is_run(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and any((path / n).is_file() for n in ("job.json", "metrics.jsonl"))


def _begun(run: Run) -> float:
    return run.job.created if run.job else run.path.stat().st_mtime


def _look(path: Path, order: Sequence[Path]) -> Run:
    """The run in a folder and its state."""
    job = read_job(path)
    if process_of(path) is not None:
        return Run(path, job, "stopping" if (path / "stop").exists() else "running")
    if path in order:
        return Run(path, job, "queued", order.index(path) + 1)
    ended = _json(path / "ended.json")
    if ended is None and process_of(path, "runner") is not None:  # it is about to write how training ended
        return Run(path, job, "stopping" if (path / "stop").exists() else "running")
    if job is None and lock.is_held(path / "run.lock"):
        return Run(path, job, "running")
    if ended is None:  # killed with its runner, or begun on the command line
        return Run(path, job, "finished" if finished(path) else "interrupted")
    if ended["code"] == 0:
        return Run(path, job, "finished")
    if ended["code"] == INTERRUPTED or (path / "stop").exists():
        return Run(path, job, "stopped")
    return Run(path, job, "failed", problem=_last_words(path))


def read_job(path: Path) -> Job | None:
    """What was asked for; None where that is unknown."""
    values = _json(path / "job.json")
    try:
        return None if values is None else Job(**{**values, "settings": tuple(values["settings"])})
    except (TypeError, KeyError):  # of another version
        return None


def finished(path: Path) -> bool:
    """Whether the last epoch of the run is on the disk."""
    for line in reversed(tail(path / "metrics.jsonl", 20_000).splitlines()):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            values = json.loads(line)
            if values["kind"] == "epoch":
                return values["epoch"] >= values["epochs"]
    return False


def tail(path: Path, size: int) -> str:
    """The end of a text file, at most `size` bytes; "" where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def log(run: Run, size: int = 20_000) -> str:
    """What training printed, at most the last `size` bytes; of a line that was rewritten its last state."""
    return "\n".join(line.rpartition("\r")[2] for line in tail(run.path / "log.txt", size).split("\n")).strip()


def _last_words(path: Path) -> str:
    words = [line for line in tail(path / "log.txt", 4000).splitlines() if line.strip()]
    sentence = words[-1].strip() if words else "it ended without a word"
    return re.sub(r"^fgcore train: ", "", sentence)


def _json(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def queue(folder: Path) -> list[tuple[float, Path]]:
    """The runs that wait, longest first."""
    waiting = []
    for mark in folder.glob("*/queued"):
        with contextlib.suppress(OSError, ValueError):
            waiting.append((float(mark.read_text()), mark.parent))
    return sorted(waiting)


def process_of(path: Path, which: str = "training") -> int | None:
    """The id of the run's "training" process or its "runner" while that lives; None where it does not."""
    values = (_json(path / "process.json") or {}).get(which)
    if values is None or not values["started"]:  # it had ended before it was looked at
        return None
    return values["id"] if processes.started(values["id"]) == values["started"] else None  # ids are used again
