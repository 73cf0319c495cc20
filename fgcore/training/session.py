"""One run in memory: everything that `fgcore.training.loop` trains with, made ready, restored and put on the disk."""

import dataclasses
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from fgcore import trunks
from fgcore.checkpoints import checkpoint
from fgcore.config import Experiment, to_dict
from fgcore.data import datasets, transforms
from fgcore.data.records import shortened
from fgcore.machine import distributed, provenance, runtime
from fgcore.methods import build_loss, build_model
from fgcore.methods.draws import BatchGenerator
from fgcore.runs.folder import RunFolder, check_same
from fgcore.runs.reports import EpochReport, StepReport
from fgcore.training import optim, start, sync_norm
from fgcore.training.ema import WeightAverage
from fgcore.training.tensorboard import Board

_PROGRESS = ("epoch", "best_epoch", "best_top1", "seconds")  # of a session, kept in its state
_log = logging.getLogger(__name__)


@dataclass
class Session:
    """What a run holds in memory, in each of its processes."""

    experiment: Experiment
    folder: RunFolder
    splits: datasets.Splits
    batches: runtime.TrainBatches
    model: nn.Module  # what trains
    network: Callable[..., Any]  # the same, as training calls it: shared among processes, compiled
    loss: nn.Module
    optimizer: torch.optim.Optimizer
    average: WeightAverage | None
    generator: BatchGenerator
    device: torch.device
    precision: str
    provenance: dict[str, Any]
    replicas: DistributedDataParallel | None = None  # the model, where several processes train it
    board: Board | None = None
    epoch: int = 0  # epochs done
    changes: list[dict[str, Any]] = field(default_factory=list)  # settings that differ since a run was resumed
    best_epoch: int = 0
    best_top1: float = -1.0
    seconds: float = 0.0

    @property
    def evaluated(self) -> nn.Module:
        """What is evaluated and saved: the EMA model where there is one."""
        return self.average.model if self.average else self.model

    def log_step(self, report: StepReport) -> None:
        """Put the report on the disk."""
        self.folder.append("step", dataclasses.asdict(report))
        if self.board:
            self.board.step(report)

    def write(self, report: EpochReport) -> None:
        """Put the epoch on the disk; the state comes last, see `fgcore.runs.folder`."""
        folder = self.folder
        origin = self.provenance | ({"changes": self.changes} if self.changes else {})
        origin |= {"seconds": round(self.seconds, 1), "epoch": report.epoch}
        details = report.to_dict()
        for path in (folder.best, folder.last) if report.epoch == report.best_epoch else (folder.last,):
            names = self.splits.train.class_names
            checkpoint.save(path, self.evaluated, self.experiment, names, details, origin)
        folder.append("epoch", {**details, "test": {**details["test"], "classes": None}})
        if self.board:
            self.board.epoch(report)
        state = {name: getattr(self, name) for name in _PROGRESS}
        state |= {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        state |= {"loss": self.loss.state_dict(), "changes": self.changes}
        if self.average:
            state["average"] = self.average.state_dict()
        folder.write_state(state | {"experiment": to_dict(self.experiment)})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where `write` was."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.loss.load_state_dict(state["loss"])
        if self.average:
            self.average.load_state_dict(state["average"])
        self.changes = list(state.get("changes", ()))
        for name in _PROGRESS:
            setattr(self, name, state[name])

    def change(self, settings: Mapping[str, tuple[Any, Any]]) -> None:
        """Go on under other settings, which are said in the provenance of everything that follows.

        Args:
            settings: name -> what it was, what it is.

        Raises:
            ValueError: fewer epochs than are done.
        """
        if not settings:
            return
        wanted = self.experiment.optim.epochs
        if wanted < self.epoch:
            raise ValueError(f"this run has done {self.epoch} epochs, got optim.epochs={wanted}; ask for more of them")
        self.changes.append({"after_epoch": self.epoch, **{name: list(pair) for name, pair in settings.items()}})
        if distributed.is_main():
            self.folder.write_settings(self.experiment, self.provenance | {"changes": self.changes})

    def close(self) -> None:
        """Let go of the folder."""
        self.folder.release()
        if self.board:
            self.board.close()


def prepare(experiment: Experiment, folder: RunFolder, *, resume: bool, command: str, device: torch.device) -> Session:
    """Make or continue a run; see `fgcore.training.loop.train` for arguments and errors."""
    try:
        with distributed.together():
            state = folder.claim(resume=resume) if distributed.is_main() else None
        state = distributed.from_main(state)
        with distributed.together():
            session = _build(experiment, folder, command, device)
            if state:
                changed = check_same(state["experiment"], session.experiment)
                session.restore(state)
                session.change(changed)
            elif distributed.is_main():
                folder.write_settings(session.experiment, session.provenance)
            if experiment.tensorboard and distributed.is_main():
                session.board = Board(folder.tensorboard, session.epoch * len(session.batches))
    except BaseException:
        folder.release()
        raise
    if distributed.size() > 1:
        session.network = session.replicas = _replicas(session.model)
    if experiment.compile:
        session.network = runtime.compiled(session.network)
    return session


def _build(experiment: Experiment, folder: RunFolder, command: str, device: torch.device) -> Session:
    precision = runtime.pick_precision(experiment.precision, device)
    if experiment.start and experiment.data.normalise == "trunk":
        data = dataclasses.replace(experiment.data, normalise=start.normalise(experiment))
        experiment = dataclasses.replace(experiment, data=data)
    splits = datasets.load(experiment.data, experiment.cache_images)
    for split in splits:
        split.leave_out_unreadable()  # the batches are the same with a cache and without
    _tell_left_out(splits)
    experiment = settled(experiment, len(splits.train.class_names))
    config, processes = experiment.optim, distributed.size()
    batches = runtime.TrainBatches(
        len(splits.train),
        config.batch_size,
        experiment.seed,
        rank=distributed.rank(),
        processes=processes,
        neighbour=config.mixup > 0,
        balance=[record.target for record in splits.train.records] if experiment.data.balanced else (),
    )
    model, started = started_model(experiment, splits.train.class_names)
    model = runtime.place(model, device)
    if processes > 1 and experiment.sync_batch_norm:
        model = sync_norm.synchronised(model)
    data = f"{datasets.describe(splits.train)}; {datasets.describe(splits.test)}"
    origin = provenance.describe(experiment, command=command, data=data, device=device, precision=precision)
    loss = build_loss(experiment.loss, experiment.model).to(device)
    return Session(
        experiment,
        folder,
        splits,
        batches,
        model,
        model,
        loss,
        optim.build_optimizer(model, config, loss),
        WeightAverage(model, config.ema) if config.ema else None,
        BatchGenerator(device, batches.first, batches.batch_size),
        device,
        precision,
        origin | started | {"processes": processes},
    )


def _replicas(model: nn.Module) -> DistributedDataParallel:
    """The model with gradients averaged over all processes; running statistics are our own business."""
    newer = "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters  # from torch 2.15 on
    return DistributedDataParallel(model, **{"forward_sync_buffers" if newer else "broadcast_buffers": False})


def _tell_left_out(splits: datasets.Splits) -> None:
    skipped = [*splits.train.skipped, *splits.test.skipped]
    if not distributed.is_main():
        return
    for note in splits.train.notes:
        _log.warning("%s", note)
    if skipped:
        _log.warning("images that cannot be read and are left out: %d: %s", len(skipped), shortened(skipped))


def settled(experiment: Experiment, classes: int) -> Experiment:
    """The experiment for data of `classes` classes, with everything in it that trunk and data decide.

    Raises:
        ValueError: its model is for another number of classes, or its loss for another network.
    """
    model, data = experiment.model, experiment.data
    if model.num_classes not in (0, classes):
        raise ValueError(
            f"the data has {classes} classes, the model {model.num_classes}; set num_classes=0 to take the data's"
        )
    if data.normalise == "trunk":
        data = dataclasses.replace(data, normalise=transforms.name_of(*trunks.normalisation(model.trunk)))
    transforms.normalisation(data.normalise)
    model = dataclasses.replace(model, num_classes=classes)
    return dataclasses.replace(experiment, model=model, data=data)


def started_model(experiment: Experiment, class_names: Sequence[str]) -> tuple[nn.Module, dict[str, Any]]:
    """The model at the start of the run, and what the provenance says of a checkpoint that it started from."""
    if not experiment.start:
        return fresh_model(experiment), {}
    bare = dataclasses.replace(experiment, model=dataclasses.replace(experiment.model, weights=""))
    model = fresh_model(bare)
    said = start.fill(model, experiment, class_names)
    return model, {"start": said, "trunk_weights": {"source": said["file"], "sha256": said["sha256"]}}


def fresh_model(experiment: Experiment) -> nn.Module:
    """A model as a run begins it without a checkpoint: its random weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(runtime.derive_seed("weights", experiment.seed))
        return build_model(experiment.model)
