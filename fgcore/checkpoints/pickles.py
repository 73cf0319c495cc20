"""Files that torch.save wrote (.pth, .pt, .tar, .ckpt, .pth.tar, .bin): tensors and plain values, and never code."""

import io
import itertools
import math
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from fgcore.checkpoints.errors import CheckpointError
from fgcore.checkpoints.inert import Stream, Unpickler
from fgcore.checkpoints.pickle_records import Array, Inert, NumpyType, Storage, TensorRecord

PICKLES = (".pth", ".pt", ".tar", ".ckpt", ".bin")  # endings of torch's own files
MAX_BYTES = 2**30  # the authors' largest file is about 110 MB
MAX_DEPTH = 100  # containers within containers
MAX_MODULES = 20_000  # of a pickled model, which may hold one of its parts many times, or itself

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # at the start of torch's format before version 1.6
_PLACES = (  # where scripts keep the weights in their files, the likeliest first
    "state_dict", "model_state_dict", "model_state", "model_dict", "model", "net", "net_state_dict", "network",
    "weights", "params", "module", "backbone", "ema", "model_ema", "ema_state_dict", "state_dict_ema",
)  # fmt: skip
_PARTS = (("net", "metric"), ("features", "classifier"), ("backbone", "head"))  # of one network, saved side by side
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")  # of wrappers around a network
_WAY_OUT = "ask for a plain state_dict or .safetensors"
_STRANGERS = (  # what is found instead of weights: how it begins, what it is
    (rb"\s*<", "it is a web page; download the file itself"),
    (rb"version https://git-lfs", "it is a pointer of Git LFS; download the file itself"),
    (rb"\x89HDF", "it is an HDF5 file, as Keras writes them; ask for one that torch.save wrote"),
    (rb".{8}\{\"", "it is a .safetensors file by its content; give it that ending"),
)

Bytes = Callable[[Storage], bytearray]


def is_torch_file(path: Path) -> bool:
    """True where the ending of a file, or else its content, says that torch.save wrote it."""
    ending = path.suffix.lower()
    if ending in (*PICKLES, ".safetensors") or not path.is_file():
        return ending in PICKLES
    with path.open("rb") as file:
        start = file.read(4)
    return start.startswith(b"PK") or (start[:1], start[2:]) == (b"\x80", b"\x8a\x0a")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The weights in a file of torch's; see `read` and `state_dict_of`.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: no file of weights.
    """
    content = read(path)
    try:
        return state_dict_of(content)
    except CheckpointError as error:
        raise CheckpointError(f"{path.name} cannot be used: {error}") from error


def read(path: Path) -> Any:  # noqa: ANN401  (whatever plain value the file holds)
    """What a file of torch's holds, with nothing in it but tensors on the CPU and plain values.

    Numbers, texts, bytes, None, lists, tuples and dictionaries stay. NumPy's scalars become Python's numbers, its
    arrays tensors, sets lists. Objects of any class become a dictionary of their attributes, or None where there
    are none; so do classes and functions. A tensor of a kind that is not read here (sparse, quantised) becomes None.

    Nothing of the file is imported or called; files that ask for it (`os.system`) are refused. Memory stays within
    a small multiple of the file's size: at most `MAX_BYTES`; every tensor lies within what the file stores for it.

    Args:
        path: written by torch.save, zipped or in the format before torch 1.6.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: damaged, hostile, too large, nested more than `MAX_DEPTH` deep, or another kind of file.

    **Differs**: `torch.load(weights_only=True)` refuses NumPy's scalars, `argparse.Namespace` and every other class
    beside the weights. It is not called at all, so that one reader with one set of limits sees every file.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise FileNotFoundError(f"expected a file of weights at {path}, found {found}; check the path")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise CheckpointError(f"{path.name} takes {size} bytes, expected at most {MAX_BYTES}; save the weights alone")
    try:
        with path.open("rb") as file:
            start = file.read(64)
            file.seek(0)
            return (_zipped if start.startswith(b"PK") else _in_a_row)(file, size)
    except CheckpointError as error:
        raise CheckpointError(f"{path.name} cannot be used: {error}") from error
    except Exception as error:  # junk raises nearly anything, MemoryError and RecursionError among it
        stranger = next((words for begin, words in _STRANGERS if re.match(begin, start, re.DOTALL)), "")
        problem = stranger or f"it is not a file of plain tensors, or was cut short; {_WAY_OUT}"
        raise CheckpointError(f"{path.name} cannot be used: {problem}") from error


