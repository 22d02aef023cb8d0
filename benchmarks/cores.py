"""Who runs where: the server alone on one core, what asks and what answers behind it on another."""

import os
from collections.abc import Sequence

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
