"""What a run would be before it starts: pictures, groups, parameters, and the time it takes on this machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from fgcore.config import Experiment
from fgcore.data import datasets
from fgcore.data.readers import read
from fgcore.data.transforms import check
from fgcore.evaluation.evaluation import network_input
from fgcore.machine import runtime
from fgcore.methods.build import build_model, without_weights
from fgcore.methods.mc.losses import build_loss
from fgcore.outputs import MCOutput
from fgcore.training import optim
from fgcore.training.loop import fresh_model, with_classes

_TIMED_STEPS = 3  # after one that warms up
_READ = 8  # pictures whose reading is timed


@dataclass(frozen=True)
class Plan:
    """An experiment in numbers."""

    data: str  # in words
    class_names: tuple[str, ...]  # K
    train_images: int
    test_images: int
    parameters: int
    group_sizes: tuple[int, ...]  # MC-Loss: channels of each class; else empty
    map_side: int  # MC-Loss: rows and columns of a channel's map; else 0
    steps_per_epoch: int

    @property
    def groups(self) -> str:
        """The groups in words, such as "9 groups of 3 channels" or "38 groups of 10 and 12 of 11 channels"."""
        counts = [f"{self.group_sizes.count(size)} of {size}" for size in sorted(set(self.group_sizes))]
        return " and ".join(counts).replace(" of ", " groups of ", 1) + " channels" if counts else ""


@dataclass(frozen=True)
class Pace:
    """How fast a run goes here, measured on a few pictures and batches. All in seconds."""

    read_picture: float  # reading, or drawing, and resizing one picture
    train_step: float  # forward, backward, update of one batch that is in memory
    test_batch: float  # one batch of the test pictures
    precision: str  # "bf16" or "fp32"

    def total(self, plan: Plan, experiment: Experiment) -> float:
        """Of the whole run. Cached pictures are read once, others in every epoch."""
        pictures, epochs = plan.train_images + plan.test_images, experiment.optim.epochs
        reading = self.read_picture * pictures * (1 if experiment.cache_images else epochs)
        testing = self.test_batch * plan.test_images / _batch(plan, experiment)
        return reading + epochs * (plan.steps_per_epoch * self.train_step + testing)


def _batch(plan: Plan, experiment: Experiment) -> int:
    return min(experiment.optim.batch_size, plan.train_images)


def plan(experiment: Experiment) -> Plan:
    """Read the data set's folder and lay out the network; no picture is opened, no weight is made.

    Raises:
        FileNotFoundError: the data set is not where it was expected.
        ValueError: settings that do not fit each other or the data.
    """
    check(experiment.data)
    listing = read(experiment.data)
    experiment = with_classes(experiment, len(listing.class_names))
    runtime.pick_precision(experiment.precision, torch.device("cpu"))
    batches = runtime.TrainBatches(len(listing.train), experiment.optim.batch_size, experiment.seed)
    crop = experiment.data.crop
    with torch.device("meta"):
        model = build_model(without_weights(experiment.model)).eval()
        optim.build_optimizer(model, experiment.optim)
        output = model(torch.empty(1, 3, crop, crop)) if experiment.model.method == "mc" else None
    mc = isinstance(output, MCOutput)
    return Plan(
        data=listing.summary,
        class_names=listing.class_names,
        train_images=len(listing.train),
        test_images=len(listing.test),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        group_sizes=output.group_sizes if mc else (),
        map_side=output.features.shape[-1] if mc else 0,
        steps_per_epoch=len(batches),
    )


def measure(experiment: Experiment, device: str = "") -> Pace:
    """Time a few pictures and batches of a run, on the device it would use. Takes some seconds.

    Raises:
        FileNotFoundError, ValueError: as `plan`; or trunk weights that cannot be had.
    """
    place = runtime.pick_device(device)
    precision = runtime.pick_precision(experiment.precision, place)
    splits = datasets.load(experiment.data, cache_images=False)
    experiment = with_classes(experiment, len(splits.train.class_names))
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
    steps = [_timed(place, lambda: trainer.step(images, labels)) for _ in range(_TIMED_STEPS + 1)]
    tests = [_timed(place, lambda: trainer.look(images)) for _ in range(2)]
    return Pace(reading, sorted(steps[1:])[_TIMED_STEPS // 2], tests[1], precision)


@dataclass
class _Trainer:
    """A training step as `fgcore.training.loop` does it."""

    model: nn.Module
    experiment: Experiment
    device: torch.device
    precision: str

    def __post_init__(self) -> None:
        self.loss = build_loss(self.experiment.loss, self.experiment.model.method)
        self.optimizer = optim.build_optimizer(self.model, self.experiment.optim)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.model.train()
        generator = torch.Generator(self.device).manual_seed(0)
        inputs = network_input(images, self.experiment.data, self.device)
        with runtime.autocast(self.precision, self.device):
            output = self.model(inputs, generator=generator)
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(output, labels, generator=generator).total.backward()
        self.optimizer.step()

    @torch.inference_mode()
    def look(self, images: torch.Tensor) -> None:
        self.model.eval()
        with runtime.autocast(self.precision, self.device):
            self.model(network_input(images, self.experiment.data, self.device))


def _timed(device: torch.device, work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
