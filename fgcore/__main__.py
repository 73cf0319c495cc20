"""The command line: `python -m fgcore COMMAND`. The only module that prints; each command is one function."""

import argparse
import dataclasses
import inspect
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from fgcore import presets, probes
from fgcore.analysis import run, store
from fgcore.analysis.chunk import Settings
from fgcore.config import DATASETS, override, to_dict
from fgcore.data import datasets
from fgcore.data.images import read_image
from fgcore.engine import checkpoint, distributed, loop, official, runs, runtime
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
    except distributed.Stopped:  # the process that failed tells why
        return ERROR
    except EXPECTED as error:
        print(f"fgcore {arguments.command}: {error}", file=sys.stderr)
        return ERROR
    except KeyboardInterrupt as error:
        print(f"\nfgcore {arguments.command}: {error or 'interrupted'}", file=sys.stderr)
        return INTERRUPTED
    return 0


def train(arguments: argparse.Namespace) -> None:
    """Train a preset, its settings overridden by key=value; on several devices after `torchrun -m` instead."""
    with distributed.joined(arguments.device):
        _train(arguments)


def _train(arguments: argparse.Namespace) -> None:
    with distributed.together():
        experiment = override(presets.get(arguments.preset), _settings(arguments.settings))
    command = _command(arguments.preset, *(_without_folder(text) for text in arguments.settings))
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


def analyse(arguments: argparse.Namespace) -> None:
    """Measure where checkpoints look, on every picture of a data set; after `torchrun -m`, or as RANK of WORLD_SIZE."""
    settings = Settings(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(Settings)})
    data = dict(pair for text in arguments.data for pair in _settings([_named_set(text)]).items())
    rank, processes = (int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1)))
    with tqdm(desc="analyse", unit="image", leave=False, disable=None if rank == 0 else True) as bar:
        written = run.analyse(
            arguments.checkpoints,
            arguments.out,
            settings,
            data=data,
            share=run.Share(rank, processes),
            device=distributed.pick_device(arguments.device),
            command=shlex.join(["python", "-m", "fgcore", *(_without_folder(text) for text in sys.argv[1:])]),
            on_chunk=lambda done, total: _advance(bar, done, total),
        )
    if not written:
        print(f"process {rank} is done; the last of {processes} writes the tables")
        return
    print(_text(store.read(arguments.out).summary.set_index(["model", "map", "measure"])))
    print(f"done: {arguments.out}/summary.csv, {arguments.out}/classes.csv, {arguments.out}/images.parquet")


def _named_set(text: str) -> str:
    """A data set's name alone as the setting it stands for."""
    return f"dataset={text}" if text in DATASETS else text


def _advance(bar: tqdm, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


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


def list_runs(arguments: argparse.Namespace) -> None:
    """List the runs in a folder, or compare two runs."""
    if len(arguments.folders) > 2:
        raise ValueError(f"expected one folder of runs, or two runs to compare, got {len(arguments.folders)} folders")
    if len(arguments.folders) == 2:
        settings, metrics = runs.compare(*arguments.folders)
        print("settings that differ:" if len(settings) else "the same settings")
        print(*([settings.to_string(), ""] if len(settings) else [""]), _text(metrics), sep="\n")
        return
    folder = arguments.folders[0] if arguments.folders else Path("runs")
    table = runs.table(folder)
    if len(table):
        print(table.to_string(float_format=lambda value: f"{value:.1f}", na_rep="-"))
    else:
        print(f"no runs in {folder}")


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


def _count(text: str) -> int:
    """A number, or -1 for "all"."""
    return -1 if text == "all" else int(text)


def _text(table: pd.DataFrame) -> str:
    return table.to_string(float_format=lambda value: f"{value:.2f}")


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


COMMANDS = {
    "train": train,
    "runs": list_runs,
    "evaluate": evaluate,
    "analyse": analyse,
    "explain": explain,
    "convert": convert,
    "presets": list_presets,
}


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
    add.add_argument("--probes", type=int, default=0, help="test pictures to explain after every epoch; default none")

    add = command("runs")
    add.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="of runs, default runs; or two runs")

    add = command("evaluate")
    add.add_argument("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT")
    add.add_argument("--data", action="append", default=[], metavar="key=value", help="such as root=DIR; repeatable")
    add.add_argument("--precision", choices=runtime.PRECISIONS, default="fp32")
    add.add_argument("--per-class", action="store_true", help="print the table of classes too")
    add.add_argument("--json", type=Path, metavar="FILE", help="write everything to FILE")
    add.add_argument("--device", default="")

    add = command("analyse")
    add.add_argument("--checkpoint", dest="checkpoints", action="append", type=Path, required=True, help="repeatable")
    add.add_argument("--data", action="append", default=[], metavar="SET", help="or key=value, such as root=DIR")
    add.add_argument("--out", type=Path, required=True, help="folder of the analysis; goes on where it stopped")
    add.add_argument("--faithfulness", type=_count, help="pictures with deletion and insertion curves, or all")
    for field in dataclasses.fields(Settings):
        if field.name != "faithfulness":
            add.add_argument(f"--{field.name}", type=type(field.default), help=f"default {field.default}")
    add.add_argument("--device", default="")
    add.set_defaults(**dataclasses.asdict(Settings()))

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
