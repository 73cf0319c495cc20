"""What a page may ask for: to begin, continue, stop and delete runs."""

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from app import places
from app.jobs import requests, runner
from app.jobs.jobs import INTERRUPTED, Job, find, folder_of, listing, process_of
from app.jobs.requests import Request, Training
from fgcore.machine.files import write_atomically

_PICTURES = "pictures"  # uploads, below the runs folder
_UNUSED = 24 * 3600  # seconds that images stay which no run needs


def submit(request: Request) -> Job:
    """Put a job in the queue and see to it that somebody works the queue.

    Raises:
        OSError: the folder cannot be written to, or this system has no file locks.
    """
    if not runner.available():
        raise OSError("work from the browser needs file locks as Linux and macOS have them; use the command line")
    path = _new_folder(folder_of(request.kind), request.stem)
    write_atomically(path / "job.json", json.dumps(requests.stored(request), indent=2).encode())
    _enqueue(path)
    return find(request.kind, path.name)


def _new_folder(folder: Path, stem: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = folder / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1


def resume(job: Job) -> None:
    """Put a job that ended in the queue again; it goes on after what is on the disk.

    Raises:
        ValueError: it cannot be resumed.
    """
    if job.live or job.request is None:
        raise ValueError(f"expected a job of this page that has ended, got {job.name}, which is {job.state}")
    _enqueue(job.path)


def go_on(job: Job, changes: Mapping[str, str]) -> None:
    """Put a training run in the queue again with other settings, such as more epochs.

    Args:
        job: a run of the page that has ended.
        changes: full name of a setting -> text.

    Raises:
        ValueError: it cannot be resumed.
        OSError: its folder cannot be written to.
    """
    if not isinstance(job.request, Training):
        raise ValueError(f"expected a training run of this page, got {job.name}")
    settings = dict(text.split("=", 1) for text in job.request.settings) | dict(changes)
    request = replace(job.request, settings=tuple(f"{key}={value}" for key, value in settings.items()))
    if job.live:
        raise ValueError(f"expected a run that has ended, got {job.name}, which is {job.state}")
    write_atomically(job.path / "job.json", json.dumps(requests.stored(request), indent=2).encode())
    _enqueue(job.path)


def _enqueue(path: Path) -> None:
    for name in ("stop", "ended.json"):
        (path / name).unlink(missing_ok=True)
    write_atomically(path / "queued", repr(time.time()).encode())
    runner.start_runner()


def stop(job: Job) -> None:
    """Take a job out of the queue, or ask its process to stop, and make it stop after `runner.GRACE` seconds."""
    if job.state == "queued":
        (job.path / "queued").unlink(missing_ok=True)
        write_atomically(job.path / "ended.json", json.dumps({"code": INTERRUPTED}).encode())
    elif (process := process_of(job.path)) is not None:
        asked = job.path / "stop"
        late = asked.exists() and time.time() - asked.stat().st_mtime > runner.GRACE
        if not asked.exists():
            asked.touch()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL) if late else os.kill(process, signal.SIGINT)


def delete(job: Job) -> None:
    """Remove a job and everything in its folder.

    Raises:
        ValueError: it waits or works, or its folder is not where jobs lie.
    """
    if job.live:
        raise ValueError(f"{job.name} is {job.state}; stop it first")
    path = job.path
    if path.is_symlink() or path.resolve().parent != folder_of(job.kind).resolve() or not path.is_dir():
        raise ValueError(f"expected a folder in {folder_of(job.kind).name}/ to delete, got {path.name}")
    shutil.rmtree(path)


def place_for_pictures() -> Path:
    """A new path below which uploaded images may be unpacked; old ones that no run needs are removed."""
    folder = places.runs() / _PICTURES
    wanted = "\n".join(text for job in listing(Training.kind) if job.request for text in job.request.settings)
    for path in folder.glob("*"):
        if str(path) not in wanted and time.time() - path.stat().st_mtime > _UNUSED:
            shutil.rmtree(path, ignore_errors=True)
    return folder / f"{time.time_ns():x}"
