"""Where a result comes from: command, versions, machine, commit, data, weights."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import torchvision

import fgcore
from fgcore.config import Experiment
from fgcore.machine.files import sha256
from fgcore.trunks import weights_source
from fgcore.trunks.sources import HUB


def describe(
    experiment: Experiment, *, command: str, data: str, device: torch.device, precision: str
) -> dict[str, Any]:
    """Everything that made a run what it is, as plain values for JSON.

    Args:
        experiment: what is run.
        command: the command line that repeats it.
        data: the images, in words.
        device: where it runs.
        precision: "bf16" or "fp32".
    """
    return {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "fgcore": fgcore.__version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "python": platform.python_version(),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "commit": commit(),
        "data": data,
        "seed": experiment.seed,
        "epochs": experiment.optim.epochs,
        "precision": precision,
        "trunk_weights": trunk_weights(experiment.model.trunk, experiment.model.weights),
    }


def device_name(device: torch.device) -> str:
    """The processor's own name, such as "NVIDIA H200" or "AMD EPYC, 2 cores"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capabilities = torch.cpu.get_capabilities()
    name = capabilities.get("cpu_name") or platform.processor() or platform.machine()
    return f"{name}, {capabilities.get('num_physical_cores', '?')} cores"


def commit() -> str:
    """The git commit of this code, marked "+changes" where files differ from it; "unknown" outside a repository."""
    folder = Path(fgcore.__file__).resolve().parent
    head = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not head:
        return "unknown"
    return f"{head}+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no", ".") else head


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def trunk_weights(trunk: str, weights: str) -> dict[str, str]:
    """What the trunk started from: a file's name and sha256, a hub's weights by its version, or "random"."""
    source = weights_source(trunk, weights)
    if not source:
        return {"source": "random"}
    if source == HUB:
        hub = f"timm {version('timm')}" if trunk.startswith("timm:") else f"torchvision {torchvision.__version__}"
        return {"source": f"{hub}, {trunk.removeprefix('timm:')}, default weights"}
    return {"source": Path(source).name, "sha256": sha256(Path(source))}
