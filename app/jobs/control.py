"""What a page may ask for: to begin, continue, stop and delete runs."""

import contextlib
import json
import os
import shutil
import signal
import time
from dataclasses import asdict
from pathlib import Path

from app.jobs import runner
from app.jobs.runs import INTERRUPTED, Job, Run, find, listing, process_of, runs_folder
from fgcore.machine.files import write_atomically

_PICTURES = "pictures"  # uploads, below the runs folder
_UNUSED = 24 * 3600  # seconds that pictures stay which no run needs


def submit(job: Job) -> Run:
    """Put a run in the queue and see to it that somebody works the queue.

    Raises:
        OSError: the runs folder cannot be written to, or this system has no file locks.
    """
    if not runner.available():
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
    runner.start_runner()


def stop(run: Run) -> None:
    """Take a run out of the queue, or ask its process to stop, and make it stop after `runner.GRACE` seconds."""
    if run.state == "queued":
        (run.path / "queued").unlink(missing_ok=True)
        write_atomically(run.path / "ended.json", json.dumps({"code": INTERRUPTED}).encode())
    elif (process := process_of(run.path)) is not None:
        asked = run.path / "stop"
        late = asked.exists() and time.time() - asked.stat().st_mtime > runner.GRACE
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
