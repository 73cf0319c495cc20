"""Damaged and hostile files: images, zip files, checkpoints, torch's files and data folders, each changed at random.

Every file is either read, or refused in one sentence that names it; nothing crashes, hangs or runs code from it. Read
`python -m benchmarks fuzz` as: so many of each kind, by a seed. A file that breaks the rule is kept beside the result.
"""

import io
import json
import pickle
import random
import shutil
import signal
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from fgcore.checkpoints import checkpoint, official
from fgcore.config import DataConfig, Experiment, ModelConfig
from fgcore.data import datasets
from fgcore.data.archives import unpack
from fgcore.data.images import decode_image
from fgcore.methods import build_model
from fgcore.methods.ap.settings import APSettings

SECONDS = 20  # for one file
LONGEST = 1200  # characters of a sentence, names in it included
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)
_PER_KIND = 200
_FAILURES = Path(__file__).with_name("results") / "fuzz-failures"


class CodeRan(BaseException):
    """A file got code to run: no `except Exception` hides it."""


def tripped() -> None:
    """What hostile pickles call."""
    raise CodeRan


class Bomb:
    """A pickle of it calls `tripped`."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple]:
        return tripped, ()


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one to eight changes: bits flipped, parts cut, doubled, moved, overwritten, or the end lost."""
    new = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        if not new:
            break
        at, length = rng.randrange(len(new)), min(rng.choice((1, 2, 4, 16, 256)), len(new))
        kind = rng.randrange(7)
        if kind == 0:
            new[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            new[at] = rng.choice(_INTERESTING)
        elif kind == 2:
            del new[at : at + length]
        elif kind == 3:
            new[at:at] = new[at : at + length]
        elif kind == 4:
            new[at : at + length] = bytes(rng.choice(_INTERESTING) for _ in range(length))
        elif kind == 5:
            other = rng.randrange(len(new))
            new[at : at + length] = new[other : other + length]
        else:
            del new[at:]
    return bytes(new)


def _images() -> Iterator[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind)
        yield file.getvalue()


def _zips() -> Iterator[bytes]:
    image = next(_images())
    for names in (
        [f"{part}/{name}/{n}.png" for part in ("train", "test") for name in ("wren", "tit") for n in range(2)],
        [f"birds/{name}/{n}.png" for name in ("wren", "tit", "../crow", "C:\\x\\y") for n in range(3)],
    ):
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", method) as archive:
                for name in names:
                    archive.writestr(name, image)
            yield file.getvalue()


def _model() -> tuple[ModelConfig, torch.nn.Module]:
    config = ModelConfig("ap", "resnet18", num_classes=3, hidden=8, settings=APSettings(pyramid_channels=16))
    return config, build_model(config)


def _checkpoints() -> Iterator[bytes]:
    config, model = _model()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        checkpoint.save(path, model, Experiment(model=config), ("a", "b", "c"), {"epoch": 1}, {"command": "x"})
        whole = path.read_bytes()
    yield whole
    length = int.from_bytes(whole[:8], "little")
    yield whole[: 8 + length] + whole[8 + length :][: 1 << 16]  # nearly all changes hit the header


def _torch_files() -> Iterator[bytes]:
    state = {"trunk.conv1.weight": torch.ones(4, 3, 3, 3), "fc.bias": torch.zeros(3)}
    for value in (state, {"state_dict": state, "epoch": 3}, {"state_dict": state, "bomb": Bomb()}):
        for old in (False, True):
            file = io.BytesIO()
            torch.save(value, file, _use_new_zipfile_serialization=not old)
            yield file.getvalue()
    yield pickle.dumps({"state_dict": Bomb()})


_CUB = {
    "images.txt": "".join(f"{n + 1} {n // 2 + 1:03d}.Bird_{n // 2}/{n}.png\n" for n in range(8)),
    "image_class_labels.txt": "".join(f"{n + 1} {n // 2 + 1}\n" for n in range(8)),
    "train_test_split.txt": "".join(f"{n + 1} {n % 2}\n" for n in range(8)),
    "bounding_boxes.txt": "".join(f"{n + 1} 4.0 4.0 20.0 20.0\n" for n in range(8)),
    "classes.txt": "".join(f"{n + 1} {n + 1:03d}.Bird_{n}\n" for n in range(4)),
    "parts/parts.txt": "1 back\n2 beak\n",
    "parts/part_locs.txt": "".join(f"{n + 1} {part} 9.0 9.0 1\n" for n in range(8) for part in (1, 2)),
}


def _tables() -> Iterator[bytes]:
    yield from (json.dumps([name, text]).encode() for name, text in _CUB.items())


def _read_image(data: bytes, folder: Path) -> Any:  # noqa: ANN401
    return decode_image(data)


def _read_zip(data: bytes, folder: Path) -> Any:  # noqa: ANN401
    outside = {path for path in folder.parent.rglob("*") if not path.is_relative_to(folder)}
    try:
        return unpack(io.BytesIO(data), folder / "unpacked")
    finally:
        if {path for path in folder.parent.rglob("*") if not path.is_relative_to(folder)} - outside:
            raise AssertionError("it wrote outside its folder")


def _read_checkpoint(data: bytes, folder: Path) -> Any:  # noqa: ANN401
    (folder / "file.safetensors").write_bytes(data)
    return checkpoint.load(folder / "file.safetensors")


def _read_torch_file(data: bytes, folder: Path) -> Any:  # noqa: ANN401
    (folder / "file.pth").write_bytes(data)
    return official.load_any(folder / "file.pth")


def _read_table(data: bytes, folder: Path) -> Any:  # noqa: ANN401
    """A CUB folder one of whose tables is the file; the name is what the seed says, and is left whole."""
    name, sign, content = data.partition(b"\n")
    for table, text in _CUB.items():
        (folder / table).parent.mkdir(exist_ok=True)
        (folder / table).write_bytes(content if sign and table.encode() == name else text.encode())
    image = next(_images())
    for number in range(8):
        path = folder / "images" / f"{number // 2 + 1:03d}.Bird_{number // 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    return datasets.load(DataConfig("cub", str(folder), resize=32, crop=32), cache_images=False)


def _changed_table(data: bytes, rng: random.Random) -> bytes:
    name, text = json.loads(data)
    return name.encode() + b"\n" + mutated(text.encode(), rng)


Change = Callable[[bytes, random.Random], bytes]
KINDS: dict[str, tuple[Callable[[], Iterator[bytes]], Change, Callable[[bytes, Path], Any]]] = {
    "images": (_images, mutated, _read_image),
    "zip files": (_zips, mutated, _read_zip),
    "checkpoints": (_checkpoints, mutated, _read_checkpoint),
    "torch's files": (_torch_files, mutated, _read_torch_file),
    "tables of CUB": (_tables, _changed_table, _read_table),
}


def files(kind: str, count: int, seed: int) -> Iterator[bytes]:
    """So many changed files of a kind, a function of the seed."""
    seeds, change, _ = KINDS[kind]
    whole, rng = list(seeds()), random.Random(f"{kind} {seed}")
    for number in range(count):
        yield change(whole[number % len(whole)], rng)


def outcome(kind: str, data: bytes) -> str:
    """What became of a file: "read", "refused", or else what is wrong with how it was treated."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    with tempfile.TemporaryDirectory() as outer, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(outer) / "folder"
        folder.mkdir()
        try:
            KINDS[kind][2](data, folder)
        except (ValueError, OSError) as error:
            text = str(error)
            plain = text.strip() and "\n" not in text and len(text) <= LONGEST and outer not in text
            return "refused" if plain else f"no plain sentence: {type(error).__name__}: {text[:300]!r}"
        except (Exception, CodeRan) as error:
            return f"{type(error).__name__}: {str(error)[:300]!r}"
        finally:
            signal.alarm(0)
    return "read"


def _too_long(number: int, frame: object) -> None:
    raise RuntimeError(f"took longer than {SECONDS} seconds")


def measure(device: torch.device, repeats: int) -> list[dict]:
    """All rows of this part; device and repeats mean nothing here."""
    shutil.rmtree(_FAILURES, ignore_errors=True)
    rows = []
    for kind in KINDS:
        began, counts, wrong = time.perf_counter(), Counter(), []
        for number, data in enumerate(files(kind, _PER_KIND, 0)):
            said = outcome(kind, data)
            counts[said if said in ("read", "refused") else "wrong"] += 1
            if said not in ("read", "refused"):
                wrong.append(f"{number}: {said}")
                _FAILURES.mkdir(parents=True, exist_ok=True)
                (_FAILURES / f"{kind.split()[0]}-{number}").write_bytes(data)
        seconds = round(time.perf_counter() - began, 1)
        rows.append(
            {
                "what": f"Damaged {kind}: crashes, hangs, code run, or more than a sentence",
                "count": counts["wrong"],
                "meaning": f"of {_PER_KIND}; {counts['read']} read, {counts['refused']} refused, {seconds} s",
                "why": wrong,
            }
        )
    return rows
