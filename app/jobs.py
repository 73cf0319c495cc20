"""Training runs as files and processes: one trains, others wait their turn, no browser needs to be open.

A run is a folder. What a run is doing is read from its files and never kept in memory, so that pages may be closed and
the app restarted:

| file | what | written by |
|---|---|---|
| `job.json` | what was asked for | the page, once |
| `queued` | it waits, since the time in it | the page; removed by the runner, or by the page to cancel |
| `process.json` | the processes that train and that watch: their ids and when they started | the runner |
| `stop` | it was asked to stop | the page |
| `ended.json` | the exit code | the runner |
| `log.txt` | what training printed | training |

The runner is this module as a program: it waits for the machine's slot, a locked file in the runs folder, trains the
run that has waited longest, then the next, and ends when none waits. Training inherits the lock, so the slot stays
taken as long as it lives, even if its runner is killed. Training always resumes: beginning, continuing after a stop
and repeating after a crash are the same command.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fgcore.engine import lock
from fgcore.engine.files import write_atomically

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None

VARIABLE = "FG_RUNS"  # names a folder to use instead of runs/
STATES = ("queued", "running", "stopping", "finished", "stopped", "failed", "interrupted")
GRACE = 20  # seconds between asking a process to stop and killing it
INTERRUPTED = 130  # exit code of a run that was asked to stop
_ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_POLL = 0.5  # seconds
_PICTURES = "pictures"  # uploads, below the runs folder
_UNUSED = 24 * 3600  # seconds that pictures stay which no run needs


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


def available() -> bool:
    """Whether this system has the locks that the queue needs."""
    return fcntl is not None


def submit(job: Job) -> Run:
    """Put a run in the queue and see to it that somebody works the queue.

    Raises:
        OSError: the runs folder cannot be written to, or this system has no file locks.
    """
    if not available():
        raise OSError("training from the browser needs file locks as Linux and macOS have them; use the command line")
    seed = next((text.removeprefix("seed=") for text in job.settings if text.startswith("seed=")), "1")
    path = _new_folder(f"{job.preset}-{seed}")
    write_atomically(path / "job.json", json.dumps(asdict(job) | {"created": time.time()}, indent=2).encode())
    _enqueue(path)
    return find(path.name)


def _new_folder(stem: str) -> Path:
    folder, number = runs_folder(), 1
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        path = folder / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1


def resume(run: Run) -> None:
    """Put a run that ended in the queue again; it continues after its last whole epoch.

    Raises:
        ValueError: it cannot be resumed.
    """
    if run.live or run.job is None:
        raise ValueError(f"expected a run of this page that has ended, got {run.name}, which is {run.state}")
    _enqueue(run.path)


def _enqueue(path: Path) -> None:
    for name in ("stop", "ended.json"):
        (path / name).unlink(missing_ok=True)
    write_atomically(path / "queued", repr(time.time()).encode())
    start_runner()


def stop(run: Run) -> None:
    """Take a run out of the queue, or ask its process to stop, and make it stop after `GRACE` seconds."""
    if run.state == "queued":
        (run.path / "queued").unlink(missing_ok=True)
        write_atomically(run.path / "ended.json", json.dumps({"code": INTERRUPTED}).encode())
    elif (process := _process(run.path)) is not None:
        asked = run.path / "stop"
        late = asked.exists() and time.time() - asked.stat().st_mtime > GRACE
        if not asked.exists():
            asked.touch()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL) if late else os.kill(process, signal.SIGINT)


def delete(run: Run) -> None:
    """Remove a run and everything in its folder.

    Raises:
        ValueError: it waits or trains, or its folder is not in the runs folder.
    """
    if run.live:
        raise ValueError(f"{run.name} is {run.state}; stop it first")
    path = run.path
    if path.is_symlink() or path.resolve().parent != runs_folder().resolve() or not path.is_dir():
        raise ValueError(f"expected a folder in {runs_folder().name}/ to delete, got {path.name}")
    shutil.rmtree(path)


def place_for_pictures() -> Path:
    """A new path below which uploaded pictures may be unpacked; old ones that no run needs are removed."""
    folder = runs_folder() / _PICTURES
    wanted = "\n".join(text for run in listing() if run.job for text in run.job.settings)
    for path in folder.glob("*"):
        if str(path) not in wanted and time.time() - path.stat().st_mtime > _UNUSED:
            shutil.rmtree(path, ignore_errors=True)
    return folder / f"{time.time_ns():x}"


def find(name: str) -> Run | None:
    """The run called `name`; None where there is none. Any text may be asked for."""
    return next((run for run in listing() if run.name == name), None)


def listing() -> tuple[Run, ...]:
    """All runs: those that wait or train first, then the others, newest first."""
    folder = runs_folder()
    if not folder.is_dir():
        return ()
    paths = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and _is_run(path)]
    order = [path for _, path in _queue(folder)]
    runs = [_look(path, order) for path in paths]
    return tuple(sorted(runs, key=lambda run: (not run.live, run.place, -_begun(run))))


def _is_run(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and any((path / n).is_file() for n in ("job.json", "metrics.jsonl"))


def _begun(run: Run) -> float:
    return run.job.created if run.job else run.path.stat().st_mtime


def _look(path: Path, order: Sequence[Path]) -> Run:
    """The run in a folder and its state."""
    job = _job(path)
    if _process(path) is not None:
        return Run(path, job, "stopping" if (path / "stop").exists() else "running")
    if path in order:
        return Run(path, job, "queued", order.index(path) + 1)
    ended = _json(path / "ended.json")
    if ended is None and _process(path, "runner") is not None:  # it is about to write how training ended
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


def _job(path: Path) -> Job | None:
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


def _queue(folder: Path) -> list[tuple[float, Path]]:
    """The runs that wait, longest first."""
    waiting = []
    for mark in folder.glob("*/queued"):
        with contextlib.suppress(OSError, ValueError):
            waiting.append((float(mark.read_text()), mark.parent))
    return sorted(waiting)


def _process(path: Path, which: str = "training") -> int | None:
    """The id of the run's "training" process or its "runner" while that lives; None where it does not."""
    values = (_json(path / "process.json") or {}).get(which)
    alive = values is not None and _started(values["id"]) == values["started"]  # ids are used again
    return values["id"] if alive else None


