"""The command `analyse`: tables of where checkpoints look, made by one process or many."""

import argparse
import dataclasses
import os
import shlex
import sys

from tqdm import tqdm

from fgcore.commands import texts
from fgcore.config import DATASETS
from fgcore.evaluation import store
from fgcore.evaluation.chunk import Settings
from fgcore.evaluation.run import Share, analyse
from fgcore.machine import distributed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--checkpoint", dest="checkpoints", action="append", type=texts.path, required=True, help="repeatable"
    )
    parser.add_argument("--data", action="append", default=[], metavar="SET", help="or key=value, such as root=DIR")
    parser.add_argument("--out", type=texts.path, required=True, help="its folder; goes on where it stopped")
    parser.add_argument("--faithfulness", type=_count, help="images with deletion and insertion curves, or all")
    for field in dataclasses.fields(Settings):
        if field.name != "faithfulness":
            parser.add_argument(f"--{field.name}", type=type(field.default), help=f"default {field.default}")
    parser.add_argument("--device", default="")
    parser.set_defaults(**dataclasses.asdict(Settings()))


def _count(text: str) -> int:
    """A number, or -1 for "all"."""
    return -1 if text == "all" else int(text)


def run(arguments: argparse.Namespace) -> None:
    """Measure where checkpoints look, on every image of a data set; after `torchrun -m`, or as RANK of WORLD_SIZE."""
    settings = Settings(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(Settings)})
    data = dict(pair for text in arguments.data for pair in texts.settings([_named_set(text)]).items())
    rank, processes = (int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1)))
    with tqdm(desc="analyse", unit="image", leave=False, disable=None if rank == 0 else True) as bar:
        written = analyse(
            arguments.checkpoints,
            arguments.out,
            settings,
            data=data,
            share=Share(rank, processes),
            device=distributed.pick_device(arguments.device),
            command=shlex.join(["python", "-m", "fgcore", *(texts.without_folder(text) for text in sys.argv[1:])]),
            on_chunk=lambda done, total: _advance(bar, done, total),
        )
    if not written:
        print(f"process {rank} is done; the last of {processes} writes the tables")
        return
    print(texts.table(store.read(arguments.out).summary.set_index(["model", "map", "measure"])))
    print(f"done: {arguments.out}/summary.csv, {arguments.out}/classes.csv, {arguments.out}/images.parquet")


def _named_set(text: str) -> str:
    """A data set's name alone as the setting it stands for."""
    return f"dataset={text}" if text in DATASETS else text


def _advance(bar: tqdm, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)
