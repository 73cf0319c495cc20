"""MATLAB files from strangers, read in a process of their own: a damaged one can bring scipy's reader down with it.

As a script (`matlab.py FILE VARIABLE ...`) this is that process; it needs scipy, and nothing of ours.
"""

import contextlib
import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_BYTES = 64 * 2**20  # of a file; the largest of Stanford Cars takes under 1 MB
_MAX_ROWS = 1_000_000
_MAX_MEMORY = 4 * 2**30  # bytes, of the process
_SECONDS = 60  # a damaged file can keep the reader busy for ever


@dataclass(frozen=True)
class Variable:
    """An array of texts, of numbers, or of structures."""

    fields: tuple[str, ...]  # of a structure; () for a plain array
    rows: tuple[Any, ...]  # texts and numbers; for structures, a list of them in the order of `fields`


def read(*wanted: tuple[Path, str]) -> list[Variable]:
    """Variables of MATLAB files, given as (file, variable).

    Raises:
        ValueError: a damaged file, one without its variable, or one that is far too large.
    """
    answers = _answers(tuple((path, variable, *_state(path)) for path, variable in wanted))
    if len(answers) < len(wanted):
        path, variable = wanted[len(answers)]
        raise ValueError(f"{path.name} should be a MATLAB file with {variable}, and is not; download it again")
    return list(answers)


def _state(path: Path) -> tuple[int, int]:
    """When a file was last changed, and its size; -1 for one that is not there."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_mtime_ns, status.st_size


@functools.lru_cache(maxsize=8)
def _answers(wanted: tuple[tuple[Path, str, int, int], ...]) -> tuple[Variable, ...]:
    """As far as the process came: the file after the last answer is the one that it could not read."""
    sizes = [size for *_, size in wanted]
    good = next((number for number, size in enumerate(sizes) if not 0 <= size <= MAX_BYTES), len(wanted))
    named = [text for path, variable, *_ in wanted[:good] for text in (str(path.resolve()), variable)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each would take address space
    command = [sys.executable, "-P", __file__, *named]
    try:
        output = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_SECONDS, env=os.environ | threads
        ).stdout
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
    lines = [line for line in output.splitlines(keepends=True) if line.endswith(b"\n")]
    return tuple(Variable(tuple(fields), tuple(rows)) for fields, rows in map(json.loads, lines))


def _main(named: list[str]) -> None:
    """Write a line of JSON for each pair of file and variable."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows; or a lower limit holds already
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
    from scipy.io import loadmat

    for path, variable in zip(named[::2], named[1::2], strict=True):
        rows = loadmat(path, squeeze_me=True, variable_names=[variable])[variable]
        rows = rows.reshape(-1) if hasattr(rows, "reshape") else [rows]
        if len(rows) > _MAX_ROWS:
            raise ValueError(f"{len(rows)} rows")
        fields = (rows.dtype.names or ()) if hasattr(rows, "dtype") else ()
        plain = [[_plain(row[name]) for name in fields] if fields else _plain(row) for row in rows]
        sys.stdout.write(json.dumps([fields, plain]) + "\n")
        sys.stdout.flush()


def _plain(value: Any) -> Any:  # noqa: ANN401  (whatever is in the file)
    """Texts and numbers as Python's own; anything else as a text that is neither."""
    value = value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else value
    return value if isinstance(value, str | int | float) else f"<{type(value).__name__}>"


if __name__ == "__main__":
    _main(sys.argv[1:])