def _identity(process: int) -> dict[str, Any]:
    return {"id": process, "started": _started(process)}


def _started(process: int) -> str:
    """When a process started, in the system's own words; "" where there is none or it is a zombie."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return _started_by_ps(process) if not Path("/proc/self/stat").exists() else ""
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return "" if fields[0] in "ZX" else fields[19]


def _started_by_ps(process: int) -> str:
    command = ["ps", "-o", "stat=,lstart=", "-p", str(process)]
    words = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split(maxsplit=1)
    return words[1].strip() if len(words) == 2 and not words[0].startswith("Z") else ""


def start_runner() -> None:
    """Start a process that works the queue. Where another does, it waits for its turn and then finds nothing."""
    with (runs_folder() / ".runner.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "app.jobs", str(runs_folder())],
            cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def tend() -> None:
    """Start a runner where runs wait and nobody holds the slot: a machine was restarted, or a runner killed."""
    folder = runs_folder()
    if available() and _queue(folder):
        with (folder / ".slot").open("a") as slot:
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return
        start_runner()


def work(folder: Path) -> None:
    """Wait for the slot, then train the runs that wait, one after the other, until none does."""
    with (folder / ".slot").open("a") as slot:
        fcntl.flock(slot, fcntl.LOCK_EX)
        while waiting := _queue(folder):
            _train(waiting[0][1], slot.fileno())


def _train(path: Path, slot: int) -> None:
    """Train one run to its end; the process is the head of a group of its own and inherits the slot."""
    job = _job(path)
    if job is None:
        (path / "queued").unlink(missing_ok=True)
        return
    with (path / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            command(path, job), cwd=_ROOT, env=_environment(), pass_fds=(slot,), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    identities = {"training": _identity(process.pid), "runner": _identity(os.getpid())}
    write_atomically(path / "process.json", json.dumps(identities).encode())
    (path / "queued").unlink(missing_ok=True)
    write_atomically(path / "ended.json", json.dumps({"code": _watch(path, process)}).encode())


def _watch(path: Path, process: subprocess.Popen) -> int:
    """The exit code; a process that was asked to stop and does not is killed."""
    while True:
        try:
            return process.wait(timeout=_POLL)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                if time.time() - (path / "stop").stat().st_mtime > GRACE:
                    os.killpg(process.pid, signal.SIGKILL)


def command(path: Path, job: Job) -> list[str]:
    """The command line that trains the run."""
    probes = ["--probes", str(job.probes)] if job.probes else []
    start = [sys.executable, "-m", "fgcore", "train", job.preset, *job.settings]
    return [*start, "--out", str(path), "--resume", *probes]


def _environment() -> Mapping[str, str]:
    """One core stays with the app."""
    return {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) - 1)), "PYTHONUNBUFFERED": "1", **os.environ}


if __name__ == "__main__":
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job ignores it, and so would training
    work(Path(sys.argv[1]))
