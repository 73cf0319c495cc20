"""The commands of `python -m fgcore`, one a module: `add_arguments` says what it takes, `run` does it and prints."""
