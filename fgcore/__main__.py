"""The command line: `python -m fgcore COMMAND`. The only module that prints; each command is one function."""

import argparse
import inspect
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from fgcore import presets
from fgcore.config import override, to_dict
from fgcore.data import datasets
from fgcore.data.images import read_image
from fgcore.engine import checkpoint, loop, official, runtime
from fgcore.engine.metrics import Evaluation
from fgcore.explain import explain_picture, load_model
from fgcore.introspect import panels, render

EXPECTED = (ValueError, TypeError, OSError, FloatingPointError)  # told in one sentence, without a trace
ERROR, INTERRUPTED = 2, 130  # exit codes, as shells use them


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 after an error, 130 after Ctrl-C."""
    arguments = _parser().parse_args(argv)
    try:
        COMMANDS[arguments.command](arguments)
    except EXPECTED as error:
        print(f"fgcore {arguments.command}: {error}", file=sys.stderr)
        return ERROR
    except KeyboardInterrupt as error:
        print(f"\nfgcore {arguments.command}: {error or 'interrupted'}", file=sys.stderr)
        return INTERRUPTED
    return 0


def train(arguments: argparse.Namespace) -> None:
    """Train a preset, its settings overridden by key=value."""
    experiment = override(presets.get(arguments.preset), _settings(arguments.settings))
    command = _command(arguments.preset, *(_without_folder(text) for text in arguments.settings))
    folder = arguments.out or Path("runs") / f"{arguments.preset}-{experiment.seed}"
    bar = _TrainingBar()
    try:
        for report in loop.train(
            experiment,
            folder,
            resume=arguments.resume,
            command=command,
            device=arguments.device,
            on_step=bar.step,
        ):
            bar.epoch(report)
    except KeyboardInterrupt:
        again = _command(arguments.preset, *arguments.settings, "--out", str(folder), "--resume")
        raise KeyboardInterrupt(f"interrupted; to continue after the last whole epoch: {again}") from None
    finally:
        bar.close()
    print(f"done: {folder}/best.safetensors, {folder}/last.safetensors")


def _command(*arguments: str) -> str:
    return shlex.join(["python", "-m", "fgcore", "train", *arguments])


def _without_folder(setting: str) -> str:
    """A key=value setting fit for a checkpoint that others read: folders of this machine become DIR."""
    key, _, value = setting.partition("=")
    path = Path(value)
    return f"{key}={Path('DIR') / path.name if path.is_file() else 'DIR'}" if len(path.parts) > 1 else setting


def evaluate(arguments: argparse.Namespace) -> None:
    """Score checkpoints on the test pictures of their data set."""
    device = runtime.pick_device(arguments.device)
    records = []
    for path in arguments.checkpoints:
        sha256, result = _evaluate(path, arguments, device)
        print(f"\n{path}: {result.data}, {result.precision}, {result.images} images in {result.seconds} s")
        print(_text(result.head_table()))
        if arguments.per_class:
            print(_text(result.class_table()))
        records.append({"checkpoint": str(path), "sha256": sha256, **result.to_dict()})
    if arguments.json:
        arguments.json.write_text(json.dumps(records, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _evaluate(path: Path, arguments: argparse.Namespace, device: torch.device) -> tuple[str, Evaluation]:
    """The checkpoint's sha256 and its scores."""
    model, source = official.load_any(path)
    settings = {f"data.{key.removeprefix('data.')}": value for key, value in _settings(arguments.data).items()}
    data = override(source.experiment, settings).data
    images = datasets.load(data, cache_images=False).test
    names = tuple(images.class_names)
    if len(names) != len(source.class_names):
        raise ValueError(f"{path.name} knows {len(source.class_names)} classes, the data has {len(names)}; see --data")
    if source.class_names not in (names, official.placeholder_names(len(names))):
        wrong = next(pair for pair in zip(source.class_names, names, strict=True) if pair[0] != pair[1])
        raise ValueError(f"{path.name} knows class {wrong[0]!r} where the data has {wrong[1]!r}; see --data")
    with tqdm(total=len(images), desc=path.name, unit="image", leave=False, disable=None) as bar:
        result = loop.evaluate(
            runtime.place(model, device),
            images,
            data,
            precision=arguments.precision,
            on_batch=lambda done: bar.update(done - bar.n),
        )
    return source.sha256, result


def convert(arguments: argparse.Namespace) -> None:
    """Turn an official AP-CNN file into a checkpoint."""
    model, source = official.load(arguments.source, arguments.dataset)
    checkpoint.save(
        arguments.target,
        model,
        source.experiment,
        source.class_names,
        source.report,
        source.provenance,
        half=arguments.half,
    )
    print(f"{arguments.target}: {source.experiment.model.trunk}, {len(source.class_names)} classes")


