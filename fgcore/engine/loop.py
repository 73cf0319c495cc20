"""One training loop for every method.

Everything random is a pure function of (seed, epoch, step): the order of the pictures, their augmentation, the CWA
masks and the dropblock draws. An interrupted run therefore needs only weights and optimiser to continue exactly.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fgcore.config import Experiment, to_dict
from fgcore.data import datasets
from fgcore.engine import checkpoint, optim, provenance, runtime
from fgcore.engine.evaluation import evaluate, network_input
from fgcore.engine.folder import RunFolder, check_same
from fgcore.engine.reports import EpochReport, RunningMeans, StepReport
from fgcore.losses import build_loss
from fgcore.models import build_model
from fgcore.outputs import LossTerms

REPORTS_PER_EPOCH = 20  # how often the running loss is read from the device


@dataclass
class _Session:
    """What a run holds in memory."""

    experiment: Experiment
    folder: RunFolder
    splits: datasets.Splits
    model: nn.Module
    loss: nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    precision: str
    provenance: dict[str, Any]
    epoch: int = 0  # epochs done
    best_epoch: int = 0
    best_top1: float = -1.0
    seconds: float = 0.0


def train(
    experiment: Experiment,
    folder: Path | str,
    *,
    resume: bool = False,
    command: str = "",
    device: str = "",
    on_step: Callable[[StepReport], None] | None = None,
) -> Iterator[EpochReport]:
    """Run `experiment` and yield a report after each epoch, when its checkpoints are on the disk.

    Args:
        experiment: what to do.
        folder: of the run, made where it is missing. See `fgcore.engine.folder`.
        resume: continue the run in `folder` after its last complete epoch; begin it where there is none.
        command: the command line that repeats the run, for its provenance.
        device: such as "cpu" or "cuda:0"; "": the accelerator where there is one.
        on_step: called some twenty times per epoch.

    Raises:
        FileExistsError: `folder` holds a run and `resume` is False.
        FloatingPointError: the loss or a weight became infinite or nan; the last good checkpoint is kept.
        OSError: a file could not be written; the last good checkpoint is kept.
        ValueError: settings that do not fit each other, the data, or the run that is resumed.
    """
    session = _prepare(experiment, RunFolder(folder), resume, command, runtime.pick_device(device))
    return _epochs(session, on_step or (lambda report: None))


def _prepare(experiment: Experiment, folder: RunFolder, resume: bool, command: str, device: torch.device) -> _Session:
    precision = runtime.pick_precision(experiment.precision, device)
    state = folder.claim(resume=resume)
    splits = datasets.load(experiment.data, experiment.cache_images)
    experiment = with_classes(experiment, len(splits.train.class_names))
    if state:
        check_same(state["experiment"], experiment)
    model = runtime.place(_fresh_model(experiment), device)
    data = f"{datasets.describe(splits.train)}; {datasets.describe(splits.test)}"
    session = _Session(
        experiment,
        folder,
        splits,
        model,
        build_loss(experiment.loss, experiment.model.method),
        optim.build_optimizer(model, experiment.optim),
        device,
        precision,
        provenance.describe(experiment, command=command, data=data, device=device, precision=precision),
    )
    if state:
        _restore(session, state)
    else:
        folder.write_settings(experiment, session.provenance)
    return session


def with_classes(experiment: Experiment, classes: int) -> Experiment:
    """The experiment for data of `classes` classes.

    Raises:
        ValueError: its model is for another number.
    """
    if experiment.model.num_classes not in (0, classes):
        raise ValueError(
            f"the data has {classes} classes, the model {experiment.model.num_classes}; set num_classes=0 to take "
            "the data's"
        )
    return dataclasses.replace(experiment, model=dataclasses.replace(experiment.model, num_classes=classes))


def _fresh_model(experiment: Experiment) -> nn.Module:
    """The model at the start of the run: its random weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(runtime.derive_seed("weights", experiment.seed))
        return build_model(experiment.model)


def _restore(session: _Session, state: Mapping[str, Any]) -> None:
    session.model.load_state_dict(state["model"])
    session.optimizer.load_state_dict(state["optimizer"])
    for name in ("epoch", "best_epoch", "best_top1", "seconds"):
        setattr(session, name, state[name])


