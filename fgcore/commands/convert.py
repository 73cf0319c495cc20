"""The command `convert`: an official file becomes a checkpoint."""

import argparse

from fgcore.checkpoints import checkpoint, official
from fgcore.commands import texts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("source", type=texts.path, metavar="IN.pth")
    parser.add_argument("target", type=texts.path, metavar="OUT.safetensors")
    parser.add_argument("--dataset", choices=sorted(official.DATASETS), default="")
    parser.add_argument("--half", action="store_true", help="store float16: half the size, logits change by rounding")


def run(arguments: argparse.Namespace) -> None:
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
