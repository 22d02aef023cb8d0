"""50,000 names through dnsguard and straight from its upstream, a real NSD: the same answers.

Uncompiled it is a tenth of them, of the same kinds.

Compared is what respdiff compares: whether there is an answer, opcode, rcode, flags, question,
types and signatures of the answer; and its data, its TTLs, and the proof of what is negative or
made from a wildcard. What differs by design is told by `explain`, and nothing else may.
"""

import json
import random
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from dnsguard.build import BUILD
from dnsguard.core import names
from dnsguard.core.local import special_zone
from tests.scenarios.client import Place, ask
from tests.support.data import SHARED, read_shared
from tests.support.generated_zones import generate_zone, host_names
from tests.support.nsd import running_nsd
from tests.support.server import running
from tests.support.signing import sign
from tests.support.verdicts import Question

SEED = 20_261_128
NAMES = 50_000 if BUILD == "compiled" else 5_000
SIGNED_NAMES = NAMES // 25
POPULAR_NAMES = NAMES * 2 // 5
AGAIN = NAMES // 20  # asked once more, from the cache; and as many over TCP, and large ones
TOPLISTS = ("queries/cisco-umbrella-top20k.json.xz", "queries/opendns-random-10k.txt")
APEXES = ("example.org", "example.net", "city.example", "a.very.deep.zone.example.com")
SIGNED_APEX = "signed.example.org"

BY_DESIGN = dns.flags.AA | dns.flags.RA | dns.flags.CD
"""Header bits in which a forwarder, which echoes CD, and an authoritative server differ."""

NS = b"\0\2"
PROOFS = frozenset({dns.rdatatype.SOA, dns.rdatatype.NSEC, dns.rdatatype.NSEC3, dns.rdatatype.DS})


class Asked(NamedTuple):
    """A question and the query that asks it."""

    question: Question
    query: bytes

    @property
    def wants_dnssec(self) -> bool:
        """Whether DO is set: the OPT record is the query's end."""
        return self.query[-4] & 0x80 != 0 and self.query[11] == 1


def compose(chosen: random.Random, question: Question, *, signed: bool) -> Asked:
    """Return a query, with EDNS or without, now and then with DO or CD."""
    edns = chosen.random() < 0.8
    do = edns and chosen.random() < (0.7 if signed else 0.1)
    flags = 0x0100 | (0x0010 if chosen.random() < 0.05 else 0)
    query = struct.pack("!HHHHHH", 0, flags, 1, 0, 0, edns) + question.name
    query += struct.pack("!HH", dns.rdatatype.from_text(question.rdatatype), 1)
    if edns:
        query += struct.pack("!BHHIH", 0, 41, 1232, 0x8000 if do else 0, 0)
    return Asked(question, query)


def popular_names(chosen: random.Random) -> Sequence[bytes]:
    """Return some names of the top lists where there are such, special-use names aside."""
    if SHARED is None:
        return ()
    popular, visited = (read_shared(path).decode() for path in TOPLISTS)
    listed = {names.from_text(name) for name in (*json.loads(popular)["list"], *visited.split())}
    plain = {name for name in listed if special_zone(name) is None} - {names.ROOT}
    return chosen.sample(sorted(plain), POPULAR_NAMES)


def is_plainly_the_same(asked: Asked, ours: bytes, theirs: bytes) -> bool:
    """Tell whether two answers are the same octets, but for name servers left out behind them."""
    end = len(asked.question.name) + 16
    if ours[2:4] != bytes([0x81, 0x80 | asked.query[3] | theirs[3]]) or theirs[2:3] != b"\x85":
        return False
    if asked.wants_dnssec or ours[4:8] != theirs[4:8] or ours[12:end] != asked.query[12:end]:
        return False
    behind = end
    for _ in range(int.from_bytes(ours[6:8], "big") + int.from_bytes(ours[8:10], "big")):
        behind = skip_name(ours, behind)
        behind += 10 + int.from_bytes(ours[behind + 8 : behind + 10], "big")
    opt = 11 * asked.query[11]
    if ours[10:12] != asked.query[10:12] or len(ours) != behind + opt:
        return False
    if ours[end:behind] != theirs[end:behind]:
        return False
    if ours[8:10] == theirs[8:10]:
        return True
    left_out = skip_name(theirs, behind)
    return ours[8:10] == b"\0\0" and theirs[left_out : left_out + 2] == NS


def skip_name(message: bytes, position: int) -> int:
    while 0 < message[position] < 0xC0:
        position += 1 + message[position]
    return position + (2 if message[position] else 1)


