"""RFC 1034 and 1035: messages, and what is done with those that are none."""

import dns.message
import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, GONE, PRINTER, Client, Subject, saying
from tests.standards.wire import AA, QR, RA, RD, Z, message, question, read

BOTH = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
SOME_OF_EACH = ("www.rfc1035b.example", PRINTER, BLOCKED, GONE, "x.test", "_dns.resolver.arpa")
LABEL = b"\x03www"
MALFORMED = {
    "label type 01": question(b"\x40" + LABEL + b"\0"),
    "label type 10": question(b"\x80" + LABEL + b"\0"),
    # As if they were lengths, which fit.
    "a label of 64 octets": question(b"\x40" + b"x" * 64 + b"\0"),
    "a label of 128 octets": question(b"\x80" + b"x" * 128 + b"\0"),
    "a label of 192 octets": question(b"\xc0" + b"x" * 192 + b"\0"),
    "257 octets": question((b"\x3f" + b"x" * 63) * 4 + b"\0"),
    "pointer to itself": question(b"\xc0\x0c"),
    "pointer back": question(LABEL + b"\xc0\x0c"),
    "pointer ahead": question(b"\xc0\x20"),
    "pointer past the end": question(b"\xff\xff"),
    "label past the end": question(b"\x3fwww\0"),
    "no end of the name": LABEL,
    "no type": LABEL + b"\0",
    "nothing": b"",
}
"""Questions that cannot be read."""


@BOTH
def test_a_a_response_is_not_answered(client: Client, *, tcp: bool) -> None:
    assert client.is_ignored(message(question(PRINTER), flags=QR | RD), tcp=tcp)


@pytest.mark.parametrize("size", range(12))
def test_a_fewer_than_twelve_octets_are_not_answered(client: Client, size: int) -> None:
    assert client.is_ignored(message(question(PRINTER))[:size])


@BOTH
@pytest.mark.parametrize("name", SOME_OF_EACH)
def test_b_the_reply_echoes_id_opcode_rd_and_question(
    staff: Client, name: str, *, tcp: bool
) -> None:
    for flags in (RD, RD | AA | Z):
        asked = message(question(name.title()), flags=flags)
        answer = staff.ask(asked, tcp=tcp)
        echoed = wire.header(answer).flags
        assert echoed & ~wire.CD & ~0xF == QR | RD | RA
        assert answer[12 : len(asked)] == asked[12:]


@pytest.mark.parametrize("name", [PRINTER, BLOCKED])
def test_b_without_rd_there_is_none_in_the_reply(staff: Client, name: str) -> None:
    answer = staff.ask(message(question(name), flags=0))
    assert wire.header(answer).flags & (RD | RA) == RA


def test_b_no_answer_of_an_upstream_is_called_authoritative(
    subject: Subject, client: Client
) -> None:
    def claim(response: dns.message.Message) -> None:
        response.flags |= AA | Z

    subject.teach("aa.rfc1035b.example", saying("@ 60 A 192.0.2.7", change=claim))
    for _ in range(2):
        answer = client.ask(wire.query("aa.rfc1035b.example"))
        assert wire.header(answer).flags & (AA | Z) == 0
        assert wire.rdata(answer, "A") == [bytes([192, 0, 2, 7])]


@BOTH
@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED.keys())
def test_c_a_malformed_name_is_formerr(client: Client, malformed: bytes, *, tcp: bool) -> None:
    answer = client.ask(message(malformed), tcp=tcp)
    assert wire.header(answer).flags & ~RA == QR | RD | 1
    assert len(answer) == 12
    assert client.gist(PRINTER, tcp=tcp) == "10.0.0.9"


@BOTH
@pytest.mark.parametrize("opcode", range(1, 16))
def test_d_other_opcodes_are_notimp_and_never_forwarded(
    subject: Subject, client: Client, opcode: int, *, tcp: bool
) -> None:
    name = "www.rfc1035d.example"
    answer = client.ask(message(question(name), opcode=opcode), tcp=tcp)
    assert wire.header(answer).flags & ~RA == QR | opcode << 11 | RD | 4
    assert subject.asked(name) == []


@BOTH
@pytest.mark.parametrize(
    "names", [(), (BLOCKED, "a.rfc1035e.example"), ("b.rfc1035e.example",) * 2]
)
def test_e_other_than_one_question_is_formerr(
    subject: Subject, staff: Client, names: tuple[str, ...], *, tcp: bool
) -> None:
    answer = staff.ask(message(*map(question, names)), tcp=tcp)
    assert wire.header(answer).rcode == 1
    assert wire.header(answer).counts[1:] == (0, 0, 0)
    assert read(answer).answer == []
    assert subject.asked_at_or_below("rfc1035e.example") == []
