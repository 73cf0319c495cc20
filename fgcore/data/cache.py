"""Reading all images of a data set at once, on every core, within the machine's memory."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fgcore.data.images import ImageError

Asked, Read = TypeVar("Asked"), TypeVar("Read")

_MAX_THREADS = 8
_USUAL_ASPECT = 4 / 3  # of photographs: the longer side of a resized image


def decode_all(decode: Callable[[Asked], Read], images: Sequence[Asked]) -> list[Read | ImageError]:
    """`decode` of every image, in order; the error itself where one cannot be read.

    Decoding and resizing release Python's lock, so threads use all cores.
    """

    def decode_or_not(image: Asked) -> Read | ImageError:
        try:
            return decode(image)
        except ImageError as error:
            return error

    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(decode_or_not, images))


def check_memory(images: int, side: int) -> None:
    """Refuse a cache that would take more than half of the machine's memory.

    Each process that torchrun started on this machine keeps one.

    Args:
        images: how many.
        side: shorter side of each, pixels.

    Raises:
        ValueError: with both amounts and the way out.
    """
    copies = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    needed, memory = copies * images * 3 * side * side * _USUAL_ASPECT, _physical_memory()
    if needed > memory / 2:
        raise ValueError(
            f"{images} images of {side} pixels would take about {needed / 2**30:.1f} GiB of this machine's "
            f"{memory / 2**30:.1f} GiB of memory; set cache_images=false to read them when they are needed"
        )


def _physical_memory() -> float:
    """Bytes of memory; infinite where the system does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):  # not a POSIX system
        return float("inf")
