"""What a test does in a child process of its own: be killed at a chosen step, fill a disk."""

import ctypes
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

KILLED = -signal.SIGKILL

_STEPS = {
    *("open", "write", "writelines", "flush", "close", "__exit__"),
    *("fsync", "replace", "rename", "unlink", "mkdir"),
}
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 0x40000
_libc = ctypes.CDLL(None, use_errno=True)


def in_child(function: Callable[[], object]) -> int:
    """Run a function in a forked child: 0 when it returns, 1 when it raises, -9 when killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function()
            status = 0
        finally:
            if status:
                traceback.print_exc()
                sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(step: int) -> None:
    """Have this process killed at a step: before or after a call that touches files."""
    steps = 0

    def count(_frame: FrameType, event: str, called: object) -> None:
        nonlocal steps
        if event in {"c_call", "c_return"} and getattr(called, "__name__", "") in _STEPS:
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)
            steps += 1

    sys.setprofile(count)


def kill_in_file(size: int) -> None:
    """Have this process killed in the middle of the write that would make a file larger."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def mount_small_disk(folder: Path, size: int) -> None:
    """Give this process a disk of so many octets, which ends with it. Needs root."""
    _check(_libc.unshare(_CLONE_NEWNS))
    _check(_libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))
    options = f"size={size}".encode()
    _check(_libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot make a small disk (run the tests as root): {number}")