def explain(asked: Asked, ours: bytes, theirs: bytes) -> str:
    """Return in which way two answers differ by design; fail when they differ in another way."""
    if is_plainly_the_same(asked, ours, theirs):
        return "plain"
    our, their = dns.message.from_wire(ours), dns.message.from_wire(theirs)
    assert our.opcode() == their.opcode()
    assert our.question == their.question
    assert ours[12:].startswith(asked.question.name)  # in the letters of the query
    assert our.flags & BY_DESIGN == dns.flags.RA | asked.query[3]
    assert (our.edns >= 0) == (their.edns >= 0) == (asked.query[11] == 1)
    assert our.ednsflags == their.ednsflags
    if their.rcode() == dns.rcode.YXDOMAIN:
        # No rcode but these two says something of a name that may be kept.
        assert our.rcode() == dns.rcode.SERVFAIL
        return "an alias that is too long"
    assert our.rcode() == their.rcode()
    assert (our.flags ^ their.flags) & ~BY_DESIGN == 0
    if our.flags & dns.flags.TC:
        assert not our.answer
        return "truncated"
    assert not our.additional
    assert_same_records(our.answer, their.answer)
    assert_same_records(our.authority, [rrset for rrset in their.authority if proves(rrset)])
    return "with a proof" if our.authority else "positive"


def proves(rrset: dns.rrset.RRset) -> bool:
    return rrset.rdtype in PROOFS or rrset.covers in PROOFS


def assert_same_records(ours: Sequence[dns.rrset.RRset], theirs: Sequence[dns.rrset.RRset]) -> None:
    """Check that two sections have the same records, in any order, ours with no higher TTL."""
    our, their = (
        {(rrset.name, rrset.rdtype, rrset.covers): rrset for rrset in section}
        for section in (ours, theirs)
    )
    assert our.keys() == their.keys()
    for key, rrset in our.items():
        assert set(rrset) == set(their[key])
        assert rrset.ttl <= their[key].ttl


class Servers(NamedTuple):
    """Where dnsguard and its upstream answer, and what to ask them."""

    ours: Place
    theirs: Place
    asked: Sequence[Asked]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    chosen = random.Random(SEED)
    print(f"seed {SEED}")
    popular = host_names(chosen, popular_names(chosen))
    signed = generate_zone(chosen, SIGNED_APEX, SIGNED_NAMES)
    left = NAMES - SIGNED_NAMES - len({question.name.lower() for question in popular.questions})
    plain = {apex: generate_zone(chosen, apex, left // len(APEXES)) for apex in APEXES}
    zones = {
        ".": popular.text,
        SIGNED_APEX: sign(SIGNED_APEX, signed.text, {}).text,
        **{apex: plots.text for apex, plots in plain.items()},
    }
    asked = [compose(chosen, question, signed=True) for question in signed.questions]
    for plots in (popular, *plain.values()):
        asked += [compose(chosen, question, signed=False) for question in plots.questions]
    chosen.shuffle(asked)
    with running_nsd(tmp_path_factory.mktemp("nsd"), zones) as port:
        config = {"upstreams": [f"udp://127.0.0.1:{port}"]}
        with running(tmp_path_factory.mktemp("dnsguard"), config) as server:
            yield Servers(server.places["127.0.0.1"], ("127.0.0.1", port), asked)


def compare(servers: Servers, asked: Sequence[Asked], *, tcp: bool = False) -> Counter[str]:
    """Return how many answers differ in which way that is explained."""
    queries = [one.query for one in asked]
    ours, theirs = (ask(place, queries, tcp=tcp) for place in (servers.ours, servers.theirs))
    counts = Counter[str]()
    for one, our, their in zip(asked, ours, theirs, strict=True):
        try:
            counts[explain(one, our, their)] += 1
        except AssertionError as error:
            raise AssertionError(
                f"{one.question}\n{dns.message.from_wire(our)}\n{dns.message.from_wire(their)}"
            ) from error
    print(dict(counts))
    return counts


def test_every_name(servers: Servers) -> None:
    assert len({one.question.name.lower() for one in servers.asked}) >= NAMES
    counts = compare(servers, servers.asked)
    assert min(counts.values()) > 5


def test_from_the_cache(servers: Servers) -> None:
    asked = servers.asked[:AGAIN]
    ask(servers.ours, [one.query for one in asked])
    compare(servers, asked)


def test_over_tcp(servers: Servers) -> None:
    large = [one for one in servers.asked if one.question.rdatatype in ("A", "TXT")]
    counts = compare(servers, [*servers.asked[:AGAIN], *large[:AGAIN]], tcp=True)
    assert "truncated" not in counts
