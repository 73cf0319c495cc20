"""The names of a zip file's entries as their program meant them, cleaned and then checked."""

import re
import struct
import zipfile
import zlib

from fgcore.data.folders import split_name

_UTF8 = 0x800  # the flag of names in UTF-8; others are in code page 437, by the standard
_UNICODE_PATH = 0x7075  # the extra field with a name in UTF-8 beside one in an older code page


def meant(entry: zipfile.ZipInfo) -> str:
    """The path of an entry; names in UTF-8 without the flag for it, as a Mac writes them, are read as UTF-8."""
    name = entry.orig_filename.partition("\0")[0]
    if entry.flag_bits & _UTF8 or name.isascii():
        return name
    data = name.encode("cp437")
    try:
        return _unicode_path(entry.extra, data) or data.decode("utf-8")
    except UnicodeDecodeError:
        return name


def _unicode_path(extra: bytes, name: bytes) -> str:
    """The name in an extra field, if it is there and about this name."""
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == _UNICODE_PATH and size > 5 and extra[5:9] == struct.pack("<I", zlib.crc32(name)):
            return extra[9 : 4 + size].decode("utf-8")
        extra = extra[4 + size :]
    return ""


def parts_of(path: str) -> tuple[str, ...] | None:
    """The cleaned names on an entry's path; None for one that leads out of the folder or starts at a root."""
    parts = split_name(path)
    rooted = path.startswith(("/", "\\")) or re.match("[A-Za-z]:", "/".join(parts))
    return None if rooted or ".." in parts else parts
