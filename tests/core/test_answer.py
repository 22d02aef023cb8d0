import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core.answer import (
    PADDED_SIZE,
    QNAME_OFFSET,
    Answer,
    compose_error,
    compose_response,
    negative_answer,
)
from dnsguard.core.edns import compose_ede
from dnsguard.core.protocol import Ede, EdnsOption, Rcode, Transport
from dnsguard.core.wire import Query, parse_query
from tests.support.strategies import QUESTION, option, with_options

ADDRESS = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01"
ONE = Answer(Rcode.NOERROR, ADDRESS, ancount=1, ttl_offsets=(6,), ttl=300)


def query(name: str = "WWW.example.org", *, flags: str = "RD", **edns: int | bool) -> Query:
    message = dns.message.make_query(name, "A", **edns)  # type: ignore[arg-type]
    message.flags = dns.flags.from_text(flags)
    parsed = parse_query(message.to_wire())
    assert parsed is not None
    return parsed


def respond(
    asked: Query, answer: Answer = ONE, *, size_limit: int = 1232, **options: int
) -> dns.message.Message:
    return dns.message.from_wire(
        compose_response(asked, answer, size_limit=size_limit, **options)  # type: ignore[arg-type]
    )


def test_the_response_answers_the_question_as_it_was_asked() -> None:
    asked = query()
    data = compose_response(asked, ONE, size_limit=512)
    response = dns.message.from_wire(data)
    assert data[12:].startswith(b"\x03WWW\x07example\x03org\x00\x00\x01\x00\x01")
    assert response.id == asked.id
    assert dns.flags.to_text(response.flags) == "QR RD RA"
    assert [rrset.to_text() for rrset in response.answer] == ["WWW.example.org. 300 IN A 192.0.2.1"]
    assert response.edns == -1


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("", "QR RA"), ("RD CD", "QR RD RA CD"), ("RD AD", "QR RD RA"), ("AA TC RD RA", "QR RD RA")],
)
def test_only_rd_and_cd_come_back(asked: str, answered: str) -> None:
    assert dns.flags.to_text(respond(query(flags=asked)).flags) == answered


def test_an_authentic_answer_says_so_to_those_who_ask() -> None:
    answer = Answer(Rcode.NOERROR, authentic=True)
    assert respond(query(flags="RD AD"), answer).flags & dns.flags.AD
    assert respond(query(want_dnssec=True), answer).flags & dns.flags.AD
    assert not respond(query(), answer).flags & dns.flags.AD


@pytest.mark.parametrize(
    ("age", "ceiling", "ttl"),
    [(0, 2**31 - 1, 300), (100, 2**31 - 1, 200), (0, 60, 60), (280, 60, 20), (400, 60, 0)],
)
def test_ttls_are_aged_and_capped(age: int, ceiling: int, ttl: int) -> None:
    response = respond(query(), age=age, ceiling=ceiling)
    assert response.answer[0].ttl == ttl
    assert respond(query()).answer[0].ttl == 300, "the answer itself is never changed"


def test_edns_is_answered_with_edns() -> None:
    asked = query(use_edns=0, payload=4096, want_dnssec=True)
    data = compose_response(asked, ONE, size_limit=1232, option=compose_ede(15, "why"))
    response = dns.message.from_wire(data)
    assert (response.edns, response.payload) == (0, 1232)
    assert response.ednsflags & dns.flags.DO
    [option] = response.options
    assert isinstance(option, dns.edns.EDEOption)
    assert (option.code, option.text) == (15, "why")


def test_no_option_without_edns() -> None:
    assert compose_ede(Ede.BLOCKED) not in compose_response(
        query(), ONE, size_limit=512, option=compose_ede(Ede.BLOCKED)
    )


def test_what_does_not_fit_is_truncated_to_the_question() -> None:
    asked = query(use_edns=0)
    whole = compose_response(asked, ONE, size_limit=1232)
    assert compose_response(asked, ONE, size_limit=len(whole)) == whole
    cut = respond(asked, size_limit=len(whole) - 1)
    assert cut.flags & dns.flags.TC
    assert (len(cut.question), cut.answer, cut.authority, cut.edns) == (1, [], [], 0)


COOKIE = option(EdnsOption.COOKIE, b"c" * 24)
WHY = compose_ede(Ede.BLOCKED, "why")


def asking(options: bytes = b"", transport: Transport = Transport.UDP) -> Query:
    """Return a query with options, and a response's cookie ready."""
    parsed = parse_query(with_options(options, QUESTION), transport)
    assert parsed is not None
    parsed.response_options = COOKIE
    return parsed


def codes(data: bytes) -> list[int]:
    return [int(found.otype) for found in dns.message.from_wire(data).options]


def test_the_cookie_comes_first_and_the_error_gives_way_before_the_records() -> None:
    asked = asking()
    whole = compose_response(asked, ONE, size_limit=1232, option=WHY)
    assert codes(whole) == [EdnsOption.COOKIE, EdnsOption.EDE]
    for missing in range(1, len("why") + 1):
        short = compose_response(asked, ONE, size_limit=len(whole) - missing, option=WHY)
        [_, error] = dns.message.from_wire(short).options
        assert isinstance(error, dns.edns.EDEOption)
        assert (int(error.code), error.text) == (Ede.BLOCKED, None), "its text goes first"
    least = len(whole) - len("why")
    without = compose_response(asked, ONE, size_limit=least - 1, option=WHY)
    assert codes(without) == [EdnsOption.COOKIE]
    assert len(without) == len(whole) - len(WHY)
    assert dns.message.from_wire(without).answer
    assert compose_response(asked, ONE, size_limit=len(without), option=WHY) == without


