"""What can be asked for: a training run or an analysis, as the command line that does it and goes on with it."""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from app import places


@dataclass(frozen=True)
class Training:
    """A run: a recipe and what differs from it."""

    kind: ClassVar[str] = "train"
    preset: str
    settings: tuple[str, ...]  # key=value, as on the command line
    probes: int = 0
    title: str = ""  # what a page calls it
    created: float = field(default_factory=time.time)  # seconds since 1970

    @property
    def stem(self) -> str:
        """How its folder is called, if that name is free."""
        seed = next((text.removeprefix("seed=") for text in self.settings if text.startswith("seed=")), "1")
        return f"{self.preset}-{seed}"

    def arguments(self, path: Path) -> list[str]:
        """What follows `python -m fgcore`; training always resumes, so beginning and going on are the same."""
        probes = ["--probes", str(self.probes)] if self.probes else []
        return ["train", self.preset, *self.settings, "--out", str(path), "--resume", *probes]


@dataclass(frozen=True)
class Analysing:
    """An analysis of checkpoints on a data set."""

    kind: ClassVar[str] = "analyse"
    name: str
    checkpoints: tuple[str, ...]  # paths
    data: tuple[str, ...] = ()  # key=value
    faithfulness: int = 0  # images with deletion and insertion curves; -1: all
    title: str = ""
    created: float = field(default_factory=time.time)

    @property
    def stem(self) -> str:
        """How its folder is called, if that name is free."""
        return self.name

    def arguments(self, path: Path) -> list[str]:
        """What follows `python -m fgcore`; it goes on where it stopped."""
        checkpoints = [word for file in self.checkpoints for word in ("--checkpoint", places.short(Path(file)))]
        data = [word for setting in self.data for word in ("--data", setting)]
        curves = "all" if self.faithfulness < 0 else str(self.faithfulness)
        return ["analyse", *checkpoints, *data, "--faithfulness", curves, "--out", places.short(path)]


Request = Training | Analysing
KINDS: dict[str, type[Request]] = {request.kind: request for request in (Training, Analysing)}


def stored(request: Request) -> dict[str, Any]:
    """What `job.json` holds."""
    return {"kind": request.kind, **asdict(request)}


def read(values: Any) -> Request | None:  # noqa: ANN401  (any JSON value)
    """The request of a `job.json`; None where it is of another version."""
    try:
        fields = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return KINDS[fields.pop("kind")](**fields)
    except (TypeError, KeyError, AttributeError):
        return None
