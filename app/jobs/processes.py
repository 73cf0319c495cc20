"""Processes by their ids, which the system uses again: when one started tells it from a later one."""

import subprocess
from pathlib import Path
from typing import Any


def identity(process: int) -> dict[str, Any]:
    """What `process.json` says of a process: its id and when it started."""
    return {"id": process, "started": started(process)}


def started(process: int) -> str:
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
