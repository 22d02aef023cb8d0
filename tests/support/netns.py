"""Network namespaces joined by cables, made and removed by the test itself. Needs root.

Sockets are made inside a namespace and used from the test's own thread, so that asking takes
no process of its own.
"""

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.loops import wait_for

_CLONE_NEWNET = 0x40000000
_OWN = Path("/proc/thread-self/ns/net")
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """One host of a test's network."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.prefix = ("ip", "netns", "exec", name)
        """What goes before a command to run it there."""

    def ip(self, command: str) -> str:
        """Run an ip(8) command, such as `link set eth0 up`, in the namespace; return its output."""
        return _run("ip", "-n", self.name, *command.split())

    def add_address(self, address: str, device: str) -> None:
        """Give a device that is up an address with its prefix length, in use from now on."""
        if ":" not in address:
            self.ip(f"address add {address} dev {device}")
            return
        # Duplicate address detection would hold it back for a second; the kernel routes what
        # comes for it to the host only a moment after the command has ended.
        self.ip(f"address add {address} dev {device} nodad")
        alone = address.partition("/")[0]
        wait_for(
            lambda: f"local {alone} dev {device} " in self.ip("-6 route show table local"),
            f"{alone} is in use",
        )

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Return a socket that lives in the namespace."""
        with self.entered():
            return socket.socket(family, kind, protocol)

    def index(self, device: str) -> int:
        """Return the interface index of a device: the scope of its link-local addresses."""
        with self.entered():
            return socket.if_nametoindex(device)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have what this thread opens and starts meanwhile be in the namespace."""
        with _OWN.open() as home, Path("/run/netns", self.name).open() as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())


def isolate() -> bool:
    """Give this process, and what it starts, a network of its own; False where it may not."""
    if _libc.unshare(_CLONE_NEWNET):
        return False
    _run("ip", "link", "set", "lo", "up")
    return True


@contextmanager
def namespaces(*names: str) -> Iterator[list[Namespace]]:
    """Make namespaces with working loopback; remove them, and all that is in them, at the end."""
    if os.geteuid() != 0:
        raise PermissionError(
            "network namespaces need root: run the tests as root, `sudo make test`"
        )
    with ExitStack() as made:
        found = []
        for name in names:
            namespace = Namespace(f"dnsguard-{os.getpid()}-{name}")
            _run("ip", "netns", "add", namespace.name)
            made.callback(_run, "ip", "netns", "delete", namespace.name)
            namespace.ip("link set lo up")
            found.append(namespace)
        yield found


def connect(one: Namespace, device: str, other: Namespace, other_device: str) -> None:
    """Join two namespaces by a cable; its ends are up and have no address."""
    _run(
        *("ip", "link", "add", device, "netns", one.name),
        *("type", "veth", "peer", "name", other_device, "netns", other.name),
    )
    for namespace, end in ((one, device), (other, other_device)):
        namespace.ip(f"link set {end} addrgenmode none up")


def _run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"cannot enter a network namespace: {os.strerror(number)}")
