"""Who runs where: the server alone on one core, what asks and what answers behind it on another."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_AVAILABLE = sorted(os.sched_getaffinity(0))
SERVER_CORE = _AVAILABLE[0]
LOAD_CORE = _AVAILABLE[-1]


def server_cores(wanted: int) -> Sequence[int]:
    """Return as many cores for a server, beside the load's; only one if there are too few."""
    cores = _AVAILABLE[:-1][:wanted]
    return cores if len(cores) == wanted else [SERVER_CORE]


def on_cores(cores: Sequence[int], command: Sequence[str]) -> list[str]:
    """Return a command that runs another on some cores, with all that it starts."""
    return ["taskset", "-c", ",".join(map(str, cores)), *command]


@contextmanager
def awake(core: int) -> Iterator[None]:
    """Keep a core from sleeping for the length of a block, by what gives way to all else.

    On a virtual machine a core that sleeps may take milliseconds until it runs again: a server
    with little to do would look slower than one that is flooded.
    """
    idly = "import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile 1: pass"
    with subprocess.Popen(on_cores([core], [sys.executable, "-c", idly])) as process:
        try:
            yield
        finally:
            process.kill()
