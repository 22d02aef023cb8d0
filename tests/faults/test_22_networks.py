"""One address family alone, and a path that takes small packets only and says nothing of it.

client --- near === far --- gateway; the link in the middle is the narrow one
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import dns.flags
import dns.message
import pytest

from tests.faults.driver import ALL, REGISTERED, UNREGISTERED, config, under_load
from tests.support.asking import PATIENCE, receive_tcp, send_tcp
from tests.support.netns import Namespace, connect, namespaces
from tests.support.scripted import Peer, Replies, ScriptedUpstream, respond, truncating
from tests.support.server import DEADLINE, Server, running
from tests.support.truth import truth

LARGE = "large.example.org"
DISTANT = "distant.example"  # forwarded to an upstream at the client's end
TEXTS = [f"{number:03}" + "x" * 200 for number in range(20)]  # 4 KB of them
NARROW = 1280
_ALL_PROTOCOLS = 0x0003  # ETH_P_ALL
_IPV4, _IPV6, _FRAGMENT = 0x0800, 0x86DD, 44

# What would tell the ends of the path to send smaller packets.
_BLACK_HOLE = """\
table inet fault {
  chain output {
    type filter hook output priority 0
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
  }
}
"""


@dataclass(frozen=True)
class Family:
    """The addresses of one family: the client's, the gateway's, and those between."""

    client: str
    gateway: str
    links: tuple[tuple[str, str], ...]
    bits: int


FAMILIES = {
    "IPv4 alone": Family(
        "10.20.0.7",
        "10.22.0.1",
        (("10.20.0.7", "10.20.0.1"), ("10.21.0.1", "10.21.0.2"), ("10.22.0.2", "10.22.0.1")),
        24,
    ),
    "IPv6 alone": Family(
        "2001:db8:20::7",
        "2001:db8:22::1",
        (
            ("2001:db8:20::7", "2001:db8:20::1"),
            ("2001:db8:21::1", "2001:db8:21::2"),
            ("2001:db8:22::2", "2001:db8:22::1"),
        ),
        64,
    ),
}


@dataclass(frozen=True)
class Ends:
    """What is at both ends of the path; `distant` is an upstream at the client's."""

    client: Namespace
    gateway: Namespace
    server: Server
    family: Family
    distant: ScriptedUpstream

    def socket(self, kind: socket.SocketKind) -> socket.socket:
        """Return a socket of the client that is connected to the gateway."""
        version = socket.AF_INET6 if ":" in self.family.gateway else socket.AF_INET
        opened = self.client.socket(version, kind)
        opened.settimeout(PATIENCE)
        opened.bind((self.family.client, 0))
        opened.connect((self.family.gateway, 53))
        return opened


def large(query: bytes, transport: str, peer: Peer) -> Replies:
    """Tell the truth, and of one name more than fits into a datagram."""
    if b"\5large" not in query.lower():
        return truth(query, transport, peer)
    tell = truncating(lambda q, _, __: [(0.0, respond(q, *(f'@ 60 TXT "{t}"' for t in TEXTS)))])
    return tell(query, transport, peer)


@pytest.fixture(params=FAMILIES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ends]:
    family = FAMILIES[request.param]
    names = ("client", "near", "far", "gateway")
    with namespaces(*names) as hosts, ExitStack() as opened:
        lay_path(hosts, family)
        client, _, _, gateway = hosts
        with client.entered():
            distant = opened.enter_context(ScriptedUpstream(large, family.client))
        with gateway.entered():
            upstream = opened.enter_context(ScriptedUpstream(large))
            place = f"[{family.gateway}]" if ":" in family.gateway else family.gateway
            settings = config(
                upstream.url,
                listen={"dns": [f"{place}:53", "127.0.0.1:53"], "admin": None},
                groups={"staff": {"subnets": [f"{REGISTERED}/32"]}},
                allow_clients=[family.client, REGISTERED, UNREGISTERED],
                forward_zones={DISTANT: [distant.url]},
            )
            server = opened.enter_context(running(tmp_path, settings))
        yield Ends(client, gateway, server, family, distant)


def lay_path(hosts: list[Namespace], family: Family) -> None:
    for number, (left, right) in enumerate(pairwise(hosts)):
        connect(left, "right", right, "left")
        for host, device, address in zip(
            (left, right), ("right", "left"), family.links[number], strict=True
        ):
            host.add_address(f"{address}/{family.bits}", device)
            if ":" in address:  # neighbours are found by link-local addresses
                host.add_address(f"fe80::{number + 1}{device[0] == 'l':d}/64", device)
    client, near, far, gateway = hosts
    near.ip(f"link set right mtu {NARROW}")
    far.ip(f"link set left mtu {NARROW}")
    client.ip(f"route add default via {family.links[0][1]}")
    near.ip(f"route add default via {family.links[1][1]}")
    far.ip(f"route add default via {family.links[1][0]}")
    gateway.ip(f"route add default via {family.links[2][0]}")
    for router in (near, far):
        with router.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1", "ascii")
            Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1", "ascii")
            subprocess.run(
                ["nft", "-f", "-"], input=_BLACK_HOLE, text=True, check=True, timeout=DEADLINE
            )


def is_fragment(frame: bytes) -> bool:
    protocol = int.from_bytes(frame[12:14], "big")
    if protocol == _IPV4:
        return bool(int.from_bytes(frame[20:22], "big") & 0x3FFF)
    return protocol == _IPV6 and frame[20] == _FRAGMENT


def test_large_answers_come_whole_and_nothing_in_fragments(path: Ends) -> None:
    query = dns.message.make_query(LARGE, "TXT", use_edns=0, payload=4096)
    with (
        path.gateway.socket(socket.AF_PACKET, socket.SOCK_RAW) as capture,
        path.socket(socket.SOCK_DGRAM) as datagrams,
        path.socket(socket.SOCK_STREAM) as stream,
    ):
        capture.bind(("left", _ALL_PROTOCOLS))
        capture.setblocking(False)
        datagrams.send(query.to_wire())
        assert dns.message.from_wire(datagrams.recv(65_535)).flags & dns.flags.TC
        send_tcp(stream, query)
        answer = receive_tcp(stream)
        assert told(answer) == set(TEXTS)
        captured = list(frames(capture))
    assert len(captured) > 4
    assert [frame for frame in captured if is_fragment(frame)] == []
    with path.gateway.entered(), under_load(path.server, place=("127.0.0.1", 53)) as load:
        load.phase("calm").check_right(*ALL)


def test_large_answers_of_an_upstream_come_whole(path: Ends) -> None:
    query = dns.message.make_query(f"large.{DISTANT}", "TXT")
    with path.gateway.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
        stream.settimeout(PATIENCE)
        stream.bind((UNREGISTERED, 0))
        stream.connect(("127.0.0.1", 53))
        send_tcp(stream, query)
        assert told(receive_tcp(stream)) == set(TEXTS)
    assert [received.transport for received in path.distant.received][-1] == "tcp"


def told(answer: dns.message.Message) -> set[str]:
    return {str(rdata).strip('"') for rrset in answer.answer for rdata in rrset}


def frames(capture: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield capture.recv(65_535)
        except BlockingIOError:
            return
