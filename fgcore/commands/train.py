"""The command `train`: a preset with settings of the command line, a progress bar, one line per epoch."""

import argparse
import shlex
from pathlib import Path

from tqdm import tqdm

from fgcore import presets
from fgcore.commands import texts
from fgcore.config import override
from fgcore.machine import distributed
from fgcore.training import loop, probes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("preset", help="see `presets`")
    parser.add_argument("settings", nargs="*", metavar="key=value", help="epochs=5, data.root=DIR, from=CHECKPOINT")
    parser.add_argument("--out", type=texts.path, help="folder of the run; default runs/PRESET-SEED")
    parser.add_argument("--resume", action="store_true", help="continue it; epochs and rates may change")
    parser.add_argument("--device", default="", help="cpu, cuda, cuda:1; default: CUDA where there is one")
    parser.add_argument("--probes", type=int, default=0, help="test images to explain after every epoch; default none")


def run(arguments: argparse.Namespace) -> None:
    """Train a preset, its settings overridden by key=value; on several devices after `torchrun -m` instead."""
    with distributed.joined(arguments.device):
        _train(arguments)


def _train(arguments: argparse.Namespace) -> None:
    with distributed.together():
        experiment = override(presets.get(arguments.preset), texts.settings(arguments.settings))
    command = _command(arguments.preset, *(texts.without_folder(text) for text in arguments.settings))
    folder = arguments.out or Path("runs") / f"{arguments.preset}-{experiment.seed}"
    bar = _TrainingBar(shown=distributed.is_main())
    try:
        reports = loop.train(
            experiment,
            folder,
            resume=arguments.resume,
            command=command,
            device=arguments.device,
            on_step=bar.step,
        )
        if arguments.probes and distributed.is_main():
            reports = probes.filmed(reports, folder, experiment, arguments.probes)
        for report in reports:
            bar.epoch(report)
    except KeyboardInterrupt:
        if not distributed.is_main():
            raise distributed.Stopped from None
        again = _command(arguments.preset, *arguments.settings, "--out", str(folder), "--resume")
        raise KeyboardInterrupt(f"interrupted; to continue after the last whole epoch: {again}") from None
    finally:
        bar.close()
    if distributed.is_main():
        print(f"done: {folder}/best.safetensors, {folder}/last.safetensors")


def _command(*arguments: str) -> str:
    return shlex.join([*distributed.launcher(), "-m", "fgcore", "train", *arguments])


class _TrainingBar:
    """A progress bar per epoch with the running loss terms, and one line when it ends; nothing unless `shown`."""

    def __init__(self, *, shown: bool) -> None:
        self.shown = shown
        self.bar: tqdm | None = None

    def step(self, report: loop.StepReport) -> None:
        """Move on."""
        if not self.shown:
            return
        if self.bar is None:
            self.bar = tqdm(total=report.steps, desc=f"epoch {report.epoch}", unit="step", leave=False, disable=None)
        values = {name: f"{value:.3f}" for name, value in report.terms.items()}
        self.bar.set_postfix(values | {"top1": f"{report.top1:.0%}"}, refresh=False)
        self.bar.update(report.step - self.bar.n)

    def epoch(self, report: loop.EpochReport) -> None:
        """Replace the bar by the epoch's result."""
        if not self.shown:
            return
        self.close()
        terms = "  ".join(f"{name} {value:.3f}" for name, value in report.terms.items())
        print(
            f"epoch {report.epoch}/{report.epochs}  {terms}  train {report.train_top1:.1%}  test {report.test.top1:.1%}"
            f"  (best {report.best_top1:.1%} in {report.best_epoch})  {report.seconds:.0f} s",
            flush=True,
        )

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None
