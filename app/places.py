"""Where the app keeps its files: below the checkout, or below the working folder where it is installed."""

import os
from pathlib import Path

_PROGRAM = Path(__file__).resolve().parent.parent
RUNS, ANALYSES = "FG_RUNS", "FG_ANALYSES"  # variables that name other folders


def is_checkout() -> bool:
    """Whether the program runs from its repository."""
    return (_PROGRAM / "pyproject.toml").is_file()


ROOT = _PROGRAM if is_checkout() else Path.cwd()


def shipped() -> Path:
    """The checkpoints that came with the program."""
    return ROOT / "checkpoints" if is_checkout() else Path(__file__).parent / "shipped"


def runs() -> Path:
    """Where runs lie."""
    return Path(os.environ.get(RUNS) or ROOT / "runs").expanduser().absolute()


def analyses() -> Path:
    """Where analyses lie; the folder may itself be an analysis."""
    return Path(os.environ.get(ANALYSES) or ROOT / "analyses").expanduser().absolute()


def short(path: Path) -> str:
    """A path as a command line below `ROOT` would write it."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
