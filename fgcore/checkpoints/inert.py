"""Pickles read as records: nothing that a file names is imported, nothing that it would call is called."""

import io
import pickle
import struct
from collections.abc import Callable
from typing import BinaryIO, ClassVar

import torch

from fgcore.checkpoints.errors import CheckpointError
from fgcore.checkpoints.pickle_records import MAKERS, Array, Global, Inert, NumpyType, Storage

MAX_STEPS = 1_000_000  # readings of the stream, one or two for each of a pickle's instructions
_MAX_LINE, _MAX_NAME, _MAX_ARGUMENTS = 2**20, 300, 20
_DTYPES = {  # torch's storages by name
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexDoubleStorage": torch.complex128,
    "ComplexFloatStorage": torch.complex64,
    "UntypedStorage": torch.uint8,
}
_TODAY = {"__builtin__": "builtins", "copy_reg": "copyreg"}  # modules as Python 2 called them
_HOSTILE = frozenset((  # what no file of weights has a use for: refused, although nothing of it would run
    "os", "posix", "nt", "sys", "subprocess", "shutil", "socket", "runpy", "importlib", "imp", "ctypes", "pty", "code",
    "commands", "webbrowser", "pip", "pdb", "bdb", "timeit", "pickle", "_pickle", "marshal", "multiprocessing",
    "builtins.eval", "builtins.exec", "builtins.execfile", "builtins.compile", "builtins.open", "builtins.input",
    "builtins.__import__",
))  # fmt: skip


