"""A disk that takes nothing: read-only, or with room for next to nothing."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.loops import DEADLINE

BAD_DISKS = ("ro", "size=4k")


@contextmanager
def bad_disk(folder: Path, option: str) -> Iterator[Path]:
    """Make a folder a disk with one of `BAD_DISKS` for the length of a block. Needs root."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(folder)]
    subprocess.run(mount, check=True, timeout=DEADLINE)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, timeout=DEADLINE)
