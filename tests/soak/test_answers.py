"""Whoever is told something else than the truth notices."""

import struct
from collections.abc import Callable

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.rdatatype import HTTPS, TXT, A

from tests.soak import truth
from tests.soak.answers import (
    BLOCKED,
    ODDLY,
    REFUSED,
    SERVFAIL,
    STALE,
    TOLD,
    TRUNCATED,
    compose,
    read,
)
from tests.soak.questions import COOKIE, ODD, REGISTERED, Question
from tests.support.truth import address_of

STAFF = REGISTERED[0]
CACHED = Question("cached", "c1.cached.example", A, STAFF)
MOVING = Question("moving", "m1.moving.example", TXT, STAFF)
MISSING = Question("missing", "n1.missing.example", A, STAFF)
COOKIES = CACHED._replace(cookie=True)
NUMBER = 4711
NOW = 1_000.0

Change = Callable[[dns.message.Message], object]


def answer(question: Question, change: Change = lambda _: None, told: float = NOW) -> str:
    """Return what is read in a true answer after a change."""
    query = compose(question, NUMBER)
    asked = dns.message.from_wire(query)
    true = dns.message.from_wire(truth.respond(query, "tcp", told), one_rr_per_rrset=True)
    response = dns.message.make_response(asked, recursion_available=True)
    response.set_rcode(true.rcode())
    response.answer, response.authority = true.answer, true.authority
    if not question.edns:
        response.use_edns(False)
    change(response)
    return read(question, query, response.to_wire(max_size=65_535), NOW, NOW + 0.1).partition(":")[
        0
    ]


def ede(*codes: int) -> Change:
    def change(response: dns.message.Message) -> None:
        response.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode(code)) for code in codes])

    return change


def both(*changes: Change) -> Change:
    def change(response: dns.message.Message) -> None:
        for one in changes:
            one(response)

    return change


def says(*records: str) -> Change:
    def change(response: dns.message.Message) -> None:
        response.answer = [rrset(record) for record in records]

    return change


def rrset(record: str) -> dns.rrset.RRset:
    owner, ttl, rdataclass, rdatatype, rdata = record.split(None, 4)
    return dns.rrset.from_text(owner, int(ttl), rdataclass, rdatatype, rdata)


def fails(rcode: dns.rcode.Rcode) -> Change:
    def change(response: dns.message.Message) -> None:
        response.set_rcode(rcode)
        response.answer = []

    return change


SINKHOLE = says("c1.cached.example. 30 IN A 0.0.0.0")
SHORT_LIVED = says(f"c1.cached.example. 30 IN A {address_of('c1.cached.example')}")


@pytest.mark.parametrize(
    ("question", "change", "said"),
    [
        (CACHED, lambda _: None, TOLD),
        (CACHED._replace(edns=False), lambda _: None, TOLD),
        (Question("alias", "a1.alias.example", A, STAFF), lambda _: None, TOLD),
        (MISSING, lambda _: None, TOLD),
        (MOVING, lambda _: None, TOLD),
        (CACHED, both(SINKHOLE, ede(15)), BLOCKED),
        (CACHED._replace(edns=False), SINKHOLE, BLOCKED),
        (CACHED._replace(rdatatype=HTTPS), both(says(), ede(15)), BLOCKED),
        (CACHED, both(SHORT_LIVED, ede(3)), STALE),
        (MISSING, ede(19), STALE),
        (CACHED, fails(dns.rcode.SERVFAIL), SERVFAIL),
        (CACHED, fails(dns.rcode.REFUSED), REFUSED),
    ],
)
def test_what_may_be_said_is_told_apart(question: Question, change: Change, said: str) -> None:
    assert answer(question, change) == said


def _flag(flag: int) -> Change:
    def change(response: dns.message.Message) -> None:
        response.flags ^= flag

    return change


WRONG: dict[str, Change] = {
    "another address": says("c1.cached.example. 300 IN A 198.18.0.1"),
    "the address of another name": says(
        f"c1.cached.example. 300 IN A {address_of('c2.cached.example')}"
    ),
    "no address": says(),
    "another rcode": fails(dns.rcode.NXDOMAIN),
    "a longer TTL": says(f"c1.cached.example. 301 IN A {address_of('c1.cached.example')}"),
    "the sinkhole without a reason": SINKHOLE,
    "the truth as if blocked": ede(15),
    "stale for too long": ede(3),
    "stale and not": both(SHORT_LIVED, ede(3, 19)),
    "a record too many": says(
        f"c1.cached.example. 300 IN A {address_of('c1.cached.example')}",
        "c1.cached.example. 300 IN A 198.18.0.1",
    ),
    "AA": _flag(dns.flags.AA),
    "no RA": _flag(dns.flags.RA),
    "AD": _flag(dns.flags.AD),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_seen(name: str) -> None:
    assert answer(CACHED, WRONG[name]) in {"wrong", "wrong flags"}


def test_what_is_kept_too_long_is_seen() -> None:
    assert answer(MOVING, told=NOW - 4.0) == TOLD
    assert answer(MOVING, told=NOW - 6.0) == "wrong"
    assert answer(MOVING, both(_lower_ttl, ede(3)), told=NOW - 6.0) == STALE


def _lower_ttl(response: dns.message.Message) -> None:
    for rrset in response.answer:
        rrset.ttl = 1


def test_what_is_truncated_has_no_answer() -> None:
    question = Question("big", "l1.big.example", TXT, STAFF)
    truncated = both(says(), _flag(dns.flags.TC))
    assert answer(question, truncated) == TRUNCATED
    assert answer(question, _flag(dns.flags.TC)) == "wrong"
    assert answer(question._replace(transport="tcp"), truncated) == "wrong"


def test_a_cookie_is_given_to_whoever_has_one() -> None:
    cookie = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, COOKIE + bytes(16))
    another = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, bytes(24))
    assert answer(COOKIES, lambda response: response.use_edns(0, options=[cookie])) == TOLD
    assert answer(COOKIES, lambda response: response.use_edns(0, options=[another])) == "no cookie"
    assert answer(COOKIES) == "no cookie"


def test_edns_comes_to_whoever_has_it() -> None:
    assert answer(CACHED, lambda response: response.use_edns(False)) == "wrong about EDNS"
    question = CACHED._replace(edns=False)
    assert answer(question, lambda response: response.use_edns(0)) == "wrong about EDNS"


def test_another_question_is_seen() -> None:
    query = compose(CACHED, NUMBER)
    other = compose(CACHED, NUMBER + 1)
    response = truth.respond(other, "udp", NOW)
    assert read(CACHED, query, response, NOW, NOW).startswith("answers another question")
    assert read(CACHED, query, query[:2] + response[2:20], NOW, NOW).startswith("unreadable")


@pytest.mark.parametrize("number", range(len(ODD)))
def test_what_is_odd_is_due_its_own_answer(number: int) -> None:
    question = CACHED._replace(kind="odd", odd=number)
    query = compose(question, NUMBER)
    rcode = dns.rcode.from_text(ODD[number].outcome)
    right, wrong = (_header(query, code) for code in (rcode, dns.rcode.NOERROR))
    assert read(question, query, right, NOW, NOW) == ODDLY
    assert read(question, query, wrong, NOW, NOW).startswith(f"{ODD[number].outcome} was due")


def _header(query: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """Return an answer of a header and an OPT record, which has the upper bits of the rcode."""
    header = query[:2] + struct.pack("!HHHHH", 0x8180 | rcode & 15, 0, 0, 0, 1)
    return header + b"\0\0\x29\x04\xd0" + bytes([rcode >> 4]) + b"\0\0\0\0\0"
