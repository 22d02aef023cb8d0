"""What processes cost, from the kernel's own accounts."""

import contextlib
import os
import time
from pathlib import Path

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int, proc: Path = PROC) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in proc.iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text("utf-8").rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended meanwhile
            children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time that processes have used, all their threads, past ones too.

    It is what clock_getcpuclockid(3) reads: nanoseconds, not ticks. A process that is gone
    counts for nothing.
    """
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += time.clock_gettime((~pid << 3) | 2)
    return total


def busy_seconds(core: int, proc: Path = PROC) -> float:
    """Return how long a core has been busy, whoever used it."""
    for line in (proc / "stat").read_text("ascii").splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _, _, interrupts, soft, *_ = (int(n) for n in line.split()[1:])
            return (user + nice + system + interrupts + soft) / TICK
    raise ValueError(f"core {core} is not in {proc / 'stat'}")


def memory(pids: list[int], proc: Path = PROC) -> float:
    """Return the Pss of processes together, in MB: a page they share counts once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in (proc / str(pid) / "smaps_rollup").read_text("ascii").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total / 1e6
