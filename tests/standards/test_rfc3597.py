"""RFC 3597: types and classes that nobody here knows."""

import dns.message
import dns.rrset
import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, OTHER, STAFF, Subject
from tests.standards.wire import message, question
from tests.support.scripted import Peer, Replies

POINTERS = bytes.fromhex("c00cc00c03777777c01000ffc000")
UNKNOWN = 65_280


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("qtype", [UNKNOWN, 666, 65_534])
def test_a_rdata_of_an_unknown_type_stays_as_it_is(
    subject: Subject, qtype: int, *, tcp: bool
) -> None:
    name = f"type{qtype}.tcp{int(tcp)}.rfc3597a.example"

    def answer(query: bytes, _transport: str, _peer: Peer) -> Replies:
        response = dns.message.make_response(dns.message.from_wire(query))
        rdata = f"\\# {len(POINTERS)} {POINTERS.hex()}"
        owner = response.question[0].name
        response.answer = [dns.rrset.from_text(owner, 60, "IN", f"TYPE{qtype}", rdata)]
        return [(0.0, response.to_wire())]

    subject.teach(name, answer)
    with subject.client() as client:
        for _ in range(2):  # from the upstream, then from the cache
            told = client.ask(wire.query(name, qtype), tcp=tcp)
            assert told.count(POINTERS) == 1
            assert wire.rdata(told, f"TYPE{qtype}") == [POINTERS]
    assert subject.was_asked(name, 1)


@pytest.mark.parametrize("source", [STAFF, OTHER])
@pytest.mark.parametrize("qclass", [0, 2, 3, 4, 5, 254, 255, 65_280])
def test_b_another_class_is_refused_and_no_way_round_a_ban(
    subject: Subject, source: str, qclass: int
) -> None:
    with subject.client(source) as client:
        for name in (BLOCKED, "class.rfc3597b.example", "version.bind"):
            answer = client.ask(message(question(name, 1, qclass)))
            assert wire.header(answer).rcode == 5
            assert wire.header(answer).counts == (1, 0, 0, 0)
            assert subject.asked(name) == []
