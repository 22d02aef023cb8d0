"""What /proc says of other processes."""

import os
from contextlib import suppress
from pathlib import Path

_DEAD = {"Z", "X"}  # and only the parent has not asked yet


def is_running(pid: int) -> bool:
    """Tell whether a process lives."""
    fields = _stat(Path(f"/proc/{pid}"))
    return bool(fields) and fields[0] not in _DEAD


def is_stopped(pid: int) -> bool:
    """Tell whether a process has been stopped by a signal and does not go on yet."""
    return _stat(Path(f"/proc/{pid}"))[:1] == ["T"]


def of_group(group: int) -> list[int]:
    """Return the processes of a process group that are not dead."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(entry)):
            state, _, pgrp = fields[:3]
            if int(pgrp) == group and state not in _DEAD:
                found.append(int(entry.name))
    return found


def find_child(parent: int, word: str) -> int | None:
    """Return a child of a process whose command line has a word; None when there is none."""
    for thread in Path(f"/proc/{parent}/task").iterdir():
        for child in map(int, (thread / "children").read_text("ascii").split()):
            try:
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            except OSError:  # it ended meanwhile
                continue
            if word.encode() in words:
                return child
    return None


def mapped(pid: int, name: str) -> set[int]:
    """Return the inodes of the files in memory of a name that a process has mapped."""
    lines = Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines()
    found = (line.split(maxsplit=5) for line in lines)
    return {int(fields[4]) for fields in found if fields[5:] and f"memfd:{name} " in fields[5]}


def opened(pid: int, name: str) -> int:
    """Return how many descriptors a process has of files in memory of a name."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            links.append(str(entry.readlink()))
    return sum(f"memfd:{name} " in link for link in links)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has taken, 0 for none when there is no process."""
    fields = _stat(Path(f"/proc/{pid}"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def started(pid: int) -> int:
    """Return when a process was started, in clock ticks of the machine; 0 when there is none."""
    fields = _stat(Path(f"/proc/{pid}"))
    return int(fields[19]) if fields else 0


def resident(pid: int) -> int:
    """Return the octets of memory that a process takes, 0 when there is no process."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    except (OSError, IndexError):  # it ended
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _stat(entry: Path) -> list[str]:
    try:
        return (entry / "stat").read_text("utf-8", "replace").rpartition(") ")[2].split()
    except OSError:  # it ended meanwhile
        return []
