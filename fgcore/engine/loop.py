"""One training loop for every method, and the evaluation that goes with it.

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

from fgcore.config import DataConfig, Experiment, to_dict
from fgcore.data import datasets, transforms
from fgcore.engine import checkpoint, optim, provenance, runtime
from fgcore.engine.folder import RunFolder, check_same
from fgcore.engine.metrics import Counter, Evaluation
from fgcore.losses import build_loss
from fgcore.models import build_model
from fgcore.outputs import LossTerms

REPORTS_PER_EPOCH = 20  # how often the running loss is read from the device


@dataclass(frozen=True)
class StepReport:
    """Where training stands within an epoch."""

    epoch: int  # from 1
    step: int  # steps done in this epoch
    steps: int  # of an epoch
    terms: dict[str, float]  # "total" and the loss's named parts, means since the last report
    top1: float  # of the training pictures since the last report, in [0, 1]
    images_per_second: float


@dataclass(frozen=True)
class EpochReport:
    """What one epoch brought."""

    epoch: int  # from 1
    epochs: int  # of the whole run
    learning_rates: dict[str, float]  # at the epoch's end
    terms: dict[str, float]  # "total" and the loss's named parts, means over the epoch
    train_top1: float  # in [0, 1], while the weights were changing, on augmented pictures
    test: Evaluation
    best_epoch: int  # the epoch with the highest test top-1 so far, the first of equals
    best_top1: float
    seconds: float  # of this epoch, its evaluation included

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)}, "test": self.test.to_dict()}


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
    sums = _Sums()
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


def network_input(images: Tensor, data: DataConfig, device: torch.device) -> Tensor:
    """Pictures (B, 3, H, W) uint8 as normalised float32 on `device`, in the layout of `runtime.place`."""
    images = images.to(device, non_blocking=True).contiguous(memory_format=torch.channels_last)
    return transforms.normalise(images, data)


class _Sums:
    """Running sums of the loss terms, kept on the device and read once per report."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.window: Tensor | float = 0.0  # (terms + 1,) since the last report; the last one counts hits
        self.epoch: Tensor | float = 0.0
        self.steps = self.images = 0
        self.window_steps = self.window_images = 0
        self.started = time.perf_counter()

    def add(self, terms: LossTerms, logits: Tensor, targets: Tensor) -> None:
        """Count a batch."""
        self.names = ["total", *terms.parts]
        hits = (logits.argmax(dim=1) == targets).sum()
        values = torch.stack([value.detach().float() for value in (terms.total, *terms.parts.values(), hits)])
        self.window, self.epoch = self.window + values, self.epoch + values
        self.steps, self.images = self.steps + 1, self.images + len(targets)
        self.window_steps, self.window_images = self.window_steps + 1, self.window_images + len(targets)

    def report(self, epoch: int, step: int, steps: int) -> StepReport:
        """The means since the last report."""
        terms, top1 = self._means(self.window, self.window_steps, self.window_images)
        now = time.perf_counter()
        speed = self.window_images / (now - self.started)
        self.window, self.window_steps, self.window_images, self.started = 0.0, 0, 0, now
        return StepReport(epoch, step, steps, terms, top1, speed)

    def means(self) -> tuple[dict[str, float], float]:
        """The means over all batches, and the share of hits."""
        return self._means(self.epoch, self.steps, self.images)

    def _means(self, sums: Tensor, steps: int, images: int) -> tuple[dict[str, float], float]:
        *terms, hits = sums.tolist()
        return {name: value / steps for name, value in zip(self.names, terms, strict=True)}, hits / images


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


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    images: datasets.ImageSet,
    data: DataConfig,
    *,
    precision: str = "fp32",
    batch_size: int = 32,
    workers: int = -1,
    on_batch: Callable[[int], None] | None = None,
) -> Evaluation:
    """Score `model` on every picture of `images`, each counted once.

    Args:
        model: on the device to use; its mode is restored.
        images: an `ImageSet` without augmentation, of the model's classes.
        data: how the pictures become network inputs.
        precision: "fp32" (published figures), "bf16" (about three times as fast, may turn a few predictions) or "auto".
        batch_size: pictures at a time; the scores do not depend on it beyond rounding.
        workers: see `runtime.loader`.
        on_batch: called with the number of pictures done.
    """
    started, device, was_training = time.perf_counter(), next(model.parameters()).device, model.training
    precision = runtime.pick_precision(precision, device)
    counter = Counter(len(images.class_names), device)
    batches = runtime.EvaluationBatches(len(images), batch_size)
    model.eval()
    for number, (pictures, targets) in enumerate(runtime.loader(images, batches, device, workers)):
        with runtime.autocast(precision, device):
            output = model(network_input(pictures, data, device))
        counter.add(output, targets.to(device, non_blocking=True))
        if on_batch:
            on_batch(min((number + 1) * batch_size, len(images)))
    model.train(was_training)
    seconds = round(time.perf_counter() - started, 2)
    return counter.result(
        tuple(images.class_names), data=datasets.describe(images), precision=precision, seconds=seconds
    )
