"""What several commands read and print: key=value settings and tables."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def settings(texts: Sequence[str]) -> dict[str, str]:
    """key=value texts as a dictionary.

    Raises:
        ValueError: a text without key or equals sign.
    """
    pairs = [text.partition("=") for text in texts]
    for text, (key, equals, _) in zip(texts, pairs, strict=True):
        if not key or not equals:
            raise ValueError(f"expected a setting as key=value, got {text!r}")
    return {key: value for key, _, value in pairs}


def without_folder(setting: str) -> str:
    """A key=value setting fit for a checkpoint that others read: folders of this machine become DIR."""
    key, _, value = setting.partition("=")
    path = Path(value)
    return f"{key}={Path('DIR') / path.name if path.is_file() else 'DIR'}" if len(path.parts) > 1 else setting


def table(frame: pd.DataFrame) -> str:
    """A table to print, its numbers with two decimals."""
    return frame.to_string(float_format=lambda value: f"{value:.2f}")


def path(text: str) -> Path:
    """A path of the command line; ~ is the home folder, also where the shell left it."""
    return Path(text).expanduser()
