import errno
import os
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

from dnsguard.control import sockets
from dnsguard.control.socket_options import dropped
from dnsguard.control.sockets import ListenSocket, SocketError, open_sockets

IP_PKTINFO = 8
IP_MTU_DISCOVER = 10
IPV6_MTU_DISCOVER = 23
PMTUDISC_OMIT = 5


@dataclass(frozen=True)
class Endpoint:
    address: IPv4Address | IPv6Address
    port: int = 0


LOOPBACK = Endpoint(ip_address("127.0.0.1"))
LOOPBACK6 = Endpoint(ip_address("::1"))


class Opener:
    """Opens sockets that the test need not close."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(
        self, endpoints: Sequence[Endpoint], workers: int, inherited: Sequence[int] = ()
    ) -> list[ListenSocket]:
        opened = open_sockets(endpoints, workers, [("kept", fd) for fd in inherited])
        for one in opened:
            self._stack.enter_context(one.socket)
        return opened


@pytest.fixture
def opener() -> Iterator[Opener]:
    with ExitStack() as stack:
        yield Opener(stack)


def hand_over(opened: list[ListenSocket]) -> list[int]:
    """Return what a new process would inherit; the old one is gone."""
    fds = [os.dup(one.socket.fileno()) for one in opened]
    for one in opened:
        one.socket.close()
    return fds


def test_every_worker_has_a_socket_for_each_address_and_protocol(opener: Opener) -> None:
    opened = opener([LOOPBACK, LOOPBACK6], 2)
    assert Counter((str(one.address), one.transport, one.worker) for one in opened) == Counter(
        (address, transport, worker)
        for address in ("127.0.0.1", "::1")
        for transport in ("udp", "tcp")
        for worker in (0, 1)
    )
    assert len({one.name for one in opened}) == len(opened)


def test_port_0_is_one_port_for_both_protocols_and_all_workers(opener: Opener) -> None:
    opened = opener([LOOPBACK], 3)
    (port,) = {one.port for one in opened}
    assert port
    assert {one.socket.getsockname() for one in opened} == {("127.0.0.1", port)}
    assert opened[0].name == f"udp 127.0.0.1:{port} 0"


def test_port_0_is_picked_again_when_its_tcp_port_is_taken(
    opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = [taken.getsockname()[1]]
        original = sockets._open

        def unlucky(
            transport: sockets.Transport, address: sockets.Address, port: int, *, first: bool
        ) -> socket.socket:
            wanted = unlucky_ports.pop() if transport == "udp" and unlucky_ports else port
            return original(transport, address, wanted, first=first)

        unlucky_ports = first
        monkeypatch.setattr(sockets, "_open", unlucky)
        opened = opener([LOOPBACK], 1)
        assert taken.getsockname()[1] not in {one.port for one in opened}


def test_port_0_is_given_up_when_no_port_is_free(
    opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(sockets, "_open", taken)
    with pytest.raises(SocketError, match="already in use"):
        opener([LOOPBACK], 1)


def test_the_options_that_answers_depend_on_are_set(opener: Opener) -> None:
    wildcards = [Endpoint(ip_address("0.0.0.0")), Endpoint(ip_address("::"))]
    for one in opener([LOOPBACK, LOOPBACK6, *wildcards], 2):
        asked = one.address.is_unspecified  # else every answer leaves from the one address
        assert not one.socket.getblocking()
        assert not one.socket.get_inheritable()
        assert one.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
        if one.transport == "tcp":
            assert one.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        elif one.address.version == 4:
            assert one.socket.getsockopt(socket.IPPROTO_IP, IP_PKTINFO) == asked
            assert one.socket.getsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER) == PMTUDISC_OMIT
        else:
            assert one.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO) == asked
            assert one.socket.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER) == PMTUDISC_OMIT


def test_ipv4_and_ipv6_wildcards_share_a_port(opener: Opener) -> None:
    (port, *_) = {one.port for one in opener([Endpoint(ip_address("0.0.0.0"))], 1)}
    assert opener([Endpoint(ip_address("::"), port)], 1)


def test_an_address_that_is_not_there_yet_can_be_listened_on(opener: Opener) -> None:
    assert opener([Endpoint(ip_address("192.0.2.1")), Endpoint(ip_address("2001:db8::1"))], 1)


def test_queries_are_spread_over_the_workers(opener: Opener) -> None:
    udp = [one for one in opener([LOOPBACK], 2) if one.transport == "udp"]
    for _ in range(64):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"query", ("127.0.0.1", udp[0].port))
    assert all(waiting(one.socket) for one in udp)


def waiting(listening: socket.socket) -> int:
    """Return how many datagrams wait in a socket, and take them out."""
    received = 0
    while True:
        try:
            listening.recv(100)
        except BlockingIOError:
            return received
        received += 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_port_of_another_instance_is_not_shared(opener: Opener, transport: str) -> None:
    kind = sockets.TYPES["udp" if transport == "udp" else "tcp"]
    with socket.socket(socket.AF_INET, kind) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        if transport == "tcp":
            other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SocketError) as raised:
            opener([Endpoint(ip_address("127.0.0.1"), port)], 1)
    assert str(raised.value) == (
        f"cannot listen on 127.0.0.1:{port}: address already in use; another resolver is "
        f"running? `ss -lntup 'sport = :{port}'` shows which: stop it or change 'listen.dns'"
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.EACCES, "ports below 1024 need CAP_NET_BIND_SERVICE"),
        (errno.EAFNOSUPPORT, "this machine has no IPv6"),
        (errno.EMFILE, "raise LimitNOFILE"),
        (errno.ENOBUFS, "check 'listen.dns'"),
    ],
)
def test_a_refusal_says_what_to_do(
    opener: Opener, monkeypatch: pytest.MonkeyPatch, code: int, says: str
) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(sockets, "_open", refuse)
    with pytest.raises(SocketError, match=r"cannot listen on \[::1\]:53: ") as raised:
        opener([Endpoint(ip_address("::1"), 53)], 1)
    assert says in str(raised.value)


@pytest.mark.parametrize("port_is_fixed", [False, True])
def test_inherited_sockets_are_taken_over_with_what_waits_in_them(
    opener: Opener, port_is_fixed: bool
) -> None:
    opened = opener([LOOPBACK, LOOPBACK6], 2)
    endpoints = [LOOPBACK, LOOPBACK6]
    if port_is_fixed:
        endpoints = [Endpoint(one.address, one.port) for one in opened[::4]]
    names = Counter(one.name for one in opened)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"query", ("127.0.0.1", opened[0].port))
    again = opener(endpoints, 2, hand_over(opened))
    assert Counter(one.name for one in again) == names
    assert sum(waiting(one.socket) for one in again if one.transport == "udp") == 1


def test_more_workers_than_inherited_sockets_get_new_ones(opener: Opener) -> None:
    opened = opener([LOOPBACK], 1)
    again = opener([LOOPBACK], 3, hand_over(opened))
    assert {one.port for one in again} == {opened[0].port}
    assert Counter((one.transport, one.worker) for one in again) == Counter(
        (transport, worker) for transport in ("udp", "tcp") for worker in range(3)
    )


def test_fewer_workers_share_all_inherited_sockets(opener: Opener) -> None:
    again = opener([LOOPBACK], 2, hand_over(opener([LOOPBACK], 5)))
    assert Counter((one.transport, one.worker) for one in again) == Counter(
        {("udp", 0): 3, ("udp", 1): 2, ("tcp", 0): 3, ("tcp", 1): 2}
    )


def test_an_endpoint_with_port_0_leaves_the_others_theirs(opener: Opener) -> None:
    opened = opener([LOOPBACK, LOOPBACK], 1)
    fixed = Endpoint(LOOPBACK.address, opened[0].port)
    again = opener([LOOPBACK, fixed], 1, hand_over(opened))
    assert {one.port for one in again} == {one.port for one in opened}


def test_an_inherited_socket_that_is_not_listened_on_is_an_error(opener: Opener) -> None:
    opened = opener([LOOPBACK], 1)
    with pytest.raises(SocketError, match=rf"udp 127.0.0.1:{opened[0].port} is not in"):
        opener([LOOPBACK6], 1, hand_over(opened))


def test_an_inherited_descriptor_that_is_no_network_socket_is_an_error(opener: Opener) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with pytest.raises(SocketError, match="is no socket"):
        opener([LOOPBACK], 1, [reader])
    os.close(reader)
    one, other = socket.socketpair()
    with other, pytest.raises(SocketError, match="neither UDP nor TCP"):
        opener([LOOPBACK], 1, [one.detach()])


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_nothing_stays_open_when_one_address_cannot_be_had(opener: Opener) -> None:
    before = open_descriptors()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(SocketError):
            opener([LOOPBACK6, Endpoint(LOOPBACK.address, other.getsockname()[1])], 2)
    assert open_descriptors() == before


def test_what_a_socket_had_no_room_for_is_counted(opener: Opener) -> None:
    udp = opener([LOOPBACK], 1)[0]
    udp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    assert dropped(udp.socket) == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(200):
            client.sendto(bytes(1000), ("127.0.0.1", udp.port))
    lost = dropped(udp.socket)
    assert lost == 200 - waiting(udp.socket) > 0
    assert dropped(udp.socket) == lost
