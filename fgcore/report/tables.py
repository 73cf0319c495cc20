"""Numbers of explanations as CSV, one line per number, for spreadsheets and data frames."""

import csv
import io
from collections.abc import Iterable, Sequence

from fgcore.records import Explanation, Prediction

Cell = str | int | float


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table as CSV; no spreadsheet takes a stranger's text for a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return file.getvalue()


def harmless(cell: Cell) -> Cell:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) else cell


def opinions(explanation: Explanation) -> list[Prediction]:
    """Every prediction that an explanation holds: the final one, then those of the method's detail."""
    return [explanation.prediction, *explanation.detail.predictions()]


def predictions(models: Iterable[tuple[str, Explanation]]) -> str:
    """The probability that each model, stage and head gives to each class, as CSV; the most probable class first.

    Args:
        models: what to call a model, and what it shows.
    """
    head = ("model", "checkpoint", "sha256", "opinion", "rank", "class", "probability")
    return csv_text(head, (row for label, shown in models for row in _rows(label, shown)))


def _rows(label: str, shown: Explanation) -> Iterable[Sequence[Cell]]:
    start = (label, shown.origin.get("checkpoint", ""), shown.origin.get("sha256", ""))
    for opinion in opinions(shown):
        for rank, (index, probability) in enumerate(opinion.top(len(shown.class_names)), start=1):
            yield *start, opinion.name, rank, shown.class_names[index], round(probability, 6)
