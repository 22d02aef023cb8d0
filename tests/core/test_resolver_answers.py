"""What answers look like: options, TTLs, sizes; and how they are counted."""

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from dnsguard.core import counters
from dnsguard.core.forward import Forward
from dnsguard.core.protocol import Ede, Rcode, Source, Transport
from dnsguard.core.view import Stage
from dnsguard.core.wire import Query
from tests.support.gateway import (
    Gateway,
    extended_errors,
    packed,
    question,
    read,
    records_server,
    said,
)
from tests.support.generations import Ban, generation

STAFF = "10.20.0.7"
OTHER = "192.168.1.5"
STRANGER = "203.0.113.9"


def asked(gateway: Gateway, client: str, text: str) -> dns.message.Message:
    message = gateway.ask(client, question(text))
    assert message is not None
    return message


# What an answer looks like.


def test_a_blocked_answer_says_who_blocked_it_when_the_client_can_read_it() -> None:
    gateway = Gateway(generation())
    [option] = asked(gateway, STAFF, "www.tiktok.com A").options
    assert isinstance(option, dns.edns.EDEOption)
    assert (option.code, option.text) == (15, "Bloqué / Blocked: ban")
    plain = gateway.ask(STAFF, question("www.tiktok.com A", edns=False))
    assert plain is not None
    assert (plain.edns, plain.additional) == (-1, [])
    assert asked(gateway, OTHER, "www.tiktok.com A").options == ()


@pytest.mark.parametrize("name", ["a.tk", "musically.ly", "www.musically.ly"])
def test_a_blocked_any_is_at_most_three_times_its_query_and_says_so_all_the_same(name: str) -> None:
    gateway = Gateway(generation(lists={"tiktok": ["a.tk", "musically.ly"]}))
    query = question(f"{name} ANY")
    response = gateway.send(STAFF, query)
    assert isinstance(response, bytes)
    assert len(response) <= 3 * len(query.to_wire())
    assert extended_errors(read(response)) == [Ede.BLOCKED]


def test_a_blocked_answer_has_the_sinkhole_and_its_ttl() -> None:
    gateway = Gateway(generation(sinkhole=("10.0.0.80", "fd00::80", 45)))
    assert asked(gateway, STAFF, "www.tiktok.com A").answer[0].to_text() == (
        "www.tiktok.com. 45 IN A 10.0.0.80"
    )
    assert asked(gateway, STAFF, "www.tiktok.com AAAA").answer[0].to_text() == (
        "www.tiktok.com. 45 IN AAAA fd00::80"
    )
    nodata = asked(gateway, STAFF, "www.tiktok.com HTTPS")
    assert (nodata.authority[0].rdtype, nodata.authority[0].ttl) == (dns.rdatatype.SOA, 45)


def test_a_blocked_nxdomain_has_a_soa() -> None:
    gateway = Gateway(generation(policies={"ban": Ban(answer="nxdomain")}))
    answer = asked(gateway, STAFF, "www.tiktok.com A")
    assert answer.authority[0].to_text().startswith("tiktok.com. 30 IN SOA ")


def ttl(gateway: Gateway, client: str, name: str = "www.example.org") -> int:
    return asked(gateway, client, f"{name} A").answer[0].ttl


def test_cached_answers_grow_old_and_are_asked_for_again() -> None:
    gateway = Gateway(generation())
    assert ttl(gateway, OTHER) == 300
    assert gateway.resolver.replies.source == Source.UPSTREAM
    for later, left in [(0.9, 300), (99.1, 200), (199.9, 1)]:
        gateway.now += later
        assert ttl(gateway, OTHER) == left
        assert gateway.resolver.replies.source == Source.CACHE
    gateway.now += 0.1
    assert ttl(gateway, OTHER) == 300
    assert gateway.resolver.replies.source == Source.UPSTREAM


