"""Analyses of whole data sets: those that lie in the folder, read once, and those under way as processes."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from fgcore.evaluation import store
from fgcore.evaluation.store import Analysis

VARIABLE = "FG_ANALYSES"  # names a folder to use instead of analyses/; it may itself be an analysis
_ROOT = Path(__file__).resolve().parent.parent
_LOG = "log.txt"
_LOCK = threading.Lock()
_PROCESSES: dict[Path, subprocess.Popen] = {}  # of this server


@dataclass(frozen=True)
class Found:
    """An analysis in the folder."""

    path: Path
    finished: bool
    done: int  # chunks
    chunks: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.path.name


@dataclass(frozen=True)
class Wanted:
    """An analysis to make."""

    name: str
    checkpoints: tuple[Path, ...]
    data: tuple[str, ...]  # key=value
    faithfulness: int  # pictures with deletion and insertion curves; -1: all


def folder() -> Path:
    """Where analyses lie."""
    return Path(os.environ.get(VARIABLE) or _ROOT / "analyses").absolute()


def listing() -> tuple[Found, ...]:
    """The analyses there are, by name; one without a readable description is left out."""
    place = folder()
    paths = [place, *(sorted(place.iterdir()) if place.is_dir() else ())]
    found = (_look(path) for path in paths if (path / store.ABOUT).is_file())
    return tuple(item for item in found if item is not None)


def _look(path: Path) -> Found | None:
    try:
        about = json.loads((path / store.ABOUT).read_text(encoding="utf-8"))
        chunks = -(-about["images"] // about["settings"]["chunk"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    finished = (path / "summary.csv").is_file()
    done = chunks if finished else sum(store.is_done(path, number) for number in range(chunks))
    return Found(path, finished, done, chunks)


def read(found: Found) -> Analysis:
    """A finished analysis.

    Raises:
        FileNotFoundError, ValueError: it cannot be read; one sentence.
    """
    return _read(str(found.path), (found.path / "summary.csv").stat().st_mtime_ns)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(path: str, stamp: int) -> Analysis:
    return store.read(Path(path))


def command(wanted: Wanted) -> list[str]:
    """The arguments after `python` that make an analysis, and go on with it; run in the program's folder."""
    checkpoints = [word for path in wanted.checkpoints for word in ("--checkpoint", _short(path))]
    data = [word for setting in wanted.data for word in ("--data", setting)]
    curves = "all" if wanted.faithfulness < 0 else str(wanted.faithfulness)
    start = ["-m", "fgcore", "analyse", *checkpoints, *data, "--faithfulness", curves]
    return [*start, "--out", _short(folder() / wanted.name)]


def _short(path: Path) -> str:
    return str(path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path)


def start(wanted: Wanted) -> None:
    """Begin an analysis, or go on with it, as a process that no page needs to watch.

    Raises:
        OSError: the folder cannot be written.
    """
    path = folder() / wanted.name
    path.mkdir(parents=True, exist_ok=True)
    with _LOCK:
        if running(wanted.name):
            return
        environment = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) - 1)), **os.environ}
        with (path / _LOG).open("wb") as log:
            _PROCESSES[path] = subprocess.Popen(
                [sys.executable, *command(wanted)], cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip


def running(name: str) -> bool:
    """Whether this server's process still works on an analysis."""
    process = _PROCESSES.get(folder() / name)
    return process is not None and process.poll() is None


def problem(name: str) -> str:
    """Why this server's process ended without tables, one sentence; "" where it did not."""
    process = _PROCESSES.get(folder() / name)
    if process is None or not process.poll():
        return ""
    log = (folder() / name / _LOG).read_text(encoding="utf-8", errors="replace")
    words: Sequence[str] = [line for line in log.replace("\r", "\n").splitlines() if line.strip()]
    return words[-1].removeprefix("fgcore analyse: ") if words else "it ended without a word"
