"""A stand-in for systemd: it listens to sd_notify(3), keeps descriptors and hands them down.

manager = ServiceManager(folder)
with manager:
    server = Server(folder, config, **manager.start_options())      # and again, after a death
"""

import os
import socket
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.loops import wait_for

_MAX_DESCRIPTORS = 253
_STOP = b"X_STOP=1"

# Descriptors go where sd_listen_fds(3) looks for them, and LISTEN_PID is that of the program.
_HAND_DOWN = """\
import os, sys
kept = [int(number) for number in sys.argv[1].split()]
beyond = max([2 + len(kept), *kept]) + 1
for index, number in enumerate(kept):
    os.dup2(number, beyond + index)
for index in range(len(kept)):
    os.dup2(beyond + index, 3 + index)
os.closerange(3 + len(kept), beyond + len(kept))
os.environ["LISTEN_PID"] = str(os.getpid())
os.execvp(sys.argv[2], sys.argv[2:])
"""

Message = dict[str, str]


class ServiceManager:
    """Keeps every message, and the descriptors of FDSTORE=1 once each, as systemd does."""

    def __init__(self, folder: Path, watchdog_microseconds: int | None = None) -> None:
        self.messages: list[Message] = []
        self.kept: dict[int, tuple[str, int]] = {}
        """Name and descriptor by inode."""
        self._address = str(folder / "notify.sock")
        self._watchdog = watchdog_microseconds
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._socket.bind(self._address)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            ours.sendto(_STOP, self._address)
        self._thread.join()
        self._socket.close()
        for _, descriptor in self.kept.values():
            os.close(descriptor)

    def start_options(self) -> dict[str, Any]:
        """Return the arguments of a `Server` that is started by this service manager."""
        names, descriptors = zip(*self.kept.values(), strict=True) if self.kept else ((), ())
        environ = {
            "NOTIFY_SOCKET": self._address,
            "LISTEN_FDS": str(len(descriptors)),
            "LISTEN_FDNAMES": ":".join(names),
        }
        if self._watchdog is not None:
            environ["WATCHDOG_USEC"] = str(self._watchdog)
        numbers = " ".join(map(str, descriptors))
        return {
            "environ": environ,
            "pass_fds": descriptors,
            "prefix": (sys.executable, "-c", _HAND_DOWN, numbers),
        }

    def said(self, key: str) -> int:
        """Return in how many messages a variable was set so far."""
        return sum(key in message for message in self.messages)

    def wait_until_said(self, key: str, times: int = 1) -> None:
        """Wait until a variable has been set that often."""
        wait_for(lambda: self.said(key) >= times, f"{key} was said {times} times")

    def _listen(self) -> None:
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._socket, 65_536, _MAX_DESCRIPTORS)
            if data == _STOP:
                return
            message = dict(line.split("=", 1) for line in data.decode().splitlines())
            for descriptor in descriptors:
                self._keep(message, descriptor)
            self.messages.append(message)

    def _keep(self, message: Message, descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        if "FDSTORE" in message and inode not in self.kept:
            self.kept[inode] = (message.get("FDNAME", "stored"), descriptor)
        else:
            os.close(descriptor)
