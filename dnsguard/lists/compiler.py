"""The compiler process: a job on standard input, its outcome on standard output.

It reads hostile texts and takes what memory they need, so it is none of those that serve: it
yields to them, the kernel takes it first when memory runs out, and it ends with its job.
"""

import gc
import json
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

from dnsguard.lists.compile import Job, compile_lists

NICENESS = 10
OUT_OF_MEMORY, ABANDONED = 3, 4  # exit codes
MIN_MEMORY = 512 << 20


def main() -> int:
    """Do one job; return the exit code, other than 0 when there is no outcome."""
    _yield_to_others()
    gc.disable()  # a million names live until the end: looking at them costs, and frees nothing
    try:
        document = _outcome(json.load(sys.stdin))
        json.dump(document, sys.stdout)
        sys.stdout.flush()
    except MemoryError:
        return OUT_OF_MEMORY
    except BrokenPipeError:  # whoever gave the job is gone
        return ABANDONED
    return 0


def _outcome(job: Job) -> dict[str, object]:
    try:
        return {"lists": compile_lists(job), "error": None}
    except (ValueError, OSError) as error:
        return {"lists": [], "error": str(error)}


def _yield_to_others() -> None:
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = max(MIN_MEMORY, memory // 2)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    os._exit(main())  # a million names need not be given back one by one
