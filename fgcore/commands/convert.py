"""The command `convert`: an official file becomes a checkpoint."""

import argparse

from fgcore.checkpoints import checkpoint, official
from fgcore.commands import texts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("source", type=texts.path, metavar="IN.pth")
    parser.add_argument("target", type=texts.path, metavar="OUT.safetensors")
    parser.add_argument("--dataset", choices=[*sorted(official.DATASETS), official.OWN], default="")
    parser.add_argument("--names", type=texts.path, metavar="FILE", help="class names, one a line, as trained")
    parser.add_argument("--half", action="store_true", help="store float16: half the size, logits change by rounding")


def run(arguments: argparse.Namespace) -> None:
    """Turn an official file, of AP-CNN or MC-Loss, into a checkpoint; "folder" means classes of your own."""
    names = official.read_names(arguments.names.read_text(encoding="utf-8-sig")) if arguments.names else ()
    model, source = official.load(arguments.source, arguments.dataset, names)
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