class Stream:
    """A file, from where it is, that is read for at most `MAX_STEPS` times and never past its end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.left, self.steps = file, size, 0

    def read(self, count: int) -> bytes:
        """Exactly so many bytes."""
        self.steps += 1
        if self.steps > MAX_STEPS or not 0 <= count <= self.left:
            raise EOFError("too many steps, or past the end")
        self.left -= count
        return self.file.read(count)

    def skip(self, count: int) -> None:
        """Go past so many bytes."""
        if not 0 <= count <= self.left:
            raise EOFError("past the end")
        self.left -= count
        self.file.seek(count, io.SEEK_CUR)

    def readline(self) -> bytes:
        """One line with its end."""
        line = self.file.readline(min(self.left, _MAX_LINE))
        self.steps += 1
        self.left -= len(line)
        if self.steps > MAX_STEPS or not line.endswith(b"\n"):
            raise EOFError("too many steps, or a line without an end")
        return line


class Unpickler(pickle._Unpickler):
    """Python's own reader in Python, with nothing on its stack that could be called.

    Every global becomes a `Global`, every object an `Inert`, tensors become `TensorRecord`s; sets become lists, and
    entries of dictionaries whose keys are no plain values are dropped. The instructions that build objects are
    replaced; one that was forgotten would fail, since a `Global` is not callable.

    The reader in C would allocate gigabytes for one instruction of six bytes.
    """

    dispatch: ClassVar[dict[int, Callable]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, stream: Stream) -> None:
        """Read from a stream; see `load`."""
        super().__init__(stream, encoding="latin-1")
        self.storages: dict[str, Storage] = {}
        self._allowance = stream.left + 2**24  # bytes that functions may allocate

    def find_class(self, module: str, name: str) -> Global:
        """The name of a class or function; nothing is imported."""
        if len(module) + len(name) > _MAX_NAME:
            raise pickle.UnpicklingError("no name of a class")
        found = Global(_TODAY.get(module, module), name)
        if found.module.partition(".")[0] in _HOSTILE or found.path in _HOSTILE:
            shown = ascii(found.path[:60])[1:-1]
            raise CheckpointError(f"it would run code ({shown}); ask for a plain state_dict or .safetensors")
        return found

    def get_extension(self, code: int) -> None:
        """Numbers for classes that programs agreed on: none of ours."""
        raise pickle.UnpicklingError(f"extension {code}")

    def persistent_load(self, pid: object) -> object:
        """The storage, or in older files the class, that a persistent id stands for."""
        if not isinstance(pid, tuple) or len(pid) < 2:
            raise pickle.UnpicklingError("no storage")
        if pid[0] == "module":
            return pid[1]
        _, kind, key, _, _, *view = pid
        dtype = _DTYPES.get(kind.name) if isinstance(kind, Global) else None
        if pid[0] != "storage" or dtype is None or not isinstance(key, str):
            raise pickle.UnpicklingError("no storage")
        self.storages.setdefault(key, Storage(key, dtype, 0))
        return Storage(key, dtype, int(view[0][1]) if view and view[0] else 0)

    def made(self, what: object, args: object) -> object:
        """What calling `what` is taken to give: a record of one of the known kinds, or an `Inert`."""
        maker = MAKERS.get(what.path) if isinstance(what, Global) else None
        usual = isinstance(args, tuple | list) and len(args) <= _MAX_ARGUMENTS
        return maker(self, *args) if maker and usual else Inert()

    def charge(self, size: int) -> None:
        """Count what a function allocates: repeated, one small instruction could fill the memory."""
        self._allowance -= size
        if self._allowance < 0:
            raise MemoryError("more than the file can justify")

    def put(self, target: object, items: list) -> None:
        """Keys and values, one after the other, into a dictionary."""
        entries = target.entries if isinstance(target, Inert) else target
        for key, value in zip(items[::2], items[1::2], strict=True):
            if _is_key(key) and isinstance(entries, dict):
                entries[key] = value

    def _reduce(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self.made(self.stack[-1], args)

    def _new(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self.made(self.stack[-1], args)

    def _new_ex(self) -> None:
        self.stack.pop()
        self._new()

    def _obj(self) -> None:
        what, *args = self.pop_mark()
        self.append(self.made(what, args))

    def _inst(self) -> None:
        module, name = (self.readline()[:-1].decode() for _ in range(2))
        self.append(self.made(self.find_class(module, name), self.pop_mark()))

    def _build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Inert):  # without copying: a state may be given to many objects
            parts = state if isinstance(state, tuple) else (state,)
            target.states += [part for part in parts[:2] if isinstance(part, dict)]
        elif isinstance(target, Array) and isinstance(state, tuple) and len(state) == 5:
            _, target.shape, target.dtype, target.fortran, target.data = state
        elif isinstance(target, NumpyType) and isinstance(state, tuple) and isinstance(state[1], str):
            target.order = state[1]

    def _put(self) -> None:
        place = int(self.readline())
        if not 0 <= place < 2**32:  # larger ones can be chosen so that all of them collide
            raise pickle.UnpicklingError(f"place {place}")
        self.memo[place] = self.stack[-1]

    def _append(self) -> None:
        value = self.stack.pop()
        if isinstance(self.stack[-1], list):
            self.stack[-1].append(value)

    def _appends(self) -> None:
        items = self.pop_mark()
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.put(self.stack[-1], [key, value])

    def _set_items(self) -> None:
        items = self.pop_mark()
        self.put(self.stack[-1], items)

    def _dict(self) -> None:
        entries: dict = {}
        self.put(entries, self.pop_mark())
        self.append(entries)

    def _list_of_marked(self) -> None:
        self.append(self.pop_mark())

    def _empty_list(self) -> None:
        self.append([])

    def _frame(self) -> None:
        self.read(8)  # a hint for faster reading: what follows is read step by step all the same

    def _byte_array(self) -> None:
        self.append(self.read(struct.unpack("<Q", self.read(8))[0]))

    for _code, _step in (
        (pickle.REDUCE, _reduce),
        (pickle.NEWOBJ, _new),
        (pickle.NEWOBJ_EX, _new_ex),
        (pickle.OBJ, _obj),
        (pickle.INST, _inst),
        (pickle.BUILD, _build),
        (pickle.PUT, _put),
        (pickle.APPEND, _append),
        (pickle.APPENDS, _appends),
        (pickle.SETITEM, _set_item),
        (pickle.SETITEMS, _set_items),
        (pickle.DICT, _dict),
        (pickle.EMPTY_SET, _empty_list),
        (pickle.ADDITEMS, _appends),
        (pickle.FROZENSET, _list_of_marked),
        (pickle.FRAME, _frame),
        (pickle.BYTEARRAY8, _byte_array),
    ):
        dispatch[_code[0]] = _step
    del _code, _step


def _is_key(key: object) -> bool:
    """True for what can be hashed without harm: nested tuples overflow the stack, chosen numbers collide."""
    if isinstance(key, tuple):
        return len(key) < 100 and all(isinstance(part, str | bool | int | None) and _is_key(part) for part in key)
    return key is None or isinstance(key, str) or (isinstance(key, int) and abs(key) < 2**61 - 1)