def test_max_ttl_is_a_ceiling_for_its_group_alone() -> None:
    setup = {"max_ttl": {"staff": 60}, "local_records": ["printer.example.org. 900 IN A 10.0.0.9"]}
    gateway = Gateway(generation(sinkhole=("0.0.0.0", "::", 90), **setup))  # type: ignore[arg-type]
    assert [ttl(gateway, client) for client in (STAFF, STAFF, OTHER)] == [60, 60, 300]
    gateway.now += 270
    assert [ttl(gateway, client) for client in (STAFF, OTHER)] == [30, 30]
    assert [ttl(gateway, c, "printer.example.org") for c in (STAFF, OTHER)] == [60, 900]
    assert ttl(gateway, STAFF, "www.tiktok.com") == 60


def test_local_answers_do_not_grow_old() -> None:
    gateway = Gateway(generation(local_records=["printer.example.org. 300 IN A 10.0.0.9"]))
    for _ in range(2):
        gateway.now += 1e6
        assert ttl(gateway, OTHER, "printer.example.org") == 300
        assert gateway.resolver.replies.source == Source.LOCAL


def test_an_answer_without_ttl_is_not_cached() -> None:
    gateway = Gateway(generation(), records_server("www.example.org. 0 IN A 192.0.2.7"))
    for _ in range(2):
        forward = gateway.send(OTHER, "www.example.org A")
        assert isinstance(forward, Forward)
        before = gateway.resolver.cache.bytes
        assert said(read(gateway.finish(forward))) == "192.0.2.7"
        assert gateway.resolver.cache.bytes == before


