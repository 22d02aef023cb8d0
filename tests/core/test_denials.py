"""What one proof of absence answers: RFC 8020, and what it must not."""

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core.answer import Answer
from dnsguard.core.cache import Cache
from dnsguard.core.denials import Denials
from dnsguard.core.forward import Forward
from dnsguard.core.names import from_text
from dnsguard.core.protocol import CD, Source
from dnsguard.core.zones import ForwardZones
from tests.support.gateway import Gateway, question, records_server, said
from tests.support.generations import Ban, Setup

OTHER = "192.168.1.5"
SOA = "ns.example. admin.example. 1 3600 600 86400 60"


def denying(query: dns.message.Message) -> dns.message.Message:
    """Say that names at and below none.example do not exist; other names have an address."""
    name = query.question[0].name
    if not str(name).lower().endswith("none.example."):
        return records_server()(query)
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(dns.rcode.NXDOMAIN)
    response.authority.append(dns.rrset.from_text("example.", 900, "IN", "SOA", SOA))
    return response


def gateway(**fields: object) -> Gateway:
    return Gateway(Setup(**fields).generation(), denying)  # type: ignore[arg-type]


def is_asked(there: Gateway, text: str) -> bool:
    """Tell whether a question goes to an upstream; it is answered in any case."""
    outcome = there.send(OTHER, text)
    if isinstance(outcome, Forward):
        there.finish(outcome)
        return True
    return False


@pytest.mark.parametrize(
    "text",
    ["none.example AAAA", "none.example TXT", "a.none.example A", "x.y.A.NONE.example HTTPS"],
)
def test_a_name_that_does_not_exist_has_no_types_and_nothing_below(text: str) -> None:
    there = gateway()
    assert is_asked(there, "none.example A")
    there.now += 10
    answer = there.ask(OTHER, question(text, edns=False))
    assert answer is not None
    assert said(answer) == "NXDOMAIN"
    assert there.resolver.replies.source == Source.CACHE
    [soa] = answer.authority
    assert (str(soa.name), soa.ttl) == ("example.", 50)
    assert str(soa[0].mname) == "ns.example."


@given(st.integers(1, 6), st.integers(0, 6))
def test_it_holds_for_any_number_of_labels(labels: int, more: int) -> None:
    there = gateway()
    denied = "none.example"
    for _ in range(labels):
        denied = "ab." + denied
    is_asked(there, f"{denied} A")
    below = "xyz." * more + denied
    assert there.say(OTHER, f"{below} MX", edns=False) == "NXDOMAIN"
    assert not is_asked(there, f"{below} MX")


@pytest.mark.parametrize("text", ["example A", "other.example A", "xnone.example A"])
def test_it_says_nothing_of_other_names(text: str) -> None:
    there = gateway()
    is_asked(there, "none.example A")
    assert is_asked(there, text)


def test_it_ends_with_its_ttl() -> None:
    there = gateway()
    is_asked(there, "none.example A")
    there.now += 60
    assert is_asked(there, "a.none.example A")


def test_whoever_wants_signatures_asks_on() -> None:
    there = gateway()
    signed = question("none.example A")
    signed.want_dnssec()
    assert isinstance(there.send(OTHER, signed), Forward)
    there.finish(there.send(OTHER, signed))  # type: ignore[arg-type]
    assert is_asked(there, "a.none.example A")
    below = question("b.none.example A")
    below.want_dnssec()
    assert isinstance(there.send(OTHER, below), Forward)


def test_what_was_not_validated_is_kept_apart() -> None:
    there = gateway()
    unchecked = question("none.example A")
    unchecked.flags |= CD
    there.finish(there.send(OTHER, unchecked))  # type: ignore[arg-type]
    assert is_asked(there, "a.none.example A")


def test_an_alias_to_what_does_not_exist_exists() -> None:
    there = gateway()
    there.server = aliased
    is_asked(there, "alias.example A")
    assert is_asked(there, "alias.example AAAA")
    assert is_asked(there, "www.alias.example A")


def aliased(query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(dns.rcode.NXDOMAIN)
    name = query.question[0].name
    response.answer.append(dns.rrset.from_text(name, 300, "IN", "CNAME", "none.example."))
    response.authority.append(dns.rrset.from_text("example.", 900, "IN", "SOA", SOA))
    return response


def test_without_soa_nothing_is_proven() -> None:
    def bare(query: dns.message.Message) -> dns.message.Message:
        response = denying(query)
        response.authority.clear()
        return response

    there = gateway()
    there.server = bare
    is_asked(there, "none.example A")
    assert is_asked(there, "a.none.example A")


def test_another_forward_zone_is_asked_itself() -> None:
    there = gateway(forward_zones={"city.none.example": ["udp://192.0.2.54:53"]})
    is_asked(there, "none.example A")
    assert is_asked(there, "www.city.none.example A")
    assert not is_asked(there, "www.none.example A")


def test_a_name_that_came_to_be_is_believed() -> None:
    there = gateway()
    is_asked(there, "none.example A")
    for _ in range(4):
        is_asked(there, "none.example A")
    there.now += 55
    assert not is_asked(there, "none.example A")
    [refresh] = there.resolver.refreshes
    there.server = records_server()
    there.refresh(refresh)
    assert is_asked(there, "none.example AAAA")


def test_a_block_denies_nothing() -> None:
    there = gateway(
        policies={
            "ban": Ban(block=["block.example"], allow=["ok.block.example"], answer="nxdomain")
        }
    )
    assert there.say("10.20.0.7", "block.example A") == "NXDOMAIN"
    assert there.say("10.20.0.7", "www.block.example A") == "NXDOMAIN"
    assert there.say("10.20.0.7", "ok.block.example A") == "192.0.2.1"
    assert there.say(OTHER, "www.block.example A") == "192.0.2.1"


def test_however_many_there_are_the_latest_are_known() -> None:
    cache = Cache(1 << 30)
    denials = Denials(cache)
    answer = Answer(3, b"x", nscount=1, ttl=60)
    zones = ForwardZones({})
    keys = [from_text(f"n{number}.example") + b"\0\1\0\1\0" for number in range(40_000)]
    for key in keys:
        denials.keep(key, answer, 0.0)
    known = [denials.find(key, zones, 0, 1.0) is not None for key in keys]
    assert all(known[-1000:])
    assert denials.find(b"\3www" + keys[-1], zones, 0, 1.0) is not None
    assert denials.find(from_text("other.example") + b"\0\1\0\1\0", zones, 0, 1.0) is None
