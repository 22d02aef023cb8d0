"""RFC 2181: where answers come from, and one TTL for each RRset."""

import socket
import struct

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject, saying
from tests.standards.wire import message, question
from tests.support.scripted import TRUE, FromElsewhere, respond


@pytest.mark.parametrize("asked", ["127.0.0.1", "127.0.0.9", "127.9.9.9"])
def test_a_the_reply_comes_from_the_address_that_was_asked(subject: Subject, asked: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.settimeout(20)
        for qtype in (1, 16):  # an answer of our own, and one of the upstream
            name = "localhost" if qtype == 1 else f"a{asked.replace('.', '-')}.rfc2181a.example"
            opened.sendto(message(question(name, qtype)), (asked, subject.port))
            assert opened.recvfrom(512)[1] == (asked, subject.port)


def test_b_an_rrset_has_one_ttl_the_least(subject: Subject, client: Client) -> None:
    name = "mixed.rfc2181b.example"
    subject.tell(name, "@ 300 A 192.0.2.1", "@ 60 A 192.0.2.2", "@ 100 A 192.0.2.3")
    answer = wire.read(client.ask(wire.query(name)))
    assert [rrset.ttl for rrset in answer.answer] == [60, 60, 60]


@pytest.mark.parametrize("ttl", [1 << 31, (1 << 32) - 1])
def test_b_a_ttl_with_its_top_bit_set_is_zero(subject: Subject, client: Client, ttl: int) -> None:
    name = f"ttl{ttl}.rfc2181b.example"

    def answer(query: bytes, _transport: str, _peer: object) -> list[tuple[float, bytes | None]]:
        told = bytearray(respond(query, "@ 60 A 192.0.2.1", edns=False))
        told[-10:-6] = struct.pack("!I", ttl)
        return [(0.0, bytes(told))]

    subject.teach(name, answer)
    for times in (1, 2):
        [told] = wire.read(client.ask(wire.query(name))).answer
        assert told.ttl == 0
        assert subject.was_asked(name, times), "it is not kept"


def test_c_a_reply_from_another_port_is_none(subject: Subject, client: Client) -> None:
    name = "elsewhere.rfc2181c.example"

    def answer(query: bytes, _transport: str, _peer: object) -> list[tuple[float, bytes | None]]:
        forged = FromElsewhere(respond(query, "@ 60 A 203.0.113.66"))
        return [(0.0, forged), (0.05, respond(query, f"@ 60 A {TRUE}"))]

    subject.teach(name, answer)
    assert client.gist(name) == TRUE
    assert subject.was_asked(name, 1)


def test_c_the_answer_section_outranks_what_stands_beside_it(
    subject: Subject, client: Client
) -> None:
    # Ranking (section 5.4.1): what comes along with an answer is no answer to another question.
    name, other = "www.rfc2181c.example", "bank.rfc2181c.example"
    subject.teach(
        name,
        saying(f"@ 60 A {TRUE}", f"{other}. 60 A 203.0.113.66", authority=(f"@ 60 NS {other}.",)),
    )
    assert client.gist(name) == TRUE
    assert client.gist(other) == TRUE
    assert subject.was_asked(other, 1)
