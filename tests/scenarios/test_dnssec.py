"""DNSSEC with the deployed Unbound behind dnsguard: it validates, dnsguard passes on what it says.

The zones are NSD's, with a key of their own as the trust anchor.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from dns.rdatatype import RRSIG, A

from tests.scenarios.client import Place
from tests.support.metrics import read_samples, series
from tests.support.nsd import running_nsd
from tests.support.server import DEADLINE, Server, running
from tests.support.signing import sign
from tests.support.unbound import running_deployed

DEVICE, OTHER = "127.0.0.2", "127.0.0.1"

ZONE = """\
@ 300 IN SOA ns hostmaster 1 3600 600 86400 300
@ 300 IN NS ns
ns 300 IN A 192.0.2.53
"""
FAULTS = {
    "corrupted": "corrupted",
    "expired": "expired",
    "expired-too": "expired",
    "missing": "missing",
    "missing-too": "missing",
    "blocked-corrupted": "corrupted",
    "allowed.blocked": "corrupted",
    "shadowed": "corrupted",
    "freed": "corrupted",
}
SIGNED = (
    ZONE
    + "".join(
        f"{name} 300 IN A 192.0.2.80\n" for name in ("first", "www", "later", "blocked", *FAULTS)
    )
    + "*.wild 300 IN A 192.0.2.80\n"
    + "alias 300 IN CNAME www\n"
    + "out 300 IN CNAME www.insecure\n"
    + "led 300 IN CNAME blocked\n"
    + "led-to-corrupted 300 IN CNAME blocked-corrupted\n"
    + "insecure 300 IN NS ns\n"
)
INSECURE = ZONE + "www 300 IN A 192.0.2.81\n"

SETTINGS = {
    "workers": 1,
    "groups": {"city": {"subnets": [f"{DEVICE}/32"]}},
    "never_block": ["freed.example.org"],
    "policies": {
        "ban": {
            "groups": ["city"],
            "block": [
                *("blocked.example.org", "blocked-corrupted.example.org", "freed.example.org")
            ],
            "allow": ["allowed.blocked.example.org"],
        },
        "trial": {"groups": ["city"], "block": ["shadowed.example.org"], "stage": "shadow"},
    },
}


class Servers(NamedTuple):
    """The validating resolver, and a dnsguard that trusts it and one that does not."""

    unbound: Place
    trusting: Server
    doubting: Server


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    signed = sign("example.org", SIGNED, FAULTS)
    zones = {"example.org": signed.text, "insecure.example.org": INSECURE}
    with ExitStack() as started:
        nsd = started.enter_context(running_nsd(tmp_path_factory.mktemp("nsd"), zones))
        port = started.enter_context(
            running_deployed(
                tmp_path_factory.mktemp("unbound"), signed.anchor, [(zone, nsd) for zone in zones]
            )
        )
        trusting, doubting = (
            started.enter_context(
                running(
                    tmp_path_factory.mktemp("dnsguard"),
                    {
                        **SETTINGS,
                        "upstreams": [{"url": f"udp://127.0.0.1:{port}", "trusted": trusted}],
                    },
                )
            )
            for trusted in (True, False)
        )
        for server in (trusting, doubting):
            ask(("127.0.0.1", server.port), "first", "")  # until then they say Not Ready beside it
        yield Servers(("127.0.0.1", port), trusting, doubting)


def ask(place: Place, name: str, bits: str, source: str = OTHER) -> dns.message.Message:
    """Return the answer to a question with some of the bits AD, CD and DO, and with EDNS."""
    query = dns.message.make_query(f"{name}.example.org", "A", use_edns=0, payload=1232)
    query.flags |= dns.flags.from_text(" ".join(bits.replace("DO", "").split()))
    query.want_dnssec("DO" in bits)
    return dns.query.udp(query, place[0], DEADLINE, place[1], source=source)


def said(message: dns.message.Message) -> str:
    """Return the gist of an answer: rcode, AD, EDE, signatures, addresses."""
    gist = [dns.rcode.to_text(message.rcode())]
    gist += ["AD"] if message.flags & dns.flags.AD else []
    # A failure may come from memory, and says so beside its reason (RFC 9520).
    reasons = [option.code for option in message.options if isinstance(option, dns.edns.EDEOption)]
    gist += [f"EDE{code}" for code in reasons if code != dns.edns.EDECode.CACHED_ERROR]
    records = [(rrset.rdtype, rdata) for rrset in message.answer for rdata in rrset]
    proofs = [rrset.rdtype for rrset in message.authority]
    signed = RRSIG in [*proofs, *(rdatatype for rdatatype, _ in records)]
    gist += ["signed"] if signed else []
    gist += [rdata.to_text() for rdatatype, rdata in records if rdatatype == A]
    return " ".join(gist)


@pytest.mark.parametrize(
    ("name", "bits", "expected"),
    [
        ("www", "", "NOERROR 192.0.2.80"),
        ("www", "AD", "NOERROR AD 192.0.2.80"),
        ("www", "DO", "NOERROR AD signed 192.0.2.80"),
        ("www", "AD DO", "NOERROR AD signed 192.0.2.80"),
        ("www", "CD DO", "NOERROR AD signed 192.0.2.80"),
        ("alias", "AD", "NOERROR AD 192.0.2.80"),
        ("a.wild", "DO", "NOERROR AD signed 192.0.2.80"),
        ("none", "", "NXDOMAIN"),
        ("none", "AD", "NXDOMAIN AD"),
        ("none", "DO", "NXDOMAIN AD signed"),
        ("www.insecure", "AD", "NOERROR 192.0.2.81"),
        ("www.insecure", "AD DO", "NOERROR 192.0.2.81"),
        ("none.insecure", "AD DO", "NXDOMAIN"),
        ("out", "AD", "NOERROR 192.0.2.81"),
        ("out", "DO", "NOERROR signed 192.0.2.81"),
        ("corrupted", "", "SERVFAIL EDE6"),
        ("corrupted", "AD", "SERVFAIL EDE6"),
        ("corrupted", "DO", "SERVFAIL EDE6"),
        ("corrupted", "CD", "NOERROR 192.0.2.80"),
        ("corrupted", "AD CD DO", "NOERROR signed 192.0.2.80"),
        ("expired", "CD DO", "NOERROR signed 192.0.2.80"),
        ("missing", "CD", "NOERROR 192.0.2.80"),
    ],
)
def test_what_unbound_says_is_said(servers: Servers, name: str, bits: str, expected: str) -> None:
    assert said(ask(servers.unbound, name, bits)) == expected
    for _ in ("from it", "from the cache"):
        assert said(ask(("127.0.0.1", servers.trusting.port), name, bits)) == expected
        doubted = expected.replace(" AD", "")
        assert said(ask(("127.0.0.1", servers.doubting.port), name, bits)) == doubted


@pytest.mark.parametrize(("name", "ede"), [("expired-too", 7), ("missing-too", 10)])
def test_the_reason_unbound_gives_is_given(servers: Servers, name: str, ede: int) -> None:
    place = ("127.0.0.1", servers.trusting.port)
    assert said(ask(place, name, "")) == f"SERVFAIL EDE{ede}"
    # What Unbound has in its cache has lost its reason: bogus is all it is.
    assert said(ask(servers.unbound, name, "")) == "SERVFAIL EDE6"


def answered_from_cache(server: Server) -> float:
    labels = {"source": "cache", "rcode": "NOERROR"}
    return read_samples(server.metrics())[series("dnsguard_responses_total", labels)]


def test_who_asks_first_does_not_decide_what_the_next_one_is_told(servers: Servers) -> None:
    place = ("127.0.0.1", servers.trusting.port)
    before = answered_from_cache(servers.trusting)
    said_in_turn = [said(ask(place, "later", bits)) for bits in ("", "AD", "DO", "AD", "")]
    assert said_in_turn == [
        "NOERROR 192.0.2.80",
        "NOERROR AD 192.0.2.80",
        "NOERROR AD signed 192.0.2.80",
        "NOERROR AD 192.0.2.80",
        "NOERROR 192.0.2.80",
    ]
    assert answered_from_cache(servers.trusting) == before + 3


BITS = ("", "AD", "DO", "AD DO", "CD", "AD CD DO")


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", ["blocked", "blocked-corrupted", "led"])
def test_a_blocked_name_is_blocked_however_it_is_signed(
    servers: Servers, name: str, bits: str
) -> None:
    place = ("127.0.0.1", servers.trusting.port)
    for _ in range(2):
        assert said(ask(place, name, bits, DEVICE)) == "NOERROR EDE15 0.0.0.0"
        ask(place, name, bits)  # what others have put into the cache changes nothing


def test_an_alias_of_a_blocked_name_is_no_way_to_what_is_bogus(servers: Servers) -> None:
    place = ("127.0.0.1", servers.trusting.port)
    for _ in range(2):
        assert said(ask(place, "led-to-corrupted", "DO", DEVICE)) == "SERVFAIL EDE6"
        assert said(ask(place, "led-to-corrupted", "CD DO")) == "NOERROR signed 192.0.2.80"
        assert said(ask(place, "led-to-corrupted", "CD DO", DEVICE)) == "NOERROR EDE15 0.0.0.0"


@pytest.mark.parametrize("name", ["allowed.blocked", "shadowed", "freed"])
def test_no_policy_turns_what_is_bogus_into_an_answer(servers: Servers, name: str) -> None:
    place = ("127.0.0.1", servers.trusting.port)
    for bits in ("", "AD", "DO"):
        assert said(ask(place, name, bits, DEVICE)) == "SERVFAIL EDE6"
    assert said(ask(place, name, "AD CD", DEVICE)) == "NOERROR 192.0.2.80"
