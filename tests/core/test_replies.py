"""What the resolver says in EDNS options, and how large it lets answers be."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsguard.core.answer import PADDED_SIZE
from dnsguard.core.edns import KEEPALIVE_OPTION, ede_option
from dnsguard.core.forward import Forward
from dnsguard.core.protocol import Ede, EdnsOption, Source, Transport
from tests.support.gateway import Gateway, Server, packed, question
from tests.support.generations import SECRETS, generation
from tests.support.invariants import CLIENTS, check
from tests.support.strategies import option, options, with_options

STAFF = "10.20.0.7"
OTHER = "192.168.1.5"
STRANGER = "203.0.113.9"
CLIENT = option(EdnsOption.COOKIE, b"abcdefgh")


def answered(
    gateway: Gateway, data: bytes, client: str = STAFF, transport: Transport = Transport.UDP
) -> bytes:
    outcome = gateway.resolver.query(data, packed(client), transport, gateway.now)
    if isinstance(outcome, Forward):
        outcome = gateway.finish(outcome)
    assert outcome is not None
    return outcome


def asking(text: str) -> bytes:
    """Return a question as it stands in a message."""
    return question(text, edns=False).to_wire()[12:]


def found_options(data: bytes) -> dict[int, bytes]:
    found = dns.message.from_wire(data).options
    assert len({known.otype for known in found}) == len(found)
    return {int(known.otype): known.to_wire() or b"" for known in found}


def addresses(count: int) -> Server:
    """Return a server that says so many addresses to whatever it is asked."""

    def serve(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query, recursion_available=True)
        texts = [f"192.0.2.{number}" for number in range(count)]
        response.answer.append(
            dns.rrset.from_text_list(query.question[0].name, 300, "IN", "A", texts)
        )
        return response

    return serve


def started(wall: float = 1_600_000_000.0) -> Gateway:
    gateway = Gateway(generation())
    gateway.resolver.replies.cookies.set_clock(wall, gateway.now)
    return gateway


@pytest.mark.parametrize(
    "data",
    [
        with_options(CLIENT),
        with_options(CLIENT, asking("www.example.org A")),
        with_options(CLIENT, asking("localhost A")),
        with_options(CLIENT, asking("example.org AXFR")),
        with_options(CLIENT, b""),
        with_options(CLIENT + b"\0"),
    ],
    ids=["blocked", "forwarded", "local", "refused", "no question", "malformed"],
)
@pytest.mark.parametrize("client", [STAFF, STRANGER])
@pytest.mark.parametrize("transport", Transport)
def test_every_answer_brings_a_cookie(data: bytes, client: str, transport: Transport) -> None:
    cookie = found_options(answered(started(), data, client, transport))[EdnsOption.COOKIE]
    assert (cookie[:12], len(cookie)) == (b"abcdefgh\1\0\0\0", 24)
    assert int.from_bytes(cookie[12:16], "big") == 1_600_000_000


def test_no_cookie_without_one_asked_for() -> None:
    assert EdnsOption.COOKIE not in found_options(answered(started(), with_options(b"")))


def test_a_cookie_is_the_same_from_every_worker_and_after_a_reload() -> None:
    one, other = started(), started()
    cookie = found_options(answered(one, with_options(CLIENT)))[EdnsOption.COOKIE]
    data = with_options(option(EdnsOption.COOKIE, cookie))
    for gateway in (one, other):
        gateway.swap(generation(number=2))
        gateway.now += 600
        assert found_options(answered(gateway, data))[EdnsOption.COOKIE] == cookie


def test_a_cached_answer_has_nobody_else_s_cookie() -> None:
    gateway = started()
    asked = asking("www.example.org A")
    for number in range(3):
        mine = b"client%02d" % number
        data = answered(gateway, with_options(option(EdnsOption.COOKIE, mine), asked))
        assert found_options(data)[EdnsOption.COOKIE][:8] == mine
    assert gateway.resolver.replies.source == Source.CACHE
    assert found_options(answered(gateway, with_options(b"", asked))) == {}


def test_what_asks_for_a_cookie_alone_gets_its_result() -> None:
    gateway = started()
    first = dns.message.from_wire(answered(gateway, with_options(CLIENT, b"")))
    assert (first.rcode(), first.question, first.answer) == (dns.rcode.NOERROR, [], [])
    bad = dns.message.from_wire(
        answered(gateway, with_options(option(EdnsOption.COOKIE, bytes(24)), b""))
    )
    assert bad.rcode() == dns.rcode.BADCOOKIE


def test_secrets_are_nowhere_to_be_read() -> None:
    built = generation()
    assert built.settings.cookie_secrets == tuple(map(bytes.fromhex, SECRETS))
    text = repr(built) + repr(built.settings)
    for secret in built.settings.cookie_secrets:
        assert secret.hex() not in text
        assert repr(secret)[2:-1] not in text
    assert "cookie" not in text


@pytest.mark.parametrize("transport", Transport)
def test_the_idle_time_is_told_to_who_asks(transport: Transport) -> None:
    data = answered(started(), with_options(option(EdnsOption.KEEPALIVE, b"")), STAFF, transport)
    tells = transport in (Transport.TCP, Transport.DOT)
    assert (KEEPALIVE_OPTION in data) == tells
    assert (EdnsOption.KEEPALIVE in found_options(data)) == tells
    plain = answered(started(), with_options(b""), STAFF, transport)
    assert EdnsOption.KEEPALIVE not in found_options(plain)


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("name", ["www.tiktok.com A", "www.example.org A", "www.example.org TXT"])
@pytest.mark.parametrize("client", [STAFF, STRANGER])
def test_blocked_and_allowed_answers_have_one_size(
    transport: Transport, name: str, client: str
) -> None:
    data = with_options(option(EdnsOption.PADDING, b""), asking(name))
    answer = answered(started(), data, client, transport)
    encrypted = transport not in (Transport.UDP, Transport.TCP)
    assert (len(answer) == PADDED_SIZE) == encrypted
    assert (EdnsOption.PADDING in found_options(answer)) == encrypted


@pytest.mark.parametrize(
    ("name", "client", "code"),
    [
        ("www.example.org A", STRANGER, Ede.PROHIBITED),
        ("www.example.org AXFR", OTHER, Ede.NOT_SUPPORTED),
        ("www.example.org IXFR", STAFF, Ede.NOT_SUPPORTED),
    ],
)
def test_a_refusal_says_why(name: str, client: str, code: Ede) -> None:
    asked = asking(name)
    data = answered(started(), with_options(b"", asked), client)
    assert dns.message.from_wire(data).rcode() == dns.rcode.REFUSED
    assert data.endswith(ede_option(code))


def test_a_failure_says_why() -> None:
    gateway = started()
    gateway.say(OTHER, "known.example.org A")
    for code in (Ede.NETWORK_ERROR, Ede.NO_REACHABLE_AUTHORITY, Ede.OTHER):
        forward = gateway.send(OTHER, f"n{code}.example.org A")
        assert isinstance(forward, Forward)
        data = gateway.resolver.failure(forward, code, gateway.now)
        assert data is not None
        assert data.endswith(ede_option(code))


@pytest.mark.parametrize("edns", [False, True])
@pytest.mark.parametrize(("records", "whole"), [(1, True), (2, True), (20, False)])
def test_any_over_udp_is_no_use_to_reflectors(edns: bool, records: int, whole: bool) -> None:
    gateway = Gateway(generation(), addresses(records))
    query = question("www.example.org ANY", edns=edns)
    answer = gateway.ask(OTHER, query)
    assert answer is not None
    assert bool(answer.flags & dns.flags.TC) != whole
    assert len(answer.answer) == (1 if whole else 0)
    assert len(answer.to_wire()) <= 3 * len(query.to_wire())
    over_tcp = gateway.ask(OTHER, query, Transport.TCP)
    assert over_tcp is not None
    assert len(over_tcp.answer[0]) == records
    for name in ("www.tiktok.com ANY", "localhost ANY", "a.invalid ANY"):
        other = gateway.ask(STAFF, question(name, edns=edns))
        assert other is not None
        assert len(other.to_wire()) <= 3 * len(question(name, edns=edns).to_wire())


GENERATION = generation(local_records=["printer.example.org. 300 IN A 10.0.0.9"])


@settings(max_examples=300)
@given(
    options(),
    st.sampled_from(["www.tiktok.com A", "www.example.org A", "printer.example.org ANY", ""]),
    st.integers(0, 65_535),
    st.sampled_from(CLIENTS),
    st.sampled_from(Transport),
)
def test_any_options(
    data: bytes, name: str, payload: int, client: str, transport: Transport
) -> None:
    gateway = Gateway(GENERATION)
    query = with_options(data, asking(name) if name else b"", payload)
    outcome = gateway.resolver.query(query, packed(client), transport, gateway.now)
    assert outcome is not None
    check(gateway, query, transport, outcome)