def state_dict_of(content: object) -> dict[str, Tensor]:
    """The weights in what a training script saved, by their names in the network.

    They are looked for in `content` and under the usual names in it, "state_dict" and "model" among them; a pickled
    model gives its parameters and buffers. What is no tensor is left out; prefixes of wrappers (`module.`,
    `_orig_mod.`, `model.`, `net.`, `network.`) that all names share are taken off. Parts that were saved side by side
    ("net" and "metric") keep the name of their part in front.

    Raises:
        CheckpointError: there are no named tensors.
    """
    listed = content[:100] if isinstance(content, list | tuple) else [content]
    searched: dict[int, dict[str, Tensor]] = {}
    state = next(filter(None, (_weights_in(item, searched) for item in listed)), {})
    if not state:
        if _is_module(content):
            raise CheckpointError("it holds a whole pickled model, expected a state_dict; save model.state_dict()")
        raise CheckpointError(f"expected a state_dict, that is, named tensors and nothing else; {_WAY_OUT}")
    while prefix := next((p for p in _PREFIXES if all(name.startswith(p) for name in state)), ""):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def _zipped(file: BinaryIO, size: int) -> object:
    """The format since torch 1.6: a zip file."""
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist()}
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > 1.5 * size + 2**20:
            raise CheckpointError(f"it would grow from {size} to {unpacked} bytes, as torch's own files never do")
        found = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(found) != 1:
            raise CheckpointError(f"it is a zip file, but not one that torch.save wrote; {_WAY_OUT}")
        folder = found[0].removesuffix("data.pkl")
        if f"{folder}constants.pkl" in members:
            raise CheckpointError("it is a TorchScript program, expected a state_dict; save model.state_dict()")
        if f"{folder}byteorder" in members and archive.read(f"{folder}byteorder") != b"little":
            raise CheckpointError(f"it was written on a big-endian machine; {_WAY_OUT}")
        stream = Stream(io.BytesIO(archive.read(found[0])), members[found[0]].file_size)
        content = Unpickler(stream).load()
        return _Plain(lambda storage: bytearray(archive.read(f"{folder}data/{storage.key}")), size).of(content)


def _in_a_row(file: BinaryIO, size: int) -> object:
    """The format before torch 1.6: pickles, then the memory of each storage behind its length."""
    stream = Stream(file, size)
    if Unpickler(stream).load() != _MAGIC or Unpickler(stream).load() != _PROTOCOL:
        raise ValueError("another format")
    if not Unpickler(stream).load()["little_endian"]:
        raise CheckpointError(f"it was written on a big-endian machine; {_WAY_OUT}")
    reader = Unpickler(stream)
    content = reader.load()
    places = {}
    for key in Unpickler(stream).load():
        length = int.from_bytes(stream.read(8), "little") * reader.storages[key].dtype.itemsize
        places[key] = (size - stream.left, length)
        stream.skip(length)

    def memory(storage: Storage) -> bytearray:
        start, length = places[storage.key]
        file.seek(start)
        return bytearray(file.read(length))

    return _Plain(memory, size).of(content)