def strings(octets: int) -> list[str]:
    """Return TXT records that make a response of so many octets, its OPT record included."""
    rest = octets - 12 - len(b"\x03txt\x07example\x03org\x00") - 4 - 11
    sizes = [100] * ((rest - 13) // 113)
    sizes.append(rest - 113 * len(sizes) - 13)
    return ['"' + f"{number:x<100}"[:size] + '"' for number, size in enumerate(sizes)]


def large(octets: int) -> Gateway:
    records = dns.rrset.from_text_list("txt.example.org.", 300, "IN", "TXT", strings(octets))

    def serve(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.answer.append(records)
        return response

    return Gateway(generation(), serve)


@pytest.mark.parametrize(
    ("octets", "payload", "transport", "whole"),
    [
        (512, 512, Transport.UDP, True),
        (513, 512, Transport.UDP, False),
        (600, 100, Transport.UDP, False),
        (1000, 1000, Transport.UDP, True),
        (1001, 1000, Transport.UDP, False),
        (1232, 4096, Transport.UDP, True),
        (1233, 4096, Transport.UDP, False),
        (1233, 512, Transport.TCP, True),
        (1233, 512, Transport.DOT, True),
        (4096, 512, Transport.DOH, True),
    ],
)
def test_what_does_not_fit_is_truncated(
    octets: int, payload: int, transport: Transport, whole: bool
) -> None:
    gateway = large(octets)
    query = question("txt.example.org TXT", payload=payload)
    for _ in range(2):  # from the upstream, then from the cache
        outcome = gateway.send(OTHER, query, transport)
        data = gateway.finish(outcome) if isinstance(outcome, Forward) else outcome
        assert data is not None
        answer = read(data)
        assert answer is not None
        assert (said(answer) != "truncated") is whole
        assert len(data) == octets if whole else not answer.answer


def test_without_edns_a_datagram_has_512_octets() -> None:
    query = question("txt.example.org TXT", edns=False)
    assert said(large(512 + 11).ask(OTHER, query)) != "truncated"
    assert said(large(513 + 11).ask(OTHER, query)) == "truncated"


def test_when_no_upstream_answers_the_client_is_told_why() -> None:
    gateway = Gateway(generation())
    forward = gateway.send(OTHER, "www.example.org A")
    assert isinstance(forward, Forward)
    answer = read(gateway.resolver.failure(forward, Ede.NETWORK_ERROR, gateway.now))
    assert answer is not None
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert extended_errors(answer) == [Ede.NETWORK_ERROR, Ede.NOT_READY]


# The counters.


def test_blocked_queries_are_counted_by_group_policy_list_and_type() -> None:
    gateway = Gateway(generation())
    for text in ("a.tiktok.com A", "b.tiktok.com A", "tiktok.com HTTPS", "mask.icloud.com A"):
        gateway.say(STAFF, text)
    gateway.say(OTHER, "a.tiktok.com A")
    assert gateway.hits("staff", "ban", "tiktok") == 2
    assert gateway.hits("staff", "ban", "tiktok", qtype=65) == 1
    assert gateway.hits("staff", "ban", "off-switches-nodata") == 1


def test_dropped_queries_are_counted_too() -> None:
    gateway = Gateway(generation(policies={"ban": Ban(answer="drop")}))
    gateway.say(STAFF, "www.tiktok.com A")
    assert gateway.hits("staff", "ban", "tiktok") == 1


def test_shadow_counts_what_would_have_been_blocked_once() -> None:
    gateway = Gateway(generation(policies={"ban": Ban(stage=Stage.SHADOW)}))
    for _ in range(3):
        assert gateway.say(STAFF, "www.tiktok.com A") == "192.0.2.1"
    assert gateway.hits("staff", "ban", "tiktok") == 3
    gateway = Gateway(generation(policies={"ban": Ban(stage=Stage.OFF)}))
    gateway.say(STAFF, "www.tiktok.com A")
    assert gateway.hits("staff", "ban", "tiktok") == 0


def test_queries_are_counted_by_group_and_transport() -> None:
    gateway = Gateway(generation())
    views = gateway.generation.policy.views
    for client in (OTHER, STRANGER, STAFF):
        for transport in Transport:
            gateway.ask(client, question("www.example.org A"), transport)
    for view in views:
        assert [gateway.page[view.counter + t] for t in Transport] == [1] * len(Transport)


@pytest.mark.parametrize(
    ("client", "text", "source", "rcode"),
    [
        (STAFF, "www.tiktok.com A", Source.POLICY, Rcode.NOERROR),
        (STAFF, "use-application-dns.net A", Source.POLICY, Rcode.NXDOMAIN),
        (OTHER, "x.test A", Source.LOCAL, Rcode.NXDOMAIN),
        (OTHER, "www.example.org A", Source.UPSTREAM, Rcode.NOERROR),
        (STRANGER, "www.example.org A", Source.REFUSED, Rcode.REFUSED),
    ],
)
def test_responses_are_counted_by_source_and_rcode(
    client: str, text: str, source: Source, rcode: Rcode
) -> None:
    gateway = Gateway(generation())
    gateway.say(client, text)
    total = range(counters.RESPONSES, counters.RESPONSE_SECONDS)
    counted = {index: gateway.page[index] for index in total if gateway.page[index]}
    assert counted == {counters.response_index(source, rcode): 1}
    assert gateway.resolver.replies.source == source


# What is known, and what has to be looked up.


def test_only_what_is_known_is_recalled() -> None:
    gateway = Gateway(generation())
    resolver = gateway.resolver

    def recall(text: str) -> object:
        return resolver.recall(question(text).to_wire(), packed(STAFF), Transport.UDP, gateway.now)

    for text, told in [("www.tiktok.com A", "0.0.0.0"), ("www.example.org A", "192.0.2.1")]:
        for _ in range(2):
            query = recall(text)
            assert isinstance(query, Query)
            outcome = resolver.resolve(query, Transport.UDP, gateway.now)
            response = gateway.finish(outcome) if isinstance(outcome, Forward) else outcome
            assert said(read(response)) == told
            known = recall(text)
            assert isinstance(known, bytes)
            assert said(read(known)) == told
            gateway.swap(generation(number=2))  # by which everything is to be looked up again
    asked = gateway.page[gateway.generation.policy.view(packed(STAFF)).counter + Transport.UDP]
    assert asked == 8, "each query counts once"
