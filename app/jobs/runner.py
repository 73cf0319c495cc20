"""The runner, a program: it does the jobs that wait, one after the other, and ends when none does.

It waits for the machine's slot, a locked file in the runs folder. The work inherits the lock, so the slot stays taken
as long as it lives, even if its runner is killed. Work always resumes: beginning, continuing after a stop and repeating
after a crash are the same command.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from app import places
from app.jobs.jobs import identity, queue, read_request
from app.jobs.requests import Request
from fgcore.machine.files import write_atomically

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None

GRACE = 20  # seconds between asking a process to stop and killing it
_POLL = 0.5  # seconds


def available() -> bool:
    """Whether this system has the locks that the queue needs."""
    return fcntl is not None


def start_runner() -> None:
    """Start a process that works the queue. Where another does, it waits for its turn and then finds nothing."""
    with (_folder() / ".runner.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "app.jobs.runner"],
            cwd=places.ROOT, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip


def tend() -> None:
    """Start a runner where jobs wait and nobody holds the slot: a machine was restarted, or a runner killed."""
    if available() and queue():
        with (_folder() / ".slot").open("a") as slot:
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return
        start_runner()


def work() -> None:
    """Wait for the slot, then do the jobs that wait, one after the other, until none does."""
    with (_folder() / ".slot").open("a") as slot:
        fcntl.flock(slot, fcntl.LOCK_EX)
        while waiting := queue():
            _do(waiting[0][1], slot.fileno())


def _folder() -> Path:
    folder = places.runs()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _do(path: Path, slot: int) -> None:
    """Do one job to its end; the process is the head of a group of its own and inherits the slot."""
    request = read_request(path)
    if request is None:
        (path / "queued").unlink(missing_ok=True)
        return
    with (path / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            command(path, request), cwd=places.ROOT, env=_environment(), pass_fds=(slot,), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    identities = {"work": identity(process.pid), "runner": identity(os.getpid())}
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


def command(path: Path, request: Request) -> list[str]:
    """The command line that does the job."""
    return [sys.executable, "-m", "fgcore", *request.arguments(path)]


def _environment() -> Mapping[str, str]:
    """One core stays with the app; the program is found from any folder."""
    program = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH")
    path = {"PYTHONPATH": f"{program}{os.pathsep}{known}" if known else program}
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) - 1)), "PYTHONUNBUFFERED": "1"}
    return {**threads, **os.environ, **path}


if __name__ == "__main__":
    # a shell's background job ignores it, and so would the work
    signal.signal(signal.SIGINT, signal.default_int_handler)
    work()
