"""The command line: `python -m fgcore COMMAND`. Each command is a module of `fgcore.commands`; only they print."""

import argparse
import sys
from collections.abc import Sequence

from fgcore.commands import analyse, convert, evaluate, explain, predict, presets, runs, train
from fgcore.machine import distributed

COMMANDS = {
    "train": train,
    "runs": runs,
    "evaluate": evaluate,
    "analyse": analyse,
    "explain": explain,
    "predict": predict,
    "convert": convert,
    "presets": presets,
}
EXPECTED = (ValueError, TypeError, OSError, FloatingPointError)  # told in one sentence, without a trace
ERROR, INTERRUPTED = 2, 130  # exit codes, as shells use them


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 after an error, 130 after Ctrl-C."""
    known = parser()
    arguments, settings = known.parse_known_args(argv)
    if settings:  # key=value after an option: argparse fills a list of words once only
        wrong = next((text for text in settings if text.startswith("-") or "=" not in text), None)
        if wrong is not None or not hasattr(arguments, "settings"):
            known.error(f"unrecognized arguments: {' '.join(settings)}")
        arguments.settings += settings
    try:
        COMMANDS[arguments.command].run(arguments)
    except distributed.Stopped:  # the process that failed tells why
        return ERROR
    except EXPECTED as error:
        print(f"fgcore {arguments.command}: {error}", file=sys.stderr)
        return ERROR
    except KeyboardInterrupt as error:
        print(f"\nfgcore {arguments.command}: {error or 'interrupted'}", file=sys.stderr)
        return INTERRUPTED
    return 0


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    known = argparse.ArgumentParser(
        prog="python -m fgcore", description="Train, evaluate and inspect fine-grained image classifiers."
    )
    commands = known.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add_arguments(commands.add_parser(name, help=command.run.__doc__, description=command.run.__doc__))
    return known


def console() -> None:
    """The command `fgcore`."""
    sys.exit(main())


if __name__ == "__main__":
    sys.exit(main())
