"""What a run would be before it starts: images, groups, parameters, and the time it takes on this machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from fgcore.checkpoints.checkpoint import without_weights
from fgcore.config import Experiment
from fgcore.data import datasets
from fgcore.data.readers import read
from fgcore.evaluation.evaluation import network_input
from fgcore.machine import runtime
from fgcore.methods import METHODS, build_loss, build_model
from fgcore.training import optim, step
from fgcore.training.loop import fresh_model, settled

_TIMED_STEPS = 3  # after one that warms up
_READ = 8  # images whose reading is timed


@dataclass(frozen=True)
class Plan:
    """An experiment in numbers."""

    data: str  # in words
    class_names: tuple[str, ...]  # K
    train_images: int
    test_images: int
    parameters: int
    steps_per_epoch: int
    method: dict[str, str]  # what the method says of the network laid out: name -> words
    notes: tuple[str, ...] = ()  # what the data set's reader left out or had to assume, a sentence each


@dataclass(frozen=True)
class Pace:
    """How fast a run goes here, measured on a few images and batches. All in seconds."""

    read_image_seconds: float  # reading, or drawing, and resizing one image
    train_step: float  # forward, backward, update of one batch that is in memory
    test_batch: float  # one batch of the test images
    precision: str  # "bf16" or "fp32"

    def total(self, plan: Plan, experiment: Experiment) -> float:
        """Of the whole run. Cached images are read once, others in every epoch."""
        images, epochs = plan.train_images + plan.test_images, experiment.optim.epochs
        reading = self.read_image_seconds * images * (1 if experiment.cache_images else epochs)
        testing = self.test_batch * plan.test_images / _batch(plan, experiment)
        return reading + epochs * (plan.steps_per_epoch * self.train_step + testing)


def _batch(plan: Plan, experiment: Experiment) -> int:
    return min(experiment.optim.batch_size, plan.train_images)


def plan(experiment: Experiment) -> Plan:
    """Read the data set's folder and lay out the network; no image is opened, no weight is made.

    Raises:
        FileNotFoundError: the data set is not where it was expected.
        ValueError: settings that do not fit each other or the data.
    """
    listing = read(experiment.data)
    experiment = settled(experiment, len(listing.class_names))
    runtime.pick_precision(experiment.precision, torch.device("cpu"))
    batches = runtime.TrainBatches(len(listing.train), experiment.optim.batch_size, experiment.seed)
    crop = experiment.data.crop
    with torch.device("meta"):
        model = build_model(without_weights(experiment.model)).eval()
        build_loss(experiment.loss, experiment.model)
        optim.build_optimizer(model, experiment.optim)
        tell = METHODS[experiment.model.method].plan
        facts = tell(model, model(torch.empty(1, 3, crop, crop))) if tell else {}
    return Plan(
        data=listing.summary,
        class_names=listing.class_names,
        train_images=len(listing.train),
        test_images=len(listing.test),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        steps_per_epoch=len(batches),
        method=facts,
        notes=listing.notes,
    )


def measure(experiment: Experiment, device: str = "") -> Pace:
    """Time a few images and batches of a run, on the device it would use. Takes some seconds.

    Raises:
        FileNotFoundError, ValueError: as `plan`; or trunk weights that cannot be had.
    """
    place = runtime.pick_device(device)
    precision = runtime.pick_precision(experiment.precision, place)
    splits = datasets.load(experiment.data, cache_images=False)
    experiment = settled(experiment, len(splits.train.class_names))
    chosen = range(0, len(splits.train), max(1, len(splits.train) // _READ))[:_READ]
    started = time.perf_counter()
    views, targets = zip(*(splits.train[index] for index in chosen), strict=True)
    reading = (time.perf_counter() - started) / len(chosen)
    count = min(experiment.optim.batch_size, len(splits.train))
    repeats = -(-count // len(views))
    images = torch.stack(views * repeats)[:count]  # (batch, 3, crop, crop)
    labels = torch.tensor(targets * repeats)[:count].to(place)
    model = runtime.place(fresh_model(experiment), place)
    trainer = _Trainer(model, experiment, place, precision)
    steps = [_timed(place, lambda: trainer.train(images, labels)) for _ in range(_TIMED_STEPS + 1)]
    tests = [_timed(place, lambda: trainer.test(images)) for _ in range(2)]
    return Pace(reading, sorted(steps[1:])[_TIMED_STEPS // 2], tests[1], precision)


@dataclass
class _Trainer:
    """A model, and the steps of `fgcore.training.loop` with it."""

    model: nn.Module
    experiment: Experiment
    device: torch.device
    precision: str

    def __post_init__(self) -> None:
        self.loss = build_loss(self.experiment.loss, self.experiment.model).to(self.device)
        self.optimizer = optim.build_optimizer(self.model, self.experiment.optim, self.loss)

    def train(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.model.train()
        inputs = network_input(images, self.experiment.data, self.device)
        self.optimizer.zero_grad(set_to_none=True)
        generator = torch.Generator(self.device).manual_seed(0)
        terms, _ = step.forward(
            self.model, self.loss, inputs, labels, generator=generator, precision=self.precision, device=self.device
        )
        terms.total.backward()
        optim.update(self.optimizer, self.experiment.optim.clip_norm)

    @torch.inference_mode()
    def test(self, images: torch.Tensor) -> None:
        self.model.eval()
        with runtime.autocast(self.precision, self.device):
            self.model(network_input(images, self.experiment.data, self.device))


def _timed(device: torch.device, work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
