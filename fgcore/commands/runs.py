"""The command `runs`: what was trained here, as tables."""

import argparse
from pathlib import Path

from fgcore.commands import texts
from fgcore.runs import runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("folders", nargs="*", type=texts.path, metavar="FOLDER", help="default runs; or two runs")
    parser.add_argument("--seeds", action="store_true", help="mean and spread of runs that differ in the seed only")


def run(arguments: argparse.Namespace) -> None:
    """List the runs in a folder, or compare two runs."""
    if len(arguments.folders) > 2:
        raise ValueError(f"expected one folder of runs, or two runs to compare, got {len(arguments.folders)} folders")
    if len(arguments.folders) == 2:
        settings, metrics = runs.compare(*arguments.folders)
        print("settings that differ:" if len(settings) else "the same settings")
        print(*([settings.to_string(), ""] if len(settings) else [""]), texts.table(metrics), sep="\n")
        return
    folder = arguments.folders[0] if arguments.folders else Path("runs")
    table = runs.over_seeds(folder).set_index("preset") if arguments.seeds else runs.table(folder)
    if len(table):
        print(table.to_string(float_format=lambda value: f"{value:.1f}", na_rep="-"))
    else:
        print(f"no {'finished ' if arguments.seeds else ''}runs in {folder}")
