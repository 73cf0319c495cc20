"""What stands for the objects of a pickle: records, and which calls in it are taken to give one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch

_NUMPY_TYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248])")


class Reader(Protocol):
    """What a maker needs of `fgcore.checkpoints.inert.Unpickler`."""

    def made(self, what: object, args: object) -> object:
        """The record of a call."""

    def put(self, target: object, items: list) -> None:
        """Fill a dictionary."""

    def charge(self, size: int) -> None:
        """Count bytes."""


@dataclass(frozen=True)
class Global:
    """A class or function that the file names."""

    module: str
    name: str

    @property
    def path(self) -> str:
        """Such as "collections.OrderedDict"."""
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Inert:
    """What would have been an object of any class; its constructor's arguments are gone."""

    states: list[dict] = field(default_factory=list)
    entries: dict = field(default_factory=dict)  # of a kind of dictionary


@dataclass(frozen=True, eq=False, slots=True)
class Storage:
    """The memory behind tensors, not read yet."""

    key: str
    dtype: torch.dtype
    start: int  # its first element, in elements of the stored memory


@dataclass(frozen=True, eq=False, slots=True)
class TensorRecord:
    """A view of a `Storage`, of anything that a file may claim."""

    storage: object
    offset: object
    size: object
    stride: object
    dtype: torch.dtype | None = None  # None: the storage's


@dataclass(eq=False, slots=True)
class NumpyType:
    """A plain number type of NumPy."""

    code: str  # "f8"
    order: str = "="


@dataclass(eq=False, slots=True)
class Array:
    """A NumPy array; a scalar has no shape."""

    shape: object = None
    dtype: object = None
    fortran: object = False
    data: object = None


def _mapping(reader: Reader, pairs: object = (), *_: object) -> dict:
    entries: dict = {}
    if isinstance(pairs, list | tuple):
        reader.charge(100 * len(pairs))
        for key, value in pairs:
            reader.put(entries, [key, value])
    elif isinstance(pairs, dict):
        reader.charge(100 * len(pairs))
        entries.update(pairs)
    return entries


def _default_mapping(reader: Reader, _: object = None, pairs: object = (), *__: object) -> dict:
    return _mapping(reader, pairs)


def _tensor(_: Reader, storage: object, offset: object, size: object, stride: object, *__: object) -> TensorRecord:
    return TensorRecord(storage, offset, size, stride)


def _tensor_v3(_: Reader, storage: object, offset: object, size: object, stride: object, *rest: object) -> TensorRecord:
    dtype = getattr(torch, rest[2].name, None) if isinstance(rest[2], Global) else None
    return TensorRecord(storage, offset, size, stride, dtype if isinstance(dtype, torch.dtype) else None)


def _first(_: Reader, value: object, *__: object) -> object:
    return value


def _by_type(reader: Reader, function: object, _: object, args: object, *__: object) -> object:
    return reader.made(function, args)


def _encoded(reader: Reader, text: str, *_: object) -> bytes:
    reader.charge(len(text))
    return text.encode("latin-1")


def _number_type(_: Reader, code: object, *__: object) -> NumpyType | Inert:
    return NumpyType(code) if isinstance(code, str) and _NUMPY_TYPE.fullmatch(code) else Inert()


MAKERS: dict[str, Callable[..., object]] = {
    "collections.OrderedDict": _mapping,
    "collections.Counter": _mapping,
    "collections.defaultdict": _default_mapping,
    "builtins.dict": _mapping,
    "builtins.set": lambda _, items=(), *__: items if isinstance(items, list) else [],
    "builtins.frozenset": lambda _, items=(), *__: items if isinstance(items, list) else [],
    "torch.Size": _first,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._utils._rebuild_device_tensor_from_numpy": _first,
    "torch._tensor._rebuild_from_type_v2": _by_type,
    "_codecs.encode": _encoded,
    "numpy.dtype": _number_type,
}
for _module in ("numpy.core", "numpy._core"):
    MAKERS[f"{_module}.multiarray.scalar"] = lambda _, dtype, data=b"": Array((), dtype, False, data)
    MAKERS[f"{_module}.multiarray._reconstruct"] = lambda *_: Array()
    MAKERS[f"{_module}.numeric._frombuffer"] = lambda _, data, dtype, shape, o: Array(shape, dtype, o == "F", data)
