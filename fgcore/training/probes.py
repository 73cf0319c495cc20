"""Probe images: a few test images that are explained after every epoch, so that one sees a network learn.

| file in RUN/probes/ | what |
|---|---|
| `pictures.npz` | the images as the network sees them, which they are, the class names, the method |
| `0000.npz`, `0001.npz`, ... | what the network showed on each after that epoch; 0: before training |

Every file is a pure function of the checkpoint it was made from, so a resumed run writes the same strip.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from fgcore.checkpoints.checkpoint import Checkpoint
from fgcore.config import DataConfig, Experiment
from fgcore.data import datasets, transforms
from fgcore.data.cache import decode_all
from fgcore.data.images import ImageError
from fgcore.inspection.inspector import Inspector, Loaded
from fgcore.inspection.inspector import load as load_model
from fgcore.machine.files import write_atomically
from fgcore.methods import METHODS
from fgcore.records import Explanation, Prediction
from fgcore.runs.folder import RunFolder
from fgcore.runs.reports import EpochReport
from fgcore.training.session import settled, started_model

MOST = 12  # probes of a run
_CALIBRATION, _BATCH = 64, 16  # images


@dataclass(frozen=True)
class Probe:
    """An image that is looked at after every epoch."""

    identifier: str  # `Record.identifier` of the test image
    target: int  # its class
    pixels: np.ndarray  # (H, W, 3) uint8, the network input before normalisation


@dataclass(frozen=True)
class Frame:
    """What the network showed on one probe after one epoch."""

    prediction: Prediction
    shown: Any  # what the method's `Film.unpack` makes of the file


@dataclass(frozen=True)
class Strip:
    """The filmstrip of a run."""

    method: str  # a name of `fgcore.methods.METHODS`
    class_names: tuple[str, ...]  # K
    probes: tuple[Probe, ...]
    epochs: tuple[int, ...]  # ascending; 0 is before training
    frames: tuple[tuple[Frame, ...], ...]  # for each epoch, for each probe

    def name_of(self, probe: int) -> str:
        """The class of a probe."""
        return self.class_names[self.probes[probe].target]


def choose(images: datasets.ImageSet, count: int) -> list[int]:
    """Which test images to look at: the first readable one of `count` classes spread evenly over all.

    Classes of a family are neighbours, so few probes show different families. The choice depends on nothing else.

    Raises:
        ValueError: not 1 to `MOST` probes.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"expected 1 to {MOST} probes, got {count}; 0 on the command line leaves them out")
    total = len(images.class_names)
    count = min(count, total)
    wanted = [number * total // count for number in range(count)]
    return [index for target in wanted if (index := _first_readable(images, target)) is not None]


def _first_readable(images: datasets.ImageSet, target: int) -> int | None:
    for index, record in enumerate(images.records):
        if record.target == target:
            try:
                images.image(index)
            except ImageError:
                continue
            return index
    return None


class Recorder:
    """Writes the filmstrip of the run in a folder that `loop.train` has prepared."""

    def __init__(self, folder: Path | str, experiment: Experiment, count: int) -> None:
        """Choose the probes, or take those of a run that is resumed.

        Args:
            folder: of the run.
            experiment: of the run; its `data.root` finds the images.
            count: how many probes, at most one per class.

        Raises:
            ValueError, OSError: see `choose` and `fgcore.data.datasets.load`.
        """
        self.run = RunFolder(folder)
        self.folder = self.run.path / "probes"
        self.train_images, images = datasets.load(experiment.data, cache_images=False)
        self.experiment = settled(experiment, len(images.class_names))
        self.class_names = images.class_names
        begun = load(folder)
        known = {record.identifier: index for index, record in enumerate(images.records)}
        indices = [known[probe.identifier] for probe in begun.probes] if begun else choose(images, count)
        self.chosen = [(images.records[index], images.image(index)) for index in indices]

    def catch_up(self) -> None:
        """Before training: look once with the untrained network, or with the epoch that a killed run did not show.

        Raises:
            OSError: a file could not be written.
        """
        self.folder.mkdir(exist_ok=True)
        if not _file(self.folder, 0).exists():
            untrained = Checkpoint(self.run.last, "", self.experiment, self.class_names, {}, {})
            model = started_model(self.experiment, self.class_names)[0].eval().requires_grad_(False)
            calibrate(model, self.train_images, self.experiment.data)
            self._look(0, Loaded(model, untrained))
        if self.run.last.exists():
            loaded = load_model(self.run.last)
            if not _file(self.folder, loaded.checkpoint.report["epoch"]).exists():
                self._look(loaded.checkpoint.report["epoch"], loaded)

    def record(self, epoch: int) -> None:
        """Look with the checkpoint that was just written.

        Raises:
            OSError: a file could not be written.
        """
        self._look(epoch, load_model(self.run.last))

    def _look(self, epoch: int, loaded: Loaded) -> None:
        film, inspector = loaded.method.film, Inspector(loaded)
        explanations = [
            inspector.set_image(pixels).explanation(class_index=record.target, cam=film.cam)
            for record, pixels in self.chosen
        ]
        if not (self.folder / "pictures.npz").exists():
            self._write_images(explanations)
        arrays: dict[str, np.ndarray] = {}
        for number, (shown, (record, _)) in enumerate(zip(explanations, self.chosen, strict=True)):
            packed = {"probabilities": shown.prediction.probabilities} | film.pack(shown, record.target)
            arrays |= {f"{number}/{name}": values for name, values in packed.items()}
        _write(_file(self.folder, epoch), arrays)

    def _write_images(self, explanations: list[Explanation]) -> None:
        facts = {
            "method": explanations[0].method,
            "class_names": list(self.class_names),
            "identifiers": [record.identifier for record, _ in self.chosen],
            "targets": [record.target for record, _ in self.chosen],
        }
        pixels = np.stack([shown.view.pixels for shown in explanations])  # (probes, H, W, 3)
        _write(self.folder / "pictures.npz", {"pixels": pixels, "facts": np.array(json.dumps(facts))})


@torch.no_grad()
def calibrate(model: nn.Module, images: datasets.ImageSet, data: DataConfig) -> None:
    """Give batch norm that has seen nothing the statistics of some training images; no weight changes.

    Without this an untrained network in evaluation mode blows its activations up layer by layer, and what it
    looks at would say nothing about where training starts.

    Args:
        model: in evaluation mode, which is restored.
        images: at most 64 of them are looked at, spread evenly; unreadable ones are left out.
        data: how they become network inputs.
    """
    new = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.num_batches_tracked == 0]
    if not new:
        return
    for module in new:
        module.train()
        module.momentum = None  # the plain mean over all batches
    chosen = range(0, len(images), -(-len(images) // _CALIBRATION))
    read = decode_all(lambda index: images[index][0], chosen)
    views = [view for view in read if not isinstance(view, ImageError)]
    for start in range(0, len(views), _BATCH):
        batch = views[start : start + _BATCH]
        if len(batch) > 1 or not start:
            model(transforms.normalise(torch.stack(batch), data))
    for module in new:
        module.eval()


def filmed(
    reports: Iterator[EpochReport], folder: Path | str, experiment: Experiment, count: int
) -> Iterator[EpochReport]:
    """The reports of `loop.train` as they come, each epoch's frame being on the disk; see `Recorder`."""
    recorder = Recorder(folder, experiment, count)
    recorder.catch_up()
    for report in reports:
        recorder.record(report.epoch)
        yield report


def load(folder: Path | str) -> Strip | None:
    """The filmstrip of the run in `folder` as far as it goes; None where there is none.

    An epoch that cannot be read, or was looked at with other probes, is left out.
    """
    folder = Path(folder) / "probes"
    try:
        arrays = _read(folder / "pictures.npz")
        facts = json.loads(str(arrays["facts"]))
        pixels = arrays["pixels"]
    except _DAMAGE:
        return None
    found = {}
    for path in sorted(folder.glob("[0-9]" * 4 + ".npz")):
        try:
            saved = _read(path)
            found[int(path.stem)] = tuple(_frame(saved, number, facts["method"]) for number in range(len(pixels)))
        except _DAMAGE:
            continue
    probes = zip(facts["identifiers"], facts["targets"], pixels, strict=True)
    return Strip(
        method=facts["method"],
        class_names=tuple(facts["class_names"]),
        probes=tuple(Probe(*probe) for probe in probes),
        epochs=tuple(found),
        frames=tuple(found.values()),
    )


# What a file that is missing, foreign or cut short raises
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def _file(folder: Path, epoch: int) -> Path:
    return folder / f"{epoch:04d}.npz"


def _frame(saved: dict[str, np.ndarray], number: int, method: str) -> Frame:
    own = {name.partition("/")[2]: values for name, values in saved.items() if name.startswith(f"{number}/")}
    return Frame(Prediction("final", own.pop("probabilities")), METHODS[method].film.unpack(own))


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomically(path, buffer.getvalue())


def _read(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file; nothing pickled is opened."""
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}
