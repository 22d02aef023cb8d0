"""The sockets that queries come in on: one per worker, address and protocol, SO_REUSEPORT.

The control plane makes them, or takes back those that the service manager kept, and hands
them down; so a query that waits in one outlives any process of ours.
"""

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import count
from typing import Final, Literal, Protocol

from dnsguard.control.socket_options import LISTEN_BACKLOG, prepare, tune

Address = IPv4Address | IPv6Address
Transport = Literal["udp", "tcp"]
TYPES: Final[dict[Transport, socket.SocketKind]] = {
    "udp": socket.SOCK_DGRAM,
    "tcp": socket.SOCK_STREAM,
}
MAX_PORT_ATTEMPTS = 64  # for a port that is free over UDP and TCP, where the system picks

_DROP_KEPT = "stop dnsguard, then start it: a restart keeps the sockets of the old 'listen.dns'"


class Endpoint(Protocol):
    """Where to listen; port 0 lets the system pick."""

    @property
    def address(self) -> Address:
        """The address of one or, if unspecified, of all interfaces."""

    @property
    def port(self) -> int:
        """The same for UDP and TCP."""


class SocketError(Exception):
    """A socket cannot be had; the text names the place and the mend."""


@dataclass(frozen=True, slots=True)
class ListenSocket:
    """One worker's socket for one address and protocol; `port` is never 0."""

    name: str
    worker: int
    transport: Transport
    address: Address
    port: int
    socket: socket.socket


@dataclass(frozen=True, slots=True)
class _Bound:
    transport: Transport
    address: Address
    port: int
    socket: socket.socket


def open_sockets(
    endpoints: Sequence[Endpoint], workers: int, inherited: Sequence[tuple[str, int]]
) -> list[ListenSocket]:
    """Return the sockets of all workers, inherited ones taken over. Raises SocketError.

    Where more were inherited than there are workers, the rest goes to the workers in turn, for
    the kernel still gives it queries.
    """
    with ExitStack() as opened:
        kept = [_take(fd, opened) for _, fd in inherited]
        listening: list[ListenSocket] = []
        # Fixed ports first, lest an endpoint with port 0 claims what was made for another.
        for endpoint in sorted(endpoints, key=lambda endpoint: endpoint.port == 0):
            found = _claim(endpoint, kept)
            found += _open_missing(endpoint, found, workers, opened)
            listening += _share_out(endpoint, found, workers)
        if kept:
            place = f"{kept[0].transport} {_place(kept[0].address, kept[0].port)}"
            raise SocketError(f"the inherited socket {place} is not in 'listen.dns': {_DROP_KEPT}")
        opened.pop_all()
    return listening


def _take(fd: int, opened: ExitStack) -> _Bound:
    """Return an inherited descriptor as a socket of ours. Raises SocketError."""
    try:
        taken = opened.enter_context(socket.socket(fileno=fd))
    except OSError:
        raise SocketError(f"the inherited descriptor {fd} is no socket: {_DROP_KEPT}") from None
    transport = next((name for name, kind in TYPES.items() if kind == taken.type), None)
    if taken.family not in {socket.AF_INET, socket.AF_INET6} or transport is None:
        raise SocketError(f"the inherited socket {fd} is neither UDP nor TCP: {_DROP_KEPT}")
    host, port = taken.getsockname()[:2]
    address = ip_address(host)
    tune(taken, address)
    # One that the service manager made has it not, and the other workers' could not be bound.
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if transport == "tcp":
        taken.listen(LISTEN_BACKLOG)
    return _Bound(transport, address, int(port), taken)


def _claim(endpoint: Endpoint, kept: list[_Bound]) -> list[_Bound]:
    """Remove from `kept` the sockets of an endpoint, all on one port, and return them."""
    here = [one for one in kept if one.address == endpoint.address]
    port = endpoint.port or next((one.port for one in here), 0)
    claimed = [one for one in here if one.port == port]
    for one in claimed:
        kept.remove(one)
    return claimed


def _open_missing(
    endpoint: Endpoint, found: list[_Bound], workers: int, opened: ExitStack
) -> list[_Bound]:
    """Return new sockets where an endpoint has fewer than one per worker. Raises SocketError."""
    port = found[0].port if found else endpoint.port
    for attempt in count(1):
        with ExitStack() as tried:
            try:
                made = _open_all(endpoint.address, port, found, workers, tried)
            except OSError as error:
                if not port and error.errno == errno.EADDRINUSE and attempt < MAX_PORT_ATTEMPTS:
                    continue
                raise SocketError(_explain(error, endpoint)) from None
            opened.push(tried.pop_all())
            break
    return made


def _open_all(
    address: Address, port: int, found: list[_Bound], workers: int, opened: ExitStack
) -> list[_Bound]:
    made: list[_Bound] = []
    for transport in TYPES:
        have = sum(one.transport == transport for one in found)
        for number in range(have, workers):
            one = opened.enter_context(_open(transport, address, port, first=number == 0))
            port = int(one.getsockname()[1])
            made.append(_Bound(transport, address, port, one))
    return made


def _open(transport: Transport, address: Address, port: int, *, first: bool) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    kind = TYPES[transport]
    numeric = socket.AI_NUMERICHOST  # gives the scope of a link-local address its number
    sockaddr = socket.getaddrinfo(str(address), port, family, kind, 0, numeric)[0][4]
    with ExitStack() as opened:
        one = opened.enter_context(socket.socket(family, kind))
        # The first is bound without SO_REUSEPORT: else another instance of the same user would
        # share the port unnoticed, and each would get half of the queries.
        if not first:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        prepare(one)
        tune(one, address)
        one.bind(sockaddr)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if transport == "tcp":
            one.listen(LISTEN_BACKLOG)
        opened.pop_all()
    return one


def _share_out(endpoint: Endpoint, found: list[_Bound], workers: int) -> list[ListenSocket]:
    return [
        ListenSocket(
            name=f"{transport} {_place(one.address, one.port)} {number}",
            worker=number % workers,
            transport=transport,
            address=endpoint.address,
            port=one.port,
            socket=one.socket,
        )
        for transport in TYPES
        for number, one in enumerate(one for one in found if one.transport == transport)
    ]


def _place(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _explain(error: OSError, endpoint: Endpoint) -> str:
    port = endpoint.port
    reasons = {
        errno.EADDRINUSE: (
            "address already in use; another resolver is running? "
            f"`ss -lntup 'sport = :{port}'` shows which: stop it or change 'listen.dns'"
        ),
        errno.EACCES: (
            "permission denied: ports below 1024 need CAP_NET_BIND_SERVICE, which the systemd "
            "unit gives; or choose a higher port"
        ),
        errno.EAFNOSUPPORT: "this machine has no IPv6: take the address out of 'listen.dns'",
        errno.EMFILE: "too many open files: raise LimitNOFILE or lower 'workers'",
    }
    reason = reasons.get(error.errno or 0, f"{error.strerror}: check 'listen.dns'")
    return f"cannot listen on {_place(endpoint.address, port)}: {reason}"
