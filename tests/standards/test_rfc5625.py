"""RFC 5625: what a DNS proxy must let through."""

import dns.flags
import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject, saying
from tests.standards.wire import AD, CD, DO, RD, message, opt, option, question
from tests.support.scripted import truncating

LARGE = [f'@ 60 TXT "{number:03}{"x" * 200}"' for number in range(100)]


@pytest.mark.parametrize("qtype", [2, 6, 12, 15, 33, 35, 43, 48, 52, 61, 99, 257, 666, 65_280])
def test_a_every_type_is_forwarded(subject: Subject, client: Client, qtype: int) -> None:
    name = f"type{qtype}.rfc5625a.example"
    answer = client.ask(wire.query(name, qtype))
    assert wire.header(answer).rcode == 0
    # More than once, should the machine pause for longer than an upstream is waited for.
    types = {one.query[one.query.index(b"\0", 12) + 1 :][:2] for one in subject.asked(name)}
    assert types == {qtype.to_bytes(2, "big")}


@pytest.mark.parametrize("flags", [0, AD, CD, AD | CD])
@pytest.mark.parametrize("do", [0, DO])
def test_a_flags_and_unknown_options_are_no_reason_to_drop(
    client: Client, flags: int, do: int
) -> None:
    asked = message(
        question("flags.rfc5625a.example"),
        flags=RD | flags,
        additional=(opt(option(3), option(65_001, b"x" * 20), option(20_000), flags=do),),
    )
    assert wire.rdata(client.ask(asked), "A") == [bytes([192, 0, 2, 80])]


def test_a_a_large_answer_is_whole_over_tcp(subject: Subject, client: Client) -> None:
    name = "large.rfc5625a.example"
    subject.teach(name, truncating(saying(*LARGE)))
    for _ in range(2):
        answer = client.ask(wire.query(name, 16), tcp=True)
        assert len(answer) > 20_000
        assert len(wire.rdata(answer, "TXT")) == len(LARGE)


def test_a_a_datagram_may_be_longer_than_512_octets(subject: Subject, client: Client) -> None:
    name = "medium.rfc5625a.example"
    subject.tell(name, *LARGE[:4])
    answer = client.ask(wire.query(name, 16))
    assert len(answer) > 512
    assert len(wire.rdata(answer, "TXT")) == 4
    short = client.ask(wire.query(name, 16, edns=False))
    assert wire.header(short).flags & dns.flags.TC
    assert len(short) <= 512
