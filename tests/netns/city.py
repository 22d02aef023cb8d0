"""A small city: a phone, a citizen, their gateway with its VLANs, and the world behind it.

    phone    10.20.0.7  2001:db8:20::7 --- vlan20 \\
                                                   gateway --- world: NSD on 192.0.2.53
    citizen  10.99.0.7  fd00:99::7     --- vlan99 /

The gateway also has 10.30.0.1 and 2001:db8:30::1 for a library that is closed today, and
on every VLAN the link-local address fe80::1, as many a router does.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.message
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6  # noqa: F401 - teaches Ether to read it
from scapy.layers.l2 import Ether

from tests.support.asking import ask_tcp, ask_udp
from tests.support.netns import Namespace, connect, namespaces
from tests.support.nsd import running_nsd
from tests.support.server import Server, running

GATEWAY = ("10.20.0.1", "10.99.0.1", "10.30.0.1", "2001:db8:20::1", "fd00:99::1", "2001:db8:30::1")
LINK_LOCAL = "fe80::1"
UPSTREAM = "192.0.2.53"
STRANGERS = ("198.51.100.9", "2001:db8:bad::9")

_ALL_PROTOCOLS = 0x0003  # ETH_P_ALL
_SO_RCVBUFFORCE = 33
_CAPTURE_BUFFER = 16 * 2**20

_CONFIG = {
    "listen": {"dns": ["0.0.0.0:53", "[::]:53"], "admin": None},
    "groups": {"staff-mobile": {"subnets": ["10.20.0.0/16", "2001:db8:20::/48"]}},
    "policies": {
        "tiktok-ban": {
            "groups": ["staff-mobile"],
            "lists": ["builtin:tiktok"],
            "stage": "enforce",
        }
    },
}
_SOA = "@ 3600 IN SOA ns.example. admin.example. 1 3600 600 86400 60\n@ 3600 IN NS ns.example.\n"
_ZONES = {
    "example.org": f"{_SOA}* 300 IN A 198.51.100.10\n",
    "tiktok.com": f"{_SOA}* 300 IN A 198.51.100.80\n* 300 IN AAAA 2001:db8::80\n",
}


@dataclass(frozen=True)
class Client:
    """A host that asks from its own addresses."""

    host: Namespace
    device: str
    addresses: tuple[str, ...]

    def ask(
        self, text: str, server: str, transport: str = "udp", *, by: str = ""
    ) -> tuple[dns.message.Message, str]:
        """Return the response of a server and where it came from; `by` is an address of ours."""
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        scope = self.host.index(self.device) if server.startswith("fe80:") else 0
        with self.host.socket(family, kind) as client:
            source = by or self._usual(server)
            client.bind(_sockaddr(source, 0, scope if source.startswith("fe80:") else 0))
            ask = ask_udp if transport == "udp" else ask_tcp
            response, answerer = ask(client, text, _sockaddr(server, 53, scope))
        return response, answerer[0].partition("%")[0]

    def _usual(self, server: str) -> str:
        return next(
            address
            for address in self.addresses
            if (":" in address) == (":" in server)
            and address.startswith("fe80:") == server.startswith("fe80:")
        )


def _sockaddr(address: str, port: int, scope: int) -> tuple[Any, ...]:
    return (address, port, 0, scope) if ":" in address else (address, port)


class Capture:
    """What passes a device of a host on its way to a port, from now on."""

    def __init__(self, host: Namespace, device: str, port: int) -> None:
        self._port = port
        self._socket = host.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _CAPTURE_BUFFER)
        self._socket.bind((device, _ALL_PROTOCOLS))
        self._socket.setblocking(False)

    def queries(self) -> list[tuple[int, dns.message.Message]]:
        """Return source port and message of every query over UDP since the last call."""
        return [
            (frame[UDP].sport, dns.message.from_wire(bytes(frame[UDP].payload)))
            for frame in map(Ether, self._frames())
            if UDP in frame and frame[UDP].dport == self._port
        ]

    def close(self) -> None:
        """Stop capturing."""
        self._socket.close()

    def _frames(self) -> Iterator[bytes]:
        while True:
            try:
                yield self._socket.recv(65_535)
            except BlockingIOError:
                return


@dataclass(frozen=True)
class City:
    """The hosts, and dnsguard on the gateway."""

    phone: Client
    citizen: Client
    stranger: Client
    gateway: Namespace
    world: Namespace
    server: Server
    upstream_port: int

    @contextmanager
    def capture(self) -> Iterator[Capture]:
        """Capture what reaches the world."""
        capture = Capture(self.world, "city", self.upstream_port)
        try:
            yield capture
        finally:
            capture.close()

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Pull the world's cable out for the length of a block."""
        self.world.ip("link set city down")
        try:
            yield
        finally:
            self.world.ip("link set city up")
            _route(self.world)


@contextmanager
def city(folder: Path) -> Iterator[City]:
    """Build the city, its files below a folder, and tear it down at the end."""
    names = ("phone", "citizen", "library", "gateway", "world")
    with namespaces(*names) as (phone, citizen, library, gateway, world):
        _lay_cables(phone, citizen, gateway, world)
        connect(library, "lan", gateway, "vlan30")
        _add_addresses(gateway, "vlan30", ("10.30.0.1/16", "2001:db8:30::1/64", "fe80::1/64"))
        with ExitStack() as started:
            with world.entered():
                port = started.enter_context(running_nsd(folder, _ZONES, UPSTREAM))
            config = {**_CONFIG, "upstreams": [f"udp://{UPSTREAM}:{port}"]}
            server = running(folder, config, prefix=gateway.prefix)
            yield City(
                Client(phone, "lan", ("10.20.0.7", "2001:db8:20::7", "fe80::7")),
                Client(citizen, "lan", ("10.99.0.7", "fd00:99::7", "fe80::7")),
                Client(world, "city", STRANGERS),
                gateway,
                world,
                started.enter_context(server),
                port,
            )


def _lay_cables(phone: Namespace, citizen: Namespace, gateway: Namespace, world: Namespace) -> None:
    for client, vlan, addresses, routers in (
        (phone, "vlan20", ("10.20.0.7/16", "2001:db8:20::7/64"), ("10.20.0.1", "2001:db8:20::1")),
        (citizen, "vlan99", ("10.99.0.7/16", "fd00:99::7/64"), ("10.99.0.1", "fd00:99::1")),
    ):
        connect(client, "lan", gateway, vlan)
        _add_addresses(gateway, vlan, (f"{routers[0]}/16", f"{routers[1]}/64", "fe80::1/64"))
        _add_addresses(client, "lan", (*addresses, "fe80::7/64"))
        for router in routers:
            client.ip(f"route add default via {router}")
    connect(gateway, "wan", world, "city")
    _add_addresses(gateway, "wan", ("192.0.2.1/24", "2001:db8:53::1/64", "fe80::1/64"))
    _add_addresses(world, "lo", (f"{STRANGERS[0]}/32", f"{STRANGERS[1]}/128"))
    _add_addresses(world, "city", ("192.0.2.53/24",))
    _route(world)
    gateway.ip("route add default via 192.0.2.53")
    gateway.ip("route add default via 2001:db8:53::53")


def _route(world: Namespace) -> None:
    """Give the world what it lacks whenever its cable is plugged in."""
    _add_addresses(world, "city", ("2001:db8:53::53/64", "fe80::53/64"))
    world.ip("route add default via 192.0.2.1")
    world.ip("route add default via 2001:db8:53::1")


def _add_addresses(host: Namespace, device: str, addresses: Sequence[str]) -> None:
    for address in addresses:
        host.add_address(address, device)
