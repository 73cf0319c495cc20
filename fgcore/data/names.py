"""Names as people have them: what is cleaned, what becomes a class name, and which class names are refused."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

MAX_NAME = 200  # characters of a class name

_INVISIBLE = dict.fromkeys(  # marks that programs leave in names; joiners stay, since emoji and scripts need them
    (0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)
_NUMBERED = re.compile(r"\d{3}\.(?=\S)", re.ASCII)  # CUB's "002.Laysan_Albatross"
_UNWRITABLE = {"Cc": "control characters", "Cs": "bytes that are no text", "Zl": "line breaks", "Zp": "line breaks"}


def check_class_names(names: Any) -> None:  # noqa: ANN401  (any JSON value of a checkpoint)
    """The one rule for the names of classes: whatever data set passes it, its checkpoints can be read again.

    Spaces of every kind, joined emoji and characters that this Python does not know yet are names like others.

    Args:
        names: a list or tuple of names, in the order of the classes.

    Raises:
        ValueError: no sequence of texts; a name that is empty, blank, longer than `MAX_NAME` or with control
            characters, line breaks or bytes that are no text in it; two names that are equal.
    """
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"class names should be a list of texts, got {type(names).__name__}; name every class")
    seen: set[str] = set()
    for name in names:
        problem = _problem(name) or ("the name of another class too" if name in seen else "")
        if problem:
            raise ValueError(f"every class needs a name of its own that can be written, but {name[:40]!a} is {problem}")
        seen.add(name)


def _problem(name: str) -> str:
    """What is wrong with a class name, as the end of a sentence; "" for nothing."""
    if len(name) > MAX_NAME:
        return f"{len(name)} characters long, expected at most {MAX_NAME}; shorten it"
    if not name.translate(_INVISIBLE).strip():
        return "blank; give it letters"
    kinds = {unicodedata.category(character) for character in name} & _UNWRITABLE.keys()
    return f"one with {_UNWRITABLE[min(kinds)]} in it; rename it" if kinds else ""


def is_text(name: str) -> bool:
    """False for a name with bytes in it that are no UTF-8, as the system hands it out."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def clean(name: str) -> str:
    r"""One name of a path, of a file or folder, as everything else here uses it.

    The composed form of its characters (a Mac stores "é" as two), no marks that nobody sees, no control characters
    (a Mac's "Icon" ends with one), no space around it. Bytes that are no UTF-8 are read as Western letters where all
    of them are letters there, and are written as \xNN otherwise.
    """
    if name.isascii() and name.isprintable():
        return name.strip()
    if not is_text(name):
        name = _western(name)
    name = unicodedata.normalize("NFC", name.translate(_INVISIBLE))
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in name).strip()


def _western(name: str) -> str:
    """A name whose bytes are no UTF-8, as `os.fsdecode` hands it out."""
    try:
        data = name.encode("utf-8", "surrogateescape")
    except UnicodeError:  # half a character, as Windows allows
        return name.encode("utf-8", "backslashreplace").decode()
    text = data.decode("cp1252", errors="replace")
    plausible = all(letter.isascii() or letter.isalpha() for letter in text)
    return text if plausible else data.decode("utf-8", "backslashreplace")


def class_names(folders: Sequence[str]) -> tuple[str, ...]:
    """The names of class folders as names of classes: as they are, and only CUB's numbers go.

    "002.Laysan_Albatross" becomes "Laysan Albatross" where every folder is called so and no two become equal;
    "1.4T" stays "1.4T".
    """
    if not all(_NUMBERED.match(name) for name in folders):
        return tuple(folders)
    without = [_NUMBERED.sub("", name).replace("_", " ").strip() for name in folders]
    return tuple(without if len(set(without)) == len(without) and all(without) else folders)


def in_order(folders: set[str]) -> list[str]:
    """Class folders in the order of the classes: by number where all are numbers, as text otherwise."""
    numbers = all(re.fullmatch(r"\d{1,9}", name, re.ASCII) for name in folders)
    return sorted(folders, key=lambda name: (int(name), name)) if numbers else sorted(folders)
