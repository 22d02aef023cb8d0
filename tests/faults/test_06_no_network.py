"""Fault row 6: no network at boot; interfaces come up, go and change their addresses later.

phone 10.20.0.7 --- lan [gateway] wan --- world: a truthful upstream on 192.0.2.53
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.driver import ALL, BLOCKED_NAME, FAILED, REGISTERED, SINKHOLE, config, under_load
from tests.support.asking import ask_udp
from tests.support.gateway import extended_errors, said
from tests.support.netns import Namespace, connect, namespaces
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running
from tests.support.truth import address_of, truth

LAN, WAN, WORLD = "10.20.0.1", "192.0.2.1", "192.0.2.53"
PHONE, CITIZEN = "10.20.0.7", "10.20.0.8"
PORT = 53
NETWORK_ERROR = 23  # EDE (RFC 8914)


class Place(NamedTuple):
    """A gateway that has started with nothing but loopback, and what will be around it."""

    phone: Namespace
    gateway: Namespace
    world: Namespace
    server: Server
    upstream: ScriptedUpstream


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with namespaces("phone", "gateway", "world") as (phone, gateway, world), ExitStack() as opened:
        world.add_address(f"{WORLD}/32", "lo")
        with world.entered():
            upstream = opened.enter_context(ScriptedUpstream(truth, address=WORLD, port=PORT))
        settings = config(
            f"udp://{WORLD}",
            listen={"dns": [f"{LAN}:{PORT}", f"127.0.0.1:{PORT}"], "admin": None},
            groups={"staff": {"subnets": [f"{PHONE}/32", f"{REGISTERED}/32"]}},
            local_records=["printer.city.internal. 300 IN A 10.0.0.9"],
        )
        server = opened.enter_context(running(tmp_path, settings, prefix=gateway.prefix))
        yield Place(phone, gateway, world, server, upstream)


def asks(host: Namespace, source: str, name: str, server: str) -> str:
    """Return what a client is told, and why it failed."""
    with host.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((source, 0))
        answer = ask_udp(client, f"{name} A", (server, PORT))[0]
        return said(answer) + "".join(f" {code}" for code in extended_errors(answer))


def lay_cables(place: Place) -> None:
    """Plug both cables in, and give the gateway its addresses."""
    connect(place.phone, "lan", place.gateway, "lan")
    connect(place.gateway, "wan", place.world, "city")
    for address in (PHONE, CITIZEN):
        place.phone.add_address(f"{address}/16", "lan")
    place.world.add_address("192.0.2.254/24", "city")
    place.gateway.add_address(f"{LAN}/16", "lan")
    place.gateway.add_address(f"{WAN}/24", "wan")


def test_what_needs_no_network_is_answered_and_the_rest_once_there_is_one(place: Place) -> None:
    loopback = {
        name: asks(place.gateway, REGISTERED, name, "127.0.0.1")
        for name in (BLOCKED_NAME, "printer.city.internal", "www.example.org")
    }
    assert loopback[BLOCKED_NAME].split()[0] == SINKHOLE
    assert loopback["printer.city.internal"] == "10.0.0.9"
    assert loopback["www.example.org"].split()[:2] == ["SERVFAIL", str(NETWORK_ERROR)]

    with under_load(place.server, make_socket=place.gateway.socket, warm=False) as load:
        load.phase("no network").check_right("blocked")
        lay_cables(place)
        print(f"resolves {load.recovers(*ALL):.1f} s after the network is there")
        check_lan(place)

        with changed(place.gateway, f"{WAN}/24", "192.0.2.9/24", "wan"):
            print(f"resolves {load.recovers('fresh'):.1f} s after the address changed")
        load.recovers("fresh")

        place.gateway.ip("link set wan down")
        load.waits_for(lambda query: query.kind == "fresh" and query.outcome == FAILED)
        place.gateway.ip("link set wan up")
        print(f"resolves {load.recovers('fresh'):.1f} s after the cable is plugged in")

        with changed(place.gateway, f"{LAN}/16", "10.20.0.2/16", "lan"):
            pass
        check_lan(place)


@contextmanager
def changed(host: Namespace, address: str, other: str, device: str) -> Iterator[None]:
    """Have a host another address for the length of a block."""
    host.ip(f"address del {address} dev {device}")
    host.add_address(other, device)
    try:
        yield
    finally:
        host.ip(f"address del {other} dev {device}")
        host.add_address(address, device)


def check_lan(place: Place) -> None:
    """Check that the address that came up late is served, for registered clients and others."""
    assert asks(place.phone, PHONE, BLOCKED_NAME, LAN).split()[0] == SINKHOLE
    for client in (PHONE, CITIZEN):
        name = f"n{client}.example.net"
        assert asks(place.phone, client, name, LAN) == address_of(name)
