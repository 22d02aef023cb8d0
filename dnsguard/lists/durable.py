"""Files that are whole whenever the program or the machine stops: the old one or the new."""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

_TEMPORARY = ".new"


def write_durably(path: Path, data: bytes | Iterable[bytes], *, mode: int = 0o666) -> None:
    """Put a file in place, and its folder if need be. When it returns the disk has both.

    The file has `mode`, less the umask. Raises OSError: then it is as it was, unless all that
    failed was to make its new name survive a power cut.
    """
    _make_folder(path.parent)
    temporary = path.with_name(path.name + _TEMPORARY)
    try:
        temporary.unlink(missing_ok=True)  # what a kill left has its own mode
        with open(temporary, "xb", opener=partial(os.open, mode=mode)) as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what a kill in the middle of a write left behind; nobody may be writing there."""
    for temporary in folder.glob(f"*{_TEMPORARY}"):
        with suppress(OSError):
            temporary.unlink()


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o750, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
