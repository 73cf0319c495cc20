"""Which runs are going on right now: a lock that the operating system takes back when its process dies.

Where the system or the disk has no such locks (Windows, some network folders), nothing is locked and nothing counts
as running.
"""

import contextlib
import os
import time
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None

_PATIENCE = 10  # attempts, of a twentieth of a second: `is_held` has the lock for a moment
_mine: dict[Path, int] = {}  # held by this process: path -> descriptor; opening one again would lose its lock


def hold(path: Path) -> bool:
    """Lock the file at `path`, made where it is missing, until `release` or the end of this process.

    Returns:
        Whether it is locked now, or already was by this process; False: another process has it.
    """
    path = path.absolute()
    if fcntl is None or path in _mine:
        return True
    for _ in range(_PATIENCE):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        with contextlib.suppress(FileNotFoundError):
            if _lock(handle, fcntl.LOCK_EX) and os.fstat(handle).st_ino == path.stat().st_ino:
                _mine[path] = handle
                return True
        os.close(handle)  # held, or removed by its holder after we opened it
        time.sleep(0.05)
    return False


def release(path: Path) -> None:
    """Unlock and remove the file at `path`, if this process holds it."""
    path = path.absolute()
    if path in _mine:
        path.unlink(missing_ok=True)
        os.close(_mine.pop(path))


def is_held(path: Path) -> bool:
    """Whether some process, this one included, has locked the file at `path`."""
    path = path.absolute()
    if path in _mine:
        return True
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return fcntl is not None and not _lock(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def _lock(handle: int, kind: int) -> bool:
    """Lock without waiting. These locks are not inherited by data loading processes, which may outlive a run."""
    try:
        fcntl.lockf(handle, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # the disk knows no locks
    return True
