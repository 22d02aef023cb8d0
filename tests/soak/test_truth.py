"""What the upstreams of the soak tell is what dnspython reads in it, and the same each time."""

import dns.flags
import dns.message
import dns.rcode
import pytest
from dns.rdatatype import AAAA, CNAME, HTTPS, SOA, TXT, A, RdataType

from tests.soak import truth
from tests.soak.truth import NXDOMAIN, tell


def respond(name: str, rdatatype: RdataType, transport: str = "udp") -> dns.message.Message:
    query = dns.message.make_query(name, rdatatype)
    return dns.message.from_wire(truth.respond(query.to_wire(), transport, 5.0))


@pytest.mark.parametrize(
    ("name", "rdatatype"),
    [
        ("c1.cached.example", A),
        ("c1.cached.example", AAAA),
        ("c1.cached.example", HTTPS),
        ("a1.alias.example", A),
        ("h1.hosted.example", A),
        ("m1.moving.example", TXT),
    ],
)
def test_a_response_says_what_is_told(name: str, rdatatype: RdataType) -> None:
    response = respond(name.upper(), rdatatype)
    told = tell(name, rdatatype, 5.0)
    said = {
        (str(rrset.name).lower().rstrip("."), rrset.ttl, rrset.rdtype, rdata.to_wire())
        for rrset in response.answer
        for rdata in rrset
    }
    assert said == set(told.answer) != set()


def test_an_alias_leads_to_a_blocked_name() -> None:
    alias, address = tell("a1.alias.example", A).answer
    assert (alias.rdatatype, alias.rdata) == (CNAME, truth.wire("a1.blocked.example"))
    assert address.owner == "a1.blocked.example"


def test_no_two_names_are_told_the_same() -> None:
    told = {tell(f"c{number}.cached.example", AAAA).answer[0].rdata for number in range(200)}
    assert len(told) == 200


@pytest.mark.parametrize("name", ["n1.missing.example", "c1.cached.example"])
def test_what_there_is_not_comes_with_a_soa(name: str) -> None:
    response = respond(name, RdataType.MX)
    assert [rrset.rdtype for rrset in response.authority] == [SOA]
    assert response.rcode() == (NXDOMAIN if "missing" in name else dns.rcode.NOERROR)


def test_half_of_what_policies_are_about_soon_expires() -> None:
    ttls = [tell(f"a{number}.alias.example", A).answer[1].ttl for number in range(2)]
    assert ttls == [truth.SHORT_TTL, truth.TTL]


def test_what_does_not_fit_is_truncated() -> None:
    over_udp, over_tcp = (respond("l1.big.example", TXT, way) for way in ("udp", "tcp"))
    assert over_udp.flags & dns.flags.TC
    assert not over_udp.answer
    assert len(over_tcp.to_wire()) > 1232


def test_a_moving_name_tells_when_it_was_told() -> None:
    assert truth.told_at(tell("m1.moving.example", TXT, 5.0).answer[0].rdata) == (
        5.0,
        "m1.moving.example",
    )
