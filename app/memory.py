"""Keeps Python's garbage collector away from what stays for good."""

import atexit
import gc
import sys
from threading import Lock

_GROWTH = 100  # modules; fewer are not worth a pause

_lock, _settled = Lock(), 0
atexit.register(gc.unfreeze)  # extension modules count what is left at the end, and complain


def settle() -> None:
    """Take everything that the packages loaded so far have made out of the collector's sight.

    Streamlit collects garbage after every run of a page. Walking the 440,000 objects of torch and the others takes
    0.28 s each time (measured; all else of a click on the MC-Loss page takes about as long), and never frees one.
    Packages that are loaded later, such as grad-cam, are noticed by their number.
    """
    global _settled
    with _lock:
        if len(sys.modules) - _settled < _GROWTH:
            return
        _settled = len(sys.modules)
        gc.collect()
        gc.freeze()