def test_a_truncated_response_has_its_options() -> None:
    asked = asking()
    large = Answer(Rcode.NOERROR, ADDRESS * 100, ancount=100)
    cut = compose_response(asked, large, size_limit=512, option=WHY)
    message = dns.message.from_wire(cut)
    assert message.flags & dns.flags.TC
    assert (len(message.question), message.answer) == (1, [])
    assert codes(cut) == [EdnsOption.COOKIE, EdnsOption.EDE]
    long = compose_ede(Ede.BLOCKED, "x" * 500)
    [_, error] = dns.message.from_wire(
        compose_response(asked, large, size_limit=512, option=long)
    ).options
    assert isinstance(error, dns.edns.EDEOption)
    assert (int(error.code), error.text) == (Ede.BLOCKED, None)


@pytest.mark.parametrize("transport", [Transport.DOT, Transport.DOH, Transport.DOQ])
def test_a_response_is_padded(transport: Transport) -> None:
    asked = asking(option(EdnsOption.PADDING, b""), transport)
    for size in range(360, 860):
        answer = Answer(Rcode.NOERROR, bytes(size))
        data = compose_response(asked, answer, size_limit=65_535, option=WHY)
        unpadded = compose_response(asking(), answer, size_limit=65_535, option=WHY)
        assert len(data) % PADDED_SIZE == 0
        padding = len(data) - len(unpadded)
        assert 4 <= padding < PADDED_SIZE + 4
        assert data.endswith(option(EdnsOption.PADDING, bytes(padding - 4)))
    assert codes(compose_response(asked, ONE, size_limit=65_535))[-1] == EdnsOption.PADDING


def test_padding_ends_where_messages_do() -> None:
    asked = asking(option(EdnsOption.PADDING, b""), Transport.DOT)
    bare = len(compose_response(asking(), Answer(0), size_limit=65_535))
    for size, padded in ((65_516, 65_520), (65_517, 65_535), (65_531, 65_535), (65_532, 65_532)):
        answer = Answer(Rcode.NOERROR, bytes(size - bare))
        assert len(compose_response(asked, answer, size_limit=65_535)) == padded


def test_an_error_is_padded_too() -> None:
    broken = with_options(option(EdnsOption.PADDING, b"") + b"\0")
    asked = parse_query(broken, Transport.DOT)
    assert asked is not None
    assert asked.rcode == Rcode.FORMERR
    assert len(compose_error(asked)) == PADDED_SIZE


@given(
    st.integers(0, 700),
    st.integers(0, 60),
    st.integers(512, 1300),
    st.booleans(),
    st.sampled_from(Transport),
)
def test_a_response_never_passes_its_limit(
    text: int, records: int, limit: int, edns: bool, transport: Transport
) -> None:
    data = with_options(option(EdnsOption.PADDING, b""))
    asked = parse_query(data if edns else data[:11] + b"\0" + QUESTION, transport)
    assert asked is not None
    asked.response_options = COOKIE
    answer = Answer(Rcode.NOERROR, ADDRESS * records, ancount=records)
    composed = compose_response(asked, answer, limit, option=compose_ede(Ede.OTHER, "x" * text))
    assert len(composed) <= limit
    message = dns.message.from_wire(composed, one_rr_per_rrset=True)
    needed = 12 + len(QUESTION) + 16 * records + ((11 + len(COOKIE)) if edns else 0)
    assert bool(message.flags & dns.flags.TC) == (needed > limit)
    assert (message.edns == 0) == edns


@pytest.mark.parametrize(
    ("owner", "labels"), [("www.example.org.", 0), ("example.org.", 4), ("org.", 12), (".", 16)]
)
def test_a_negative_answer_has_a_soa_of_an_ancestor(owner: str, labels: int) -> None:
    answer = negative_answer(Rcode.NXDOMAIN, QNAME_OFFSET + labels, 30)
    response = respond(query("www.example.org"), answer)
    assert response.rcode() == dns.rcode.NXDOMAIN
    [soa] = response.authority
    assert soa.to_text() == f"{owner} 30 IN SOA {owner} nobody.invalid. 1 3600 1200 604800 30"


def test_an_error_is_echoed_with_its_question_and_opcode() -> None:
    wire = dns.message.make_query("example.org", "A").to_wire()
    notify = parse_query(wire[:2] + b"\x21" + wire[3:])
    assert notify is not None
    response = dns.message.from_wire(compose_error(notify))
    assert (response.opcode(), response.rcode()) == (4, dns.rcode.NOTIMP)
    assert response.question == []


def test_badvers_goes_out_in_the_opt_record() -> None:
    message = dns.message.make_query("example.org", "A", use_edns=1)
    asked = parse_query(message.to_wire())
    assert asked is not None
    response = dns.message.from_wire(compose_error(asked))
    assert (response.rcode(), response.edns) == (dns.rcode.BADVERS, 0)
    assert len(response.question) == 1
