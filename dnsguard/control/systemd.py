"""The service manager's side of life: sd_notify(3), and the descriptors it keeps for us.

Without a service manager every method does nothing. No failure here is ever fatal: a resolver
that cannot report is better than none.
"""

import logging
import os
import socket
import time
from array import array
from collections.abc import Mapping, MutableMapping, Sequence

FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START
MAX_DESCRIPTORS = 253  # in one message: SCM_MAX_FD in the kernel
MAX_NAME = 255
SEND_SECONDS = 1.0

_log = logging.getLogger(__name__)


class ServiceManager:
    """The notification socket of the service manager; `watchdog_interval` is in seconds."""

    def __init__(self, address: str = "", watchdog_interval: float | None = None) -> None:
        self._address = address
        self.watchdog_interval = watchdog_interval

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "ServiceManager":
        """Return the service manager that NOTIFY_SOCKET names; without it, one that is silent."""
        return cls(environ.get("NOTIFY_SOCKET", ""), _watchdog_interval(environ))

    def ready(self) -> None:
        """Say that the start, or a reload, is complete."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Say that a reload begins; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send("STATUS=" + " ".join(text.split()))

    def stopping(self) -> None:
        """Say that the shutdown begins."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Say that the event loop turns; due every `watchdog_interval`."""
        self._send("WATCHDOG=1")

    def store(self, name: str, fds: Sequence[int]) -> None:
        """Have descriptors kept over a restart; they come back by `inherited`."""
        for first in range(0, len(fds), MAX_DESCRIPTORS):
            # FDPOLL=0: an ICMP error pending on a socket must not drop it from the store.
            self._send(
                "FDSTORE=1",
                f"FDNAME={descriptor_name(name)}",
                "FDPOLL=0",
                fds=fds[first : first + MAX_DESCRIPTORS],
            )

    def remove(self, name: str) -> None:
        """Have the descriptors of that name forgotten."""
        self._send("FDSTOREREMOVE=1", f"FDNAME={descriptor_name(name)}")

    def _send(self, *lines: str, fds: Sequence[int] = ()) -> None:
        if self._address[:1] not in {"/", "@"}:
            return
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else []
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notification:
                notification.settimeout(SEND_SECONDS)
                message = "\n".join(lines).encode(errors="replace")
                notification.sendmsg([message], rights, 0, address)
        except OSError as error:
            _log.warning("cannot tell the service manager %s: %s", lines[0], error.strerror)


def descriptor_name(name: str) -> str:
    """Return a name as FDNAME allows it: ASCII without `:`, which separates LISTEN_FDNAMES."""
    allowed = (char if " " <= char <= "~" and char != ":" else "_" for char in name)
    return "".join(allowed)[:MAX_NAME]


def inherited(environ: MutableMapping[str, str]) -> list[tuple[str, int]]:
    """Return name and number of each descriptor that the service manager handed down.

    They are made close-on-exec, and the variables are removed so that no child takes them for
    its own (sd_listen_fds(3)). Without any, or when they are another process's, the list is empty.
    """
    count = _number(environ.pop("LISTEN_FDS", ""))
    pid = _number(environ.pop("LISTEN_PID", ""))
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != os.getpid():
        return []
    found = []
    for index in range(count):
        fd = FIRST_DESCRIPTOR + index
        try:
            os.set_inheritable(fd, False)  # noqa: FBT003, positional only
        except OSError:
            _log.warning("LISTEN_FDS is %d, but descriptor %d is not open", count, fd)
            break
        found.append((names[index] if index < len(names) else "", fd))
    return found


def _watchdog_interval(environ: Mapping[str, str]) -> float | None:
    microseconds = _number(environ.get("WATCHDOG_USEC", ""))
    pid = environ.get("WATCHDOG_PID", "")
    if not microseconds or (pid and _number(pid) != os.getpid()):
        return None
    return microseconds / 2 / 1_000_000


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
