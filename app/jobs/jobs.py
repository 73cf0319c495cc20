"""What jobs there are and what each is doing, read from their folders."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from app import places
from app.jobs import requests
from app.jobs.requests import Analysing, Request, Training
from fgcore.evaluation import store
from fgcore.machine import lock
from fgcore.runs import runs
from fgcore.runs.folder import RunFolder

STATES = ("queued", "running", "stopping", "finished", "stopped", "failed", "interrupted")
INTERRUPTED = 130  # exit code of work that was asked to stop
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Job:
    """A folder of work and what it is doing."""

    path: Path
    kind: str  # of `requests.KINDS`
    request: Request | None  # None: begun on the command line
    state: str  # one of STATES
    place: int = 0  # in the queue, from 1; 0: not queued
    problem: str = ""  # why it failed, one sentence

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.path.name

    @property
    def live(self) -> bool:
        """Whether it waits or works, so that it must not be deleted and will change by itself."""
        return self.state in ("queued", "running", "stopping")


def folder_of(kind: str) -> Path:
    """Where the jobs of a kind lie."""
    return places.runs() if kind == Training.kind else places.analyses()


def find(kind: str, name: str) -> Job | None:
    """The job called `name`; None where there is none. Any text may be asked for."""
    return next((job for job in listing(kind) if job.name == name), None)


def listing(kind: str) -> tuple[Job, ...]:
    """All jobs of a kind: those that wait or work first, then the others, newest first."""
    folder = folder_of(kind)
    if not folder.is_dir():
        return ()
    paths = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and _is_job(path, kind)]
    if kind == Analysing.kind and (folder / store.ABOUT).is_file():
        paths.append(folder)
    order = [path for _, path in queue()]
    jobs = [_state_of(path, kind, order) for path in paths]
    return tuple(sorted(jobs, key=lambda job: (not job.live, job.place, -_begun(job))))


def _is_job(path: Path, kind: str) -> bool:
    work = "metrics.jsonl" if kind == Training.kind else store.ABOUT
    return path.is_dir() and not path.is_symlink() and any((path / name).is_file() for name in ("job.json", work))


def _begun(job: Job) -> float:
    return job.request.created if job.request else job.path.stat().st_mtime


def _state_of(path: Path, kind: str, order: Sequence[Path]) -> Job:
    """The job in a folder and its state."""
    request = read_request(path)
    if process_of(path) is not None:
        return Job(path, kind, request, "stopping" if (path / "stop").exists() else "running")
    if path in order:
        return Job(path, kind, request, "queued", order.index(path) + 1)
    ended = _json(path / "ended.json")
    if ended is None and process_of(path, "runner") is not None:  # it is about to write how the work ended
        return Job(path, kind, request, "stopping" if (path / "stop").exists() else "running")
    if request is None and lock.is_held(RunFolder(path).lock):
        return Job(path, kind, request, "running")
    if ended is None:  # killed with its runner, or begun on the command line
        return Job(path, kind, request, "finished" if finished(path, kind) else "interrupted")
    if ended["code"] == 0:
        return Job(path, kind, request, "finished")
    if ended["code"] == INTERRUPTED or (path / "stop").exists():
        return Job(path, kind, request, "stopped")
    return Job(path, kind, request, "failed", problem=_last_words(path))


def read_request(path: Path) -> Request | None:
    """What was asked for; None where that is unknown."""
    values = _json(path / "job.json")
    return None if values is None else requests.read(values)


def finished(path: Path, kind: str) -> bool:
    """Whether all of the work is on the disk."""
    if kind == Analysing.kind:
        return store.is_finished(path)
    run = read_run(path)
    return run is not None and run.finished


def read_run(path: Path) -> runs.Run | None:
    """The run in a folder so far; None before training has begun, or where its files are damaged."""
    try:
        return runs.read(path)
    except (OSError, ValueError):
        return None


def tail(path: Path, size: int) -> str:
    """The end of a text file, at most `size` bytes; "" where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def log(job: Job, size: int = 20_000) -> str:
    """What the work printed, at most the last `size` bytes; of a line that was rewritten its last state."""
    return "\n".join(line.rpartition("\r")[2] for line in tail(job.path / "log.txt", size).split("\n")).strip()


def _last_words(path: Path) -> str:
    words = [line for line in tail(path / "log.txt", 4000).replace("\r", "\n").splitlines() if line.strip()]
    sentence = words[-1].strip() if words else "it ended without a word"
    return re.sub(r"^fgcore \w+: ", "", sentence)


def _json(path: Path) -> Any:  # noqa: ANN401  (any JSON value)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def queue() -> list[tuple[float, Path]]:
    """The jobs of all kinds that wait, longest first."""
    waiting = []
    for kind in requests.KINDS:
        for mark in folder_of(kind).glob("*/queued"):
            try:
                waiting.append((float(mark.read_text()), mark.parent))
            except (OSError, ValueError):
                continue
    return sorted(waiting)


def identity(process: int) -> dict[str, Any]:
    """What `process.json` says of a process: its id and when it started; 0: it had ended."""
    return {"id": process, "started": _started(process)}


def _started(process: int) -> float:
    try:
        found = psutil.Process(process)
        return 0.0 if found.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) else found.create_time()
    except psutil.Error:
        return 0.0


def process_of(path: Path, which: str = "work") -> int | None:
    """The id of the job's "work" process or its "runner" while that lives; None where it does not."""
    values = (_json(path / "process.json") or {}).get(which)
    if values is None or not values["started"]:  # it had ended before it was looked at
        return None
    return values["id"] if _started(values["id"]) == values["started"] else None  # ids are used again