class _Plain:
    """Records of a pickle as tensors and plain values; what occurs twice is the same value twice."""

    def __init__(self, memory: Bytes, size: int) -> None:
        self._memory = memory
        self._stored: dict[str, Tensor] = {}  # key -> all its bytes
        self._made: dict[int, Any] = {}  # of records, by their ids, which stay alive with the content
        self._allowance = 4 * size + 2**24  # bytes of all tensors, those that share memory too

    def of(self, value: object, depth: int = 0) -> object:
        """The plain value."""
        if value is None or isinstance(value, bool | int | float | str | bytes):
            return value
        if id(value) not in self._made:
            if depth > MAX_DEPTH:
                raise CheckpointError(f"it is nested more than {MAX_DEPTH} deep, as no model is; {_WAY_OUT}")
            self._made[id(value)] = None  # of a tuple or object within itself
            self._made[id(value)] = self._convert(value, depth + 1)
        return self._made[id(value)]

    def _convert(self, value: object, depth: int) -> object:
        if isinstance(value, dict):
            plain = self._made[id(value)] = {}
            plain.update((key, self.of(item, depth)) for key, item in value.items())
            return plain
        if isinstance(value, list):
            plain = self._made[id(value)] = []
            plain.extend(self.of(item, depth) for item in value)
            return plain
        if isinstance(value, tuple):
            return tuple(self.of(item, depth) for item in value)
        if isinstance(value, Inert):
            return self._object(value, depth)
        if isinstance(value, TensorRecord):
            return self._tensor(value)
        return self._numbers(value) if isinstance(value, Array) else None

    def _object(self, value: Inert, depth: int) -> object:
        parts = [self.of(part, depth) for part in (value.entries, *value.states) if part]
        if len(parts) < 2:
            return parts[0] if parts else None
        self._charge(100 * sum(map(len, parts)))
        return {name: item for part in parts for name, item in part.items()}

    def _tensor(self, record: TensorRecord) -> Tensor | None:
        storage = record.storage
        if not isinstance(storage, Storage):
            return None
        size, stride = tuple(record.size), tuple(record.stride)
        if not len(size) == len(stride) <= 64 or not all(
            isinstance(n, int) and n >= 0 for n in (*size, *stride, record.offset)
        ):
            raise ValueError("a tensor of impossible shape")
        dtype = record.dtype or storage.dtype
        if storage.key not in self._stored:
            content = self._memory(storage)
            self._stored[storage.key] = torch.frombuffer(content, dtype=torch.uint8) if content else torch.empty(0)
        stored = self._stored[storage.key]
        offset, length = storage.start + record.offset, len(stored) // dtype.itemsize
        elements = math.prod(size)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if elements and not (elements <= length and offset >= 0 and last < length):
            raise CheckpointError(f"it holds a tensor that is larger than its memory in the file; {_WAY_OUT}")
        if not elements:
            return torch.empty(size, dtype=dtype)
        self._charge(elements * dtype.itemsize)
        return stored[: length * dtype.itemsize].view(dtype).as_strided(size, stride, offset)

    def _numbers(self, array: Array) -> object:
        data = array.data.encode("latin-1") if isinstance(array.data, str) else array.data  # as Python 2 wrote them
        if not isinstance(array.dtype, NumpyType) or not isinstance(data, bytes):
            return None
        self._charge(len(data))
        dtype = np.dtype(array.dtype.code).newbyteorder(array.dtype.order.replace("|", "="))
        order = "F" if array.fortran else "C"
        values = np.frombuffer(data, dtype).reshape(tuple(array.shape), order=order)
        values = np.ascontiguousarray(values, dtype.newbyteorder("="))
        return values.item() if not array.shape else torch.from_numpy(values.copy())

    def _charge(self, size: int) -> None:
        self._allowance -= size
        if self._allowance < 0:
            raise CheckpointError(f"it holds far more in its tensors than in its bytes; {_WAY_OUT}")


def _weights_in(content: object, searched: dict[int, dict[str, Tensor]]) -> dict[str, Tensor]:
    """Named tensors in it; none where there are none.

    Args:
        content: a value that `read` returned, or one in it.
        searched: what was found in each dictionary by its id, since one may hold itself, or another many times.
    """
    if not isinstance(content, Mapping):
        return {}
    if id(content) not in searched:
        searched[id(content)] = {}
        searched[id(content)] = _found_in(content, searched)
    return searched[id(content)]


def _found_in(content: Mapping[object, object], searched: dict[int, dict[str, Tensor]]) -> dict[str, Tensor]:
    if _is_module(content):
        return dict(_of_module(content, "", itertools.count()))
    for parts in _PARTS:
        found = {part: _weights_in(content.get(part), searched) for part in parts}
        if all(found.values()):
            return {f"{part}.{name}": tensor for part, state in found.items() for name, tensor in state.items()}
    for place in _PLACES:
        if state := _weights_in(content.get(place), searched):
            return state
    return {name: tensor for name, tensor in content.items() if isinstance(name, str) and isinstance(tensor, Tensor)}


def _is_module(content: object) -> bool:
    return isinstance(content, Mapping) and {"_modules", "_parameters"} <= content.keys()


def _of_module(module: Mapping[str, Any], prefix: str, visits: Iterator[int]) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers of a pickled `nn.Module` and of those in it, as its state_dict would name them."""
    if next(visits) > MAX_MODULES:
        raise CheckpointError(f"it holds more than {MAX_MODULES} modules, as no model does; {_WAY_OUT}")
    passing = module.get("_non_persistent_buffers_set") or ()
    for group in ("_parameters", "_buffers"):
        for name, tensor in (module.get(group) or {}).items():
            if isinstance(tensor, Tensor) and name not in passing:
                yield f"{prefix}{name}", tensor
    for name, child in (module.get("_modules") or {}).items():
        if _is_module(child):
            yield from _of_module(child, f"{prefix}{name}.", visits)
