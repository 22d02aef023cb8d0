"""Running the compiler, and the image it makes."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence

from dnsguard.lists.compile import Job, ListOutcome
from dnsguard.lists.compiler import OUT_OF_MEMORY

COMPILE_SECONDS = 300.0
MAX_TOLD = 16_384  # octets of what it says of a fault of its own

_log = logging.getLogger(__name__)


class CompileError(Exception):
    """The lists cannot be compiled; the message says why and what to do."""


async def compile_apart(job: Job, descriptors: Sequence[int]) -> list[ListOutcome]:
    """Have a job done by a process of its own, which gets the descriptors that the job names.

    Raises CompileError.
    """
    with open(anonymous_file("job"), "wb") as request:  # noqa: ASYNC230 - in memory
        request.write(json.dumps(job).encode())
        request.seek(0)
        # Not a pipe: to write to one that is dead already is an error of uvloop's own.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "dnsguard.lists.compiler"),
            stdin=request,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=[*descriptors, job["image"]],
        )
    try:
        async with asyncio.timeout(COMPILE_SECONDS):
            output, told = await process.communicate()
    except TimeoutError:
        raise CompileError(
            f"the lists are not compiled after {COMPILE_SECONDS:.0f} s: give fewer or shorter lists"
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if told:
        text = told[-MAX_TOLD:].decode("utf-8", "replace").rstrip()
        _log.error("the compiler of lists says what went wrong", exc_info=CompileError(text))
    if process.returncode:
        raise CompileError(_why(process.returncode))
    outcome = json.loads(output)
    if outcome["error"] is not None:
        raise CompileError(outcome["error"])
    lists: list[ListOutcome] = outcome["lists"]
    return lists


def _why(code: int) -> str:
    if code in {OUT_OF_MEMORY, -9}:
        return "there is not enough memory to compile the lists: give fewer or shorter lists"
    return f"the compiler of lists failed (exit code {code}): the log says more; report it"


def anonymous_file(name: str) -> int:
    """Return the descriptor of an empty file in memory."""
    return os.memfd_create(f"dnsguard-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
