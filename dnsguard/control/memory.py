"""What the C library does with memory that is no longer used."""

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_THRESHOLD = 128 * 1024


def give_back_freed_memory() -> None:
    """Have large blocks go back to the system when they are freed.

    By itself glibc keeps more and more of them once some were freed: several megabytes for a
    process that handles a long list every few hours. Other C libraries have no such setting.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _THRESHOLD)
        mallopt(_M_TRIM_THRESHOLD, _THRESHOLD)
        mallopt(_M_ARENA_MAX, 2)
