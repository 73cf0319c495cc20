"""Runs on the disk as tables: what there is, how far each came, and how two of them differ."""

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fgcore.checkpoints import migrate
from fgcore.config import DataConfig, Experiment, from_dict
from fgcore.machine import lock
from fgcore.runs import metrics
from fgcore.runs.folder import RunFolder, differences
from fgcore.runs.metrics import Point

COLUMNS = (
    *("preset", "method", "data", "seed", "epochs_done", "epochs"),
    *("best_top1", "best_epoch", "last_top1", "seconds", "state"),
)

_RECENT = 3  # epochs whose duration tells that of the next ones
SEED_COLUMNS = ("preset", "method", "data", "changed", "seeds", "mean", "std", "lowest", "highest")


@dataclass(frozen=True)
class Run:
    """What the files of one run say."""

    folder: Path
    experiment: Experiment
    provenance: dict[str, Any]  # command, versions, machine; see `fgcore.machine.provenance`
    epochs: tuple[dict[str, Any], ...]  # of each epoch done: `EpochReport.to_dict` without its scores by class
    points: tuple[Point, ...]  # within the epochs

    @property
    def finished(self) -> bool:
        """Whether its last epoch is done."""
        return len(self.epochs) >= self.total

    @property
    def state(self) -> str:
        """What it is doing: "running" (a process trains here now), "finished", or "stopped" (`--resume` goes on)."""
        if lock.is_held(RunFolder(self.folder).lock):
            return "running"
        return "finished" if self.finished else "stopped"

    @property
    def data(self) -> str:
        """Its images in words, those that could not be read among them."""
        return str(self.provenance.get("data", ""))

    @property
    def total(self) -> int:
        """Epochs of the whole run."""
        return self.experiment.optim.epochs

    @property
    def at(self) -> float:
        """Epochs done, such as 1.25; while a resumed epoch is repeated, it counts from its beginning."""
        return max([len(self.epochs), *(point.at for point in self.points[-1:])])

    @property
    def seconds_left(self) -> float | None:
        """At the pace of the last epochs; None before the first one ends."""
        recent = [report["seconds"] for report in self.epochs[-_RECENT:]]
        return (self.total - self.at) * sum(recent) / len(recent) if recent else None

    def row(self) -> dict[str, Any]:
        """One value for each of `COLUMNS`; top-1 in percent, None before the first epoch has ended."""
        config, last = self.experiment, self.epochs[-1] if self.epochs else None
        return {
            "preset": config.name,
            "method": config.model.method,
            "data": _data(config.data),
            "seed": config.seed,
            "epochs_done": len(self.epochs),
            "epochs": config.optim.epochs,
            "best_top1": last and 100 * last["best_top1"],
            "best_epoch": last and last["best_epoch"],
            "last_top1": last and 100 * last["test"]["top1"],
            "seconds": sum(epoch["seconds"] for epoch in self.epochs),
            "state": self.state,
        }

    def metrics(self) -> dict[str, float]:
        """The figures that two runs are compared by, as of their last epoch; shares in percent."""
        values: dict[str, float] = {"epochs done": len(self.epochs)}
        if not self.epochs:
            return values
        last = self.epochs[-1]
        shares = {
            "best test top-1": last["best_top1"],
            "test top-1": last["test"]["top1"],
            "test top-5": last["test"]["top5"],
            "training top-1": last["train_top1"],
        }
        values |= {f"{name} (%)": 100 * share for name, share in shares.items()}
        values |= {"best epoch": last["best_epoch"]}
        values |= {f"training {name}": value for name, value in last["terms"].items()}
        return values | {"seconds per epoch": sum(epoch["seconds"] for epoch in self.epochs) / len(self.epochs)}


def read(folder: Path | str) -> Run:
    """The run in `folder`, which may be going on.

    Raises:
        FileNotFoundError: there is none.
        ValueError: its files are damaged, or of a version whose settings this one does not know.
    """
    files = RunFolder(folder)
    if not files.settings.is_file():
        raise FileNotFoundError(
            f"{files.path} holds no run: expected {files.settings.name} in it, as `python -m fgcore train` writes it"
        )
    try:
        stored = json.loads(files.settings.read_text(encoding="utf-8"))
        experiment = from_dict(Experiment, migrate.current(stored["experiment"]))
        found = metrics.read(files.metrics)
        return Run(files.path, experiment, stored["provenance"], found.epochs, found.points)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the run in {files.path} cannot be read: {error}") from error