def _epochs(session: _Session, on_step: Callable[[StepReport], None]) -> Iterator[EpochReport]:
    config, images = session.experiment, session.splits.train
    batches = runtime.TrainBatches(len(images), config.optim.batch_size, config.seed)
    loader = runtime.loader(images, batches, session.device, config.workers)
    while session.epoch < config.optim.epochs:
        started = time.perf_counter()
        batches.epoch = session.epoch
        terms, top1 = _train_epoch(session, loader, on_step)
        test = evaluate(session.model, session.splits.test, config.data, precision=session.precision)
        session.epoch += 1
        if test.top1 > session.best_top1:
            session.best_epoch, session.best_top1 = session.epoch, test.top1
        seconds = time.perf_counter() - started
        session.seconds += seconds
        rates = optim.learning_rates(config.optim, session.epoch - 1)
        report = EpochReport(
            session.epoch,
            config.optim.epochs,
            rates,
            terms,
            top1,
            test,
            session.best_epoch,
            session.best_top1,
            seconds,
        )
        _write(session, report)
        yield report


def _train_epoch(
    session: _Session, loader: torch.utils.data.DataLoader, on_step: Callable[[StepReport], None]
) -> tuple[dict[str, float], float]:
    """One pass over the training pictures; the mean loss terms and the share of pictures classified correctly."""
    experiment, epoch, steps = session.experiment, session.epoch, len(loader)
    generator = torch.Generator(session.device)
    session.model.train()
    sums = RunningMeans()
    interval = max(1, steps // REPORTS_PER_EPOCH)
    for step, (images, targets) in enumerate(loader):
        generator.manual_seed(runtime.derive_seed("step", experiment.seed, epoch, step))
        rates = optim.learning_rates(experiment.optim, epoch, step, steps)
        optim.set_learning_rates(session.optimizer, rates)
        targets = targets.to(session.device, non_blocking=True)
        terms, logits = _step(session, images, targets, generator)
        sums.add(terms, logits, targets)
        if (step + 1) % interval == 0 or step + 1 == steps:
            report = sums.report(epoch + 1, step + 1, steps)
            _check_finite(session, report)
            session.folder.append("step", dataclasses.asdict(report))
            on_step(report)
    return sums.means()


def _step(session: _Session, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[LossTerms, Tensor]:
    """Forward, backward, update. Returns the loss terms and the logits (B, K)."""
    inputs = network_input(images, session.experiment.data, session.device)
    with runtime.autocast(session.precision, session.device):
        output = session.model(inputs, generator=generator)
    terms = session.loss(output, targets, generator=generator)
    session.optimizer.zero_grad(set_to_none=True)
    terms.total.backward()
    session.optimizer.step()
    return terms, output.logits.detach()


def _check_finite(session: _Session, report: StepReport) -> None:
    if not math.isfinite(report.terms["total"]):
        kept = f"{session.folder.last} of epoch {session.epoch} is kept" if session.epoch else "no epoch was completed"
        raise FloatingPointError(
            f"the loss became {report.terms['total']} in epoch {report.epoch}, step {report.step}; {kept}; lower lr "
            "and trunk_lr, or set precision=fp32"
        )


def _write(session: _Session, report: EpochReport) -> None:
    """Put the epoch on the disk; the state comes last, see `fgcore.engine.folder`."""
    folder = session.folder
    origin = session.provenance | {"seconds": round(session.seconds, 1), "epoch": report.epoch}
    details = report.to_dict()
    for path in (folder.best, folder.last) if report.epoch == report.best_epoch else (folder.last,):
        names = session.splits.train.class_names
        checkpoint.save(path, session.model, session.experiment, names, details, origin)
    folder.append("epoch", {**details, "test": {**details["test"], "classes": None}})
    state = {name: getattr(session, name) for name in ("epoch", "best_epoch", "best_top1", "seconds")}
    state |= {"model": session.model.state_dict(), "optimizer": session.optimizer.state_dict()}
    folder.write_state(state | {"experiment": to_dict(session.experiment)})
