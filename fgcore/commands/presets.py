"""The command `presets`: the recipes by name, or one in full."""

import argparse
import inspect
import json

from fgcore import presets
from fgcore.config import to_dict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("preset", nargs="?", default="")


def run(arguments: argparse.Namespace) -> None:
    """List the presets, or show one with all its settings."""
    if not arguments.preset:
        for name, preset in presets.PRESETS.items():
            print(f"{name:26}{inspect.getdoc(preset).splitlines()[0]}")
        return
    experiment = presets.get(arguments.preset)
    print(inspect.getdoc(presets.PRESETS[arguments.preset]), json.dumps(to_dict(experiment), indent=2), sep="\n\n")