def explain(arguments: argparse.Namespace) -> None:
    """Show what checkpoints look at in one photo: PNG panels and one JSON file in a folder."""
    picture = read_image(arguments.photo)
    folder = arguments.out or Path("explained") / arguments.photo.stem
    folder.mkdir(parents=True, exist_ok=True)
    report = []
    for path in arguments.checkpoints:
        explanation = explain_picture(load_model(path), picture, drop_seed=arguments.drop_seed)
        values = panels.numbers(explanation) | {"photo": arguments.photo.name, "panels": []}
        name = path.stem if path.stem not in ("best", "last") else f"{path.parent.name}-{path.stem}"
        for panel, pixels in panels.panels(explanation).items():
            file = folder / f"{name}-{panel}.png"
            file.write_bytes(render.png(pixels))
            values["panels"].append(file.name)
        report.append(values)
        best = values["top"][0]
        print(f"{path}: {best['class']} ({best['probability']:.1%}), {len(values['panels'])} panels")
    (folder / "explanation.json").write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print(f"done: {folder}/explanation.json")


def list_presets(arguments: argparse.Namespace) -> None:
    """List the presets, or show one with all its settings."""
    if not arguments.preset:
        for name, preset in presets.PRESETS.items():
            print(f"{name:26}{inspect.getdoc(preset).splitlines()[0]}")
        return
    experiment = presets.get(arguments.preset)
    print(inspect.getdoc(presets.PRESETS[arguments.preset]), json.dumps(to_dict(experiment), indent=2), sep="\n\n")


def _settings(texts: Sequence[str]) -> dict[str, str]:
    """key=value texts as a dictionary."""
    pairs = [text.partition("=") for text in texts]
    for text, (key, equals, _) in zip(texts, pairs, strict=True):
        if not key or not equals:
            raise ValueError(f"expected a setting as key=value, got {text!r}")
    return {key: value for key, _, value in pairs}


def _text(table: pd.DataFrame) -> str:
    return table.to_string(float_format=lambda value: f"{value:.2f}")


class _TrainingBar:
    """A progress bar per epoch with the running loss terms, and one line when it ends."""

    def __init__(self) -> None:
        self.bar: tqdm | None = None

    def step(self, report: loop.StepReport) -> None:
        """Move on."""
        if self.bar is None:
            self.bar = tqdm(total=report.steps, desc=f"epoch {report.epoch}", unit="step", leave=False, disable=None)
        values = {name: f"{value:.3f}" for name, value in report.terms.items()}
        self.bar.set_postfix(values | {"top1": f"{report.top1:.0%}"}, refresh=False)
        self.bar.update(report.step - self.bar.n)

    def epoch(self, report: loop.EpochReport) -> None:
        """Replace the bar by the epoch's result."""
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


COMMANDS = {"train": train, "evaluate": evaluate, "explain": explain, "convert": convert, "presets": list_presets}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fgcore", description="Train and inspect MC-Loss and AP-CNN.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=COMMANDS[name].__doc__, description=COMMANDS[name].__doc__)

    add = command("train")
    add.add_argument("preset", help="see `presets`")
    add.add_argument("settings", nargs="*", metavar="key=value", help="such as epochs=5 or data.root=DIR")
    add.add_argument("--out", type=Path, help="folder of the run; default runs/PRESET-SEED")
    add.add_argument("--resume", action="store_true", help="continue the run in that folder")
    add.add_argument("--device", default="", help="cpu, cuda, cuda:1; default: CUDA where there is one")

    add = command("evaluate")
    add.add_argument("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT")
    add.add_argument("--data", action="append", default=[], metavar="key=value", help="such as root=DIR; repeatable")
    add.add_argument("--precision", choices=runtime.PRECISIONS, default="fp32")
    add.add_argument("--per-class", action="store_true", help="print the table of classes too")
    add.add_argument("--json", type=Path, metavar="FILE", help="write everything to FILE")
    add.add_argument("--device", default="")

    add = command("explain")
    add.add_argument("photo", type=Path, metavar="PHOTO")
    add.add_argument("--checkpoint", dest="checkpoints", action="append", type=Path, required=True, help="repeatable")
    add.add_argument("--out", type=Path, help="folder of the panels; default explained/PHOTO")
    add.add_argument("--drop-seed", type=int, default=0, help="AP-CNN: the dropblock drawn and shown")

    add = command("convert")
    add.add_argument("source", type=Path, metavar="IN.pth")
    add.add_argument("target", type=Path, metavar="OUT.safetensors")
    add.add_argument("--dataset", choices=sorted(official.DATA), default="")
    add.add_argument("--half", action="store_true", help="store float16: half the size, logits change by rounding")

    add = command("presets")
    add.add_argument("preset", nargs="?", default="")
    return parser


if __name__ == "__main__":
    sys.exit(main())
