"""The table of predictions: a CSV with a row for each image and model, which a later run continues."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from fgcore.machine.files import write_atomically
from fgcore.prediction.predict import TOP, Model, Row
from fgcore.report.tables import Cell, csv_text, harmless

COLUMNS = (
    *("image", "checkpoint", "checkpoint_sha256"),
    *(f"rank{rank}_{what}" for rank in range(1, TOP + 1) for what in ("class", "probability")),
    *("known", "error"),
)
_ERROR = COLUMNS.index("error")
Key = tuple[str, str, str]  # image, checkpoint, sha256 of the checkpoint


def key(image: str, model: Model) -> Key:
    """What a row is found by."""
    return str(harmless(image)), str(harmless(model.name)), model.sha256


def text(rows: Iterable[Row]) -> str:
    """Rows as a whole CSV."""
    return csv_text(COLUMNS, map(_cells, rows))


def begin(path: Path) -> set[Key]:
    """Make the file ready for `append`, and tell which rows it has.

    A row that was cut short, as when the machine lost power, is taken away; so are those of images that could not be
    read, which are tried again.

    Raises:
        ValueError: a file that is no such table.
        OSError: it cannot be written.
    """
    rows = [row for row in _read(path) if not row[_ERROR]] if path.exists() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _lines([COLUMNS, *rows]).encode())
    return {(row[0], row[1], row[2]) for row in rows}


def append(path: Path, rows: Iterable[Row]) -> None:
    """Add rows to the file; they are in it when this returns."""
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(text(rows).partition("\n")[2])


def _cells(row: Row) -> list[Cell]:
    ranks = [cell for name, share in row.top for cell in (name, f"{share:.6f}")]
    ranks += [""] * (2 * TOP - len(ranks))
    known = "" if row.known is None else str(row.known).lower()
    return [row.image, row.model.name, row.model.sha256, *ranks, known, row.error]


def _lines(rows: Iterable[Iterable[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _read(path: Path) -> list[list[str]]:
    """The whole rows of a table."""
    if path.is_dir():
        raise ValueError(f"expected a CSV file at {path}, found a folder; name a file in it with --out")
    try:
        content = path.read_bytes().decode("utf-8-sig")
        head, *rows = [*csv.reader(io.StringIO(content, newline=""))] or [list(COLUMNS)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no table of predictions; name another file with --out") from error
    if tuple(head) != COLUMNS:
        raise ValueError(
            f"{path} has other columns than a table of predictions: expected {', '.join(COLUMNS[:4])} and so on, got "
            f"{', '.join(head[:4])[:200]}; name another file with --out"
        )
    if rows and (len(rows[-1]) != len(COLUMNS) or not content.endswith("\n")):
        rows.pop()
    for number, row in enumerate(rows, start=2):
        if len(row) != len(COLUMNS):
            raise ValueError(
                f"row {number} of {path} has {len(row)} values, expected {len(COLUMNS)}; mend or remove it, or name "
                "another file with --out"
            )
    return rows
