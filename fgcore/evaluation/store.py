"""The folder of an analysis: what it is of, the rows done so far, and in the end its tables.

    analysis.json                     models, data, settings, class names: what the rows are a function of
    chunks/00003.maps.parquet         rows of the fourth chunk; written before ...
    chunks/00003.images.parquet       ... this one, whose being there says that the chunk is done
    images.parquet, maps.parquet      all rows, once every chunk is done
    summary.csv, classes.csv          means with intervals, per model and per class
    summary.json                      the same with where they come from

Several processes may write into one folder: each chunk belongs to one of them, and every file is whole or absent.
"""

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fgcore.machine.files import write_atomically

ABOUT, TABLES = "analysis.json", ("images", "maps")


@dataclass(frozen=True)
class Analysis:
    """A finished analysis, read back."""

    folder: Path
    about: dict[str, Any]  # of analysis.json
    images: pd.DataFrame  # a row per model and image; see `measures.image_row`
    maps: pd.DataFrame  # a row per model, image and map; see `measures.map_rows`
    summary: pd.DataFrame  # see `summary.by_model`
    classes: pd.DataFrame  # see `summary.by_class`


def read(folder: Path) -> Analysis:
    """A finished analysis.

    Raises:
        FileNotFoundError: there is none, or it is not finished; says so.
        ValueError: a file that is no analysis of this program.
    """
    missing = [
        name for name in (ABOUT, "images.parquet", "maps.parquet", "summary.csv") if not (folder / name).is_file()
    ]
    if missing:
        raise FileNotFoundError(
            f"expected a finished analysis in {folder}, but {missing[0]} is not there; run `python -m fgcore analyse` "
            f"with --out {folder}, which goes on where it stopped"
        )
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        images, maps = (pd.read_parquet(folder / f"{name}.parquet") for name in TABLES)
        summary, classes = (pd.read_csv(folder / name, keep_default_na=True) for name in ("summary.csv", "classes.csv"))
        complete = {"models", "data", "images", "settings", "class_names"} <= set(about)
    except (ValueError, OSError, TypeError) as error:
        raise ValueError(f"{folder} holds no analysis that can be read ({error}); make it again") from error
    if not complete:
        raise ValueError(f"{folder / ABOUT} does not describe an analysis; make it again")
    return Analysis(folder, about, images, maps, summary.fillna({"against": ""}), classes)


def begin(folder: Path, about: dict[str, Any]) -> None:
    """Write what the analysis is of, or check that what is there is of the same.

    Raises:
        ValueError: the folder holds rows of another analysis.
        OSError: the folder cannot be written.
    """
    (folder / "chunks").mkdir(parents=True, exist_ok=True)
    path = folder / ABOUT
    if path.is_file():
        there = json.loads(path.read_text(encoding="utf-8"))
        same = json.loads(json.dumps(about))
        different = [key for key in about if key != "origin" and there.get(key) != same[key]]
        if different:
            raise ValueError(
                f"{folder} holds an analysis with other {' and '.join(different)}; choose another folder with --out"
            )
        return
    put(path, (json.dumps(about, indent=2, allow_nan=False) + "\n").encode())


def put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, also while other processes write the same one."""
    own = path.with_name(f".{path.name}.{os.getpid()}")
    write_atomically(own, data)
    own.replace(path)


def put_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as parquet. See `put`."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    put(path, buffer.getvalue())


def chunk_path(folder: Path, number: int, table: str) -> Path:
    """Where a chunk's rows lie."""
    return folder / "chunks" / f"{number:05d}.{table}.parquet"


def put_chunk(folder: Path, number: int, images: pd.DataFrame, maps: pd.DataFrame) -> None:
    """Write a chunk's rows; the table of images comes last, see `is_done`."""
    put_table(chunk_path(folder, number, "maps"), maps)
    put_table(chunk_path(folder, number, "images"), images)


def is_finished(folder: Path) -> bool:
    """Whether the tables are written; the summary comes last."""
    return (folder / "summary.csv").is_file()


def progress(folder: Path) -> tuple[int, int] | None:
    """Chunks done and chunks in all; None where nothing says what the analysis is of."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        chunks = -(-about["images"] // about["settings"]["chunk"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (chunks if is_finished(folder) else sum(is_done(folder, number) for number in range(chunks))), chunks


def is_done(folder: Path, number: int) -> bool:
    """Whether a chunk's rows are all there."""
    return chunk_path(folder, number, "images").is_file()


def merged(folder: Path, chunks: int, table: str, order: dict[str, list[str]]) -> pd.DataFrame:
    """All rows of a table, sorted.

    Args:
        folder: of the analysis.
        chunks: how many there are.
        table: one of `TABLES`.
        order: column -> its values in order, to sort by; other keys: "index".
    """
    parts = [pd.read_parquet(chunk_path(folder, number, table)) for number in range(chunks)]
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    keys = [rows[column].map({value: place for place, value in enumerate(known)}) for column, known in order.items()]
    sort = pd.concat([*keys, rows["index"]], axis=1, keys=[*order, "index"])
    columns = ["model", "index", *(column for column in order if column not in ("model", "index"))]
    by = [column for column in ("model", "index", "map") if column in sort]
    rows = rows.loc[sort.sort_values(by, kind="stable").index].reset_index(drop=True)
    return rows[[*columns, *(column for column in rows if column not in columns)]]
