"""One training loop for every method.

Everything random is a pure function of (seed, epoch, step): the order of the images, their augmentation, the CWA
masks, the dropblock and mixup draws. An interrupted run therefore needs only weights and optimiser to continue
exactly. Several processes may share the run: see `fgcore.machine.distributed`.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from fgcore.config import Experiment
from fgcore.evaluation.evaluation import evaluate, network_input
from fgcore.machine import distributed, runtime
from fgcore.outputs import LossTerms
from fgcore.runs.folder import RunFolder
from fgcore.runs.reports import EpochReport, RunningMeans, StepReport
from fgcore.training import optim, sync_norm
from fgcore.training import step as step_of
from fgcore.training.mixup import blend, mixup
from fgcore.training.session import Session, fresh_model, prepare, settled

__all__ = ["EpochReport", "StepReport", "evaluate", "fresh_model", "settled", "train"]

REPORTS_PER_EPOCH = 20  # how often the running loss is read from the device


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

    Processes of a torch.distributed group that all call this share the run; each yields the same reports.

    Args:
        experiment: what to do.
        folder: of the run, made where it is missing. See `fgcore.runs.folder`.
        resume: continue the run in `folder` after its last complete epoch; begin it where there is none.
        command: the command line that repeats the run, for its provenance.
        device: such as "cpu" or "cuda:0"; "": the accelerator where there is one.
        on_step: called some twenty times per epoch.

    Raises:
        FileExistsError: `folder` holds a run and `resume` is False, or another process is training there.
        FloatingPointError: the loss or a weight became infinite or nan; the last good checkpoint is kept.
        OSError: a file could not be written; the last good checkpoint is kept.
        ValueError: settings that do not fit each other, the data, the machine, or the run that is resumed.
        Stopped: another process of the group raised one of these.
    """
    place = distributed.pick_device(device)
    session = prepare(experiment, RunFolder(folder), resume=resume, command=command, device=place)
    return _epochs(session, on_step or (lambda report: None))


def _epochs(session: Session, on_step: Callable[[StepReport], None]) -> Iterator[EpochReport]:
    config, images = session.experiment, session.splits.train
    loader = runtime.loader(images, session.batches, session.device, config.workers)
    try:
        while session.epoch < config.optim.epochs:
            report = _epoch(session, loader, on_step)
            with distributed.together():
                if distributed.is_main():
                    session.write(report)
            yield report
    finally:
        session.close()


def _epoch(session: Session, loader: torch.utils.data.DataLoader, on_step: Callable[[StepReport], None]) -> EpochReport:
    """Train and evaluate once; nothing is written yet but the steps."""
    config, started = session.experiment, time.perf_counter()
    session.batches.epoch = session.epoch
    terms, top1 = _train_epoch(session, loader, on_step)
    if session.replicas and not config.sync_batch_norm:
        for model in {session.model, session.evaluated}:
            sync_norm.average_statistics(model)
    test = evaluate(
        session.evaluated, session.splits.test, config.data, precision=session.precision, workers=config.workers
    )
    session.epoch += 1
    if test.top1 > session.best_top1:
        session.best_epoch, session.best_top1 = session.epoch, test.top1
    seconds = time.perf_counter() - started
    session.seconds += seconds
    return EpochReport(
        session.epoch,
        config.optim.epochs,
        optim.learning_rates(config.optim, session.epoch - 1),
        terms,
        top1,
        test,
        session.best_epoch,
        session.best_top1,
        seconds,
    )


def _train_epoch(
    session: Session, loader: torch.utils.data.DataLoader, on_step: Callable[[StepReport], None]
) -> tuple[dict[str, float], float]:
    """One pass over the training images; the mean loss terms and the share of images classified correctly."""
    config, epoch, steps = session.experiment, session.epoch, len(loader)
    session.model.train()
    sums = RunningMeans()
    interval = max(1, steps // REPORTS_PER_EPOCH)
    for step, (images, targets) in enumerate(loader):
        session.generator.manual_seed(runtime.derive_seed("step", config.seed, epoch, step))
        rates = optim.learning_rates(config.optim, epoch, step, steps)
        optim.set_learning_rates(session.optimizer, rates)
        inputs, targets = _inputs(session, images, targets, step)
        terms, logits = _step(session, inputs, targets, step, steps)
        sums.add(terms, logits, targets, session.batches.batch_size)
        if (step + 1) % interval == 0 or step + 1 == steps:
            report = sums.report(epoch + 1, step + 1, steps)
            _check_finite(session, report)
            if distributed.is_main():
                session.log_step(report)
            on_step(report)
    return sums.means()


def _inputs(session: Session, images: Tensor, targets: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """A batch on the device as the network and the loss take it."""
    config = session.experiment
    inputs = network_input(images, config.data, session.device)
    targets = targets.to(session.device, non_blocking=True)
    if not config.optim.mixup:
        return inputs, targets
    share = blend(config.optim.mixup, config.seed, session.epoch, step)
    return mixup(inputs, targets, config.model.num_classes, share, whole=session.replicas is None)


def _step(session: Session, inputs: Tensor, targets: Tensor, step: int, steps: int) -> tuple[LossTerms, Tensor]:
    """Forward, backward, and with the last batch of an update the update. Returns the loss terms and logits (B, K).

    An update follows `accumulate` batches, and the epoch's last batch; its gradient is the mean over their images.
    """
    config = session.experiment.optim
    first = step - step % config.accumulate  # batch of this update
    last = min(first + config.accumulate, steps) - 1
    if step == first:
        session.optimizer.zero_grad(set_to_none=True)
    between_updates = session.replicas.no_sync() if session.replicas and step < last else contextlib.nullcontext()
    with between_updates:
        terms, logits = step_of.forward(
            session.network, session.loss, inputs, targets,
            generator=session.generator, precision=session.precision, device=session.device,
        )  # fmt: skip
        # processes' gradients are averaged: a share of another size counts accordingly
        weight = len(inputs) * distributed.size() / (session.batches.batch_size * (last + 1 - first))
        (terms.total * weight).backward()
    if step == last:
        optim.update(session.optimizer, config.clip_norm)
        if session.average:
            session.average.update(session.model)
    return terms, logits


def _check_finite(session: Session, report: StepReport) -> None:
    if not math.isfinite(report.terms["total"]):
        kept = f"{session.folder.last} of epoch {session.epoch} is kept" if session.epoch else "no epoch was completed"
        distributed.stop(
            FloatingPointError(
                f"the loss became {report.terms['total']} in epoch {report.epoch}, step {report.step}; {kept}; lower "
                "lr and trunk_lr, or set precision=fp32"
            )
        )
