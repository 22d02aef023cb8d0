"""Limits of memory and processor for the processes of one program, by a control group. Needs root.

with control_group("memory", 150 << 20) as group:
    with running(tmp_path, config, prefix=group.prefix) as server: ...
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.support.loops import DEADLINE

Controller = Literal["memory", "cpu"]

_ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000  # microseconds
_FILES: dict[Controller, tuple[str, str]] = {
    "memory": ("memory.limit_in_bytes", "memory.max"),
    "cpu": ("cpu.cfs_quota_us", "cpu.max"),
}
"""Where a limit is written: version 1, version 2."""


class ControlGroup:
    """One group."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.prefix = ("sh", "-c", f'echo $$ >{path}/cgroup.procs && exec "$@"', "sh")
        """What goes before a command to have it and its children under the limit."""

    def add(self, pid: int) -> None:
        """Have a process under the limit from now on, with the children it will have."""
        (self._path / "cgroup.procs").write_text(str(pid), "ascii")

    def killed(self) -> int:
        """Return how many processes were killed because memory ran out."""
        for name in ("memory.oom_control", "memory.events"):
            if (self._path / name).exists():
                words = (self._path / name).read_text("ascii").split()
                return int(words[words.index("oom_kill") + 1])
        raise FileNotFoundError(self._path)

    def highest(self) -> int:
        """Return the most octets that were ever taken."""
        name = "memory.peak" if _unified() else "memory.max_usage_in_bytes"
        return int((self._path / name).read_text("ascii"))


@contextmanager
def control_group(controller: Controller, limit: float) -> Iterator[ControlGroup]:
    """Make a group for the length of a block; a limit in octets, or in processors."""
    name = f"dnsguard-{os.getpid()}"
    if _unified():
        (_ROOT / "cgroup.subtree_control").write_text(f"+{controller}", "ascii")
        path = _ROOT / name
    else:
        path = _ROOT / controller / name
    try:
        path.mkdir()
    except OSError as error:
        raise PermissionError("control groups need root: run the tests as root") from error
    try:
        file = path / _FILES[controller][_unified()]
        microseconds = int(limit * _PERIOD)
        text = {"memory": f"{limit:.0f}", "cpu": f"{microseconds} {_PERIOD}"}[controller]
        file.write_text(text if _unified() else text.split()[0], "ascii")
        yield ControlGroup(path)
    finally:
        _remove(path)


def _unified() -> bool:
    """Tell whether the machine has version 2 alone."""
    return (_ROOT / "cgroup.controllers").exists()


def _remove(path: Path) -> None:
    """Remove a group once its last process is gone."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            path.rmdir()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return
