"""TikTok's names are sinkholed for a registered client, all of them and nothing else."""

import json
from collections.abc import Iterator, Sequence

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from dnsguard.core import names
from dnsguard.core.local import special_zone
from dnsguard.lists.bundled import off_switches
from tests.lists.test_tiktok import OWNERSHIP, is_owned, toplist_rows
from tests.scenarios.client import ask, compose
from tests.scenarios.upstream import ADDRESSES, knowing_every_name
from tests.support.data import needs_shared, read_facts, read_shared
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running

REGISTERED = {"127.0.0.1": "127.0.0.2", "::1": "::1"}
"""The address a registered client asks from, by the one it asks."""

EDE = dns.edns.EDEOption(dns.edns.EDECode.BLOCKED, "Bloqué / Blocked: tiktok-ban")
ADDRESS_TYPES = {"A": "0.0.0.0", "AAAA": "::"}
MOST_ASKED = ("A", "AAAA", "HTTPS")
OTHERS = ("SVCB", "TXT", "MX", "NS", "CNAME", "SOA", "ANY", "TYPE65280")

every_address = pytest.mark.parametrize("address", REGISTERED)
every_transport = pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(knowing_every_name()) as started:
        yield started


@pytest.fixture(scope="module")
def server(
    upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    config = {
        "listen": {"dns": ["127.0.0.1:0", "[::1]:0"], "admin": None},
        "upstreams": [upstream.url],
        "groups": {"staff": {"subnets": ["127.0.0.2/32", "::1/128"]}},
        "policies": {"tiktok-ban": {"groups": ["staff"], "lists": ["builtin:tiktok"]}},
    }
    with running(tmp_path_factory.mktemp("city"), config) as started:
        yield started


def check_sinkholed(
    server: Server, address: str, qnames: Sequence[str], types: Sequence[str], *, tcp: bool
) -> None:
    asked = [
        (name, rdatatype, edns) for name in qnames for rdatatype in types for edns in (True, False)
    ]
    queries = [compose(name, rdatatype, edns=edns) for name, rdatatype, edns in asked]
    source = REGISTERED[address]
    answers = ask(server.places[address], queries, source=source, tcp=tcp)
    for (name, rdatatype, edns), query, answer in zip(asked, queries, answers, strict=True):
        response = dns.message.from_wire(answer)
        assert dns.message.from_wire(query).is_response(response)
        assert response.rcode() == dns.rcode.NOERROR
        assert response.flags == dns.flags.QR | dns.flags.RD | dns.flags.RA
        found = [rrset.to_text() for rrset in response.answer]
        kept_by = [(str(soa.name), soa.ttl, soa.rdtype) for soa in response.authority]
        if rdatatype in ADDRESS_TYPES:
            assert found == [f"{name}. 30 IN {rdatatype} {ADDRESS_TYPES[rdatatype]}"]
            assert kept_by == []
        else:
            assert found == []
            assert kept_by == [(f"{name}.", 30, dns.rdatatype.SOA)]
        assert response.edns == (0 if edns else -1)
        if edns and not tcp and rdatatype == "ANY":
            # It is kept so short that there may be no room for the reason's text.
            [reason] = response.options
            assert isinstance(reason, dns.edns.EDEOption)
            assert int(reason.code) == int(EDE.code)
            assert reason.text in (None, EDE.text)
        else:
            assert response.options == ((EDE,) if edns else ())


@every_address
@every_transport
def test_known_names_are_sinkholed(
    server: Server, upstream: ScriptedUpstream, address: str, tcp: bool
) -> None:
    check_sinkholed(server, address, read_facts("tiktok-names.txt"), MOST_ASKED, tcp=tcp)
    check_sinkholed(server, address, ["tiktok.com", "www.tiktok.com"], OTHERS, tcp=tcp)
    assert upstream.names == []


@needs_shared("queries/tiktok-names-in-toplists.tsv")
@every_address
@every_transport
def test_every_name_of_the_top_lists_is_sinkholed(
    server: Server, upstream: ScriptedUpstream, address: str, tcp: bool
) -> None:
    listed = [name for name, _ in toplist_rows()]
    check_sinkholed(server, address, listed, MOST_ASKED, tcp=tcp)
    assert upstream.names == []


def blocked(server: Server, qnames: Sequence[str], rdatatype: str) -> list[str]:
    """Return the names that are answered otherwise than by the upstream."""
    queries = [compose(name, rdatatype, edns=False) for name in qnames]
    answers = ask(server.places["127.0.0.1"], queries, source="127.0.0.2")
    address = ADDRESSES[dns.rdatatype.from_text(rdatatype)]
    return [
        name
        for name, answer in zip(qnames, answers, strict=True)
        if answer[3] & 0x0F or answer[6:8] != b"\0\1" or not answer.endswith(address)
    ]


@pytest.mark.parametrize("rdatatype", ["A", "AAAA"])
def test_near_misses_are_left_alone(server: Server, rdatatype: str) -> None:
    assert blocked(server, read_facts("near-miss.txt"), rdatatype) == []


@needs_shared("queries/near-miss-not-tiktok.txt")
@pytest.mark.parametrize("rdatatype", ["A", "AAAA"])
def test_near_misses_of_the_top_lists_are_left_alone(server: Server, rdatatype: str) -> None:
    near = read_shared("queries/near-miss-not-tiktok.txt").decode().split()
    assert len(near) > 30
    assert blocked(server, near, rdatatype) == []


def never_forwarded(name: str) -> bool:
    """Tell whether a name is an off-switch or of a special-use zone: TikTok has none of these."""
    switches = {switch.name for switch in off_switches()}
    return names.from_text(name) in switches or special_zone(names.from_text(name)) is not None


@needs_shared("queries/cisco-umbrella-top20k.json.xz", *OWNERSHIP)
def test_the_rest_of_the_20_000_most_asked_names_is_left_alone(server: Server) -> None:
    most_asked = json.loads(read_shared("queries/cisco-umbrella-top20k.json.xz"))["list"]
    others = [name for name in most_asked if not (is_owned(name) or never_forwarded(name))]
    assert len(others) > 19_000
    assert blocked(server, others, "A") == []