def _data(config: DataConfig) -> str:
    """The data set, with the folder's own name for an image folder: "folder birds"."""
    return f"folder {Path(config.root).name}" if config.dataset == "folder" else config.dataset


def table(folder: Path | str) -> pd.DataFrame:
    """All runs in `folder` and below, by path.

    Returns:
        One row per run, indexed by its path below `folder`; `COLUMNS`. A run that cannot be read has only the state
        "unreadable".

    Raises:
        FileNotFoundError: no such folder.
    """
    folder, rows = Path(folder), {}
    for path in _run_folders(folder):
        name = path.relative_to(folder).as_posix()
        try:
            rows[folder.name if name == "." else name] = read(path).row()
        except ValueError:
            rows[name] = {"state": "unreadable"}
    runs = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    whole = {name: "Int64" for name in ("seed", "epochs_done", "epochs", "best_epoch")}  # integers, or missing
    return runs.astype(whole | {"best_top1": float, "last_top1": float}).rename_axis("run")


def _run_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder of runs, found none at {folder}")
    return [settings.parent for settings in sorted(folder.rglob("experiment.json"))]


def over_seeds(folder: Path | str) -> pd.DataFrame:
    """Mean and spread over the seeds of each recipe: finished runs in `folder` and below that differ in the seed only.

    Returns:
        One row per recipe, by preset: `preset`, `method`, `data`, `changed` (settings that differ from those of the
        first recipe of this preset in the list), `seeds`, and of the last epoch's top-1 in percent the `mean`, the
        sample standard deviation `std` (divided by n - 1; missing for one seed), `lowest` and `highest`. Two runs of
        one seed count as one: the later path.

    Raises:
        FileNotFoundError: no such folder.
    """
    recipes: dict[Experiment, dict[int, float]] = {}
    for path in _run_folders(Path(folder)):
        with contextlib.suppress(ValueError):
            row = (run := read(path)).row()
            if row["state"] == "finished":
                recipes.setdefault(replace(run.experiment, seed=0), {})[row["seed"]] = row["last_top1"]
    firsts: dict[str, Experiment] = {}
    rows = []
    for recipe, scores in sorted(recipes.items(), key=lambda item: item[0].name):
        values = pd.Series(scores).sort_index()
        changed = differences(firsts.setdefault(recipe.name, recipe), recipe)
        rows.append(
            {
                "preset": recipe.name,
                "method": recipe.model.method,
                "data": _data(recipe.data),
                "changed": ", ".join(f"{name}={new}" for name, (_, new) in changed.items()),
                "seeds": ", ".join(map(str, values.index)),
                "mean": values.mean(),
                "std": values.std(),
                "lowest": values.min(),
                "highest": values.max(),
            }
        )
    return pd.DataFrame(rows, columns=SEED_COLUMNS)


def compare(one: Path | str, two: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What differs between two runs, and their figures side by side.

    Returns:
        Settings that differ, by full name; `Run.metrics`, missing where a run has none. One column for each run.

    Raises:
        FileNotFoundError, ValueError: see `read`.
    """
    runs = [read(one), read(two)]
    columns = [str(run.folder) for run in runs]
    if columns[0] == columns[1]:
        raise ValueError(f"expected two runs, got {columns[0]} twice")
    settings = differences(runs[0].experiment, runs[1].experiment)
    metrics = pd.DataFrame({name: pd.Series(run.metrics()) for name, run in zip(columns, runs, strict=True)})
    order = list(dict.fromkeys([*runs[0].metrics(), *runs[1].metrics()]))
    return (
        pd.DataFrame.from_dict(settings, orient="index", columns=columns).rename_axis("setting"),
        metrics.reindex(order).rename_axis("metric"),
    )
