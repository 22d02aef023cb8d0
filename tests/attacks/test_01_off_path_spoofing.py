"""Forged responses by somebody who sees no query: none is believed, none is kept."""

import secrets

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject
from tests.support.loops import wait_for
from tests.support.scripted import (
    FORGED,
    LIES,
    TRUE,
    Peer,
    Replies,
    Script,
    by_transport,
    hanging_up,
    respond,
    telling,
)

GUESSES = 20  # at the ID of each query, fewer than end a port
SIBLINGS = 150
APART = 0.00001  # seconds between the guesses at all IDs


def every_wrong_id(query: bytes, _transport: str, _peer: Peer) -> Replies:
    """Forge all IDs but one, then another question with that one; tell the truth in the end.

    They come one after the other, so that the upstream has time for TCP meanwhile.
    """
    right = int.from_bytes(query[:2], "big")
    forged = respond(query, f"@ 60 A {FORGED}")[2:]
    replies: Replies = [
        (number * APART, number.to_bytes(2, "big") + forged)
        for number in range(1 << 16)
        if number != right
    ]
    other = LIES["wrong question"](query)
    return [*replies, ((1 << 16) * APART, other), (1.0, respond(query, f"@ 60 A {TRUE}"))]


@pytest.mark.parametrize("tcp", [telling(), hanging_up], ids=["TCP", "no TCP"])
def test_all_ids_but_the_right_one(
    subject: Subject, client: Client, tcp: Script, request: pytest.FixtureRequest
) -> None:
    name = f"{request.node.callspec.id.replace(' ', '-').lower()}.spoofed.example"

    def flood_once(query: bytes, transport: str, peer: Peer) -> Replies:
        over_udp = [one for one in subject.asked(name) if one.transport == "udp"]
        script = every_wrong_id if len(over_udp) == 1 else telling()
        return script(query, transport, peer)

    subject.teach(name, by_transport(udp=flood_once, tcp=tcp))
    assert client.gist(name) in ({TRUE, "SERVFAIL"} if tcp is hanging_up else {TRUE})
    subject.teach(name, telling())
    wait_for(lambda: client.gist(name) != "SERVFAIL", "the failure is forgotten")
    assert client.gist(name) == TRUE
    assert client.gist("other.example.net") == TRUE, "nor is the wrong question's answer kept"


def test_a_race_for_a_whole_zone(subject: Subject, client: Client) -> None:
    """Kaminsky's: each sibling is a new try, and each forgery also names the bank's servers.

    The forger knows the port, and of ID and letter case either. The truth comes last.
    """
    bank = "www.bank.spoofed.example"

    def forgery(query: bytes) -> bytes:
        glue = f"{bank}. 60 A {FORGED}"
        return respond(query, f"@ 60 A {FORGED}", f"bank.spoofed.example. 60 NS {bank}.", glue)

    def race(query: bytes, transport: str, _peer: Peer) -> Replies:
        truth: Replies = [(0.05, respond(query, f"@ 60 A {TRUE}"))]
        if transport == "tcp":
            return truth
        right, forged = query[:2], forgery(query)[2:]
        drawn = [secrets.token_bytes(2) for _ in range(GUESSES)]
        guesses: Replies = [(0.0, number + forged) for number in drawn if number != right]
        return [*guesses, (0.0, forgery(query[:12] + query[12:].lower())), *truth]

    names = [f"sibling-with-letters-{number}.bank.spoofed.example" for number in range(SIBLINGS)]
    for name in names:
        subject.teach(name, race)
        client.send(wire.query(name))
    answers = [client.receive() for _ in names]
    assert {bytes(record) for answer in answers for record in wire.rdata(answer, "A")} == {
        bytes([192, 0, 2, 80])
    }
    assert [wire.rcode(answer) for answer in answers] == ["NOERROR"] * SIBLINGS
    for name in (*names, bank, "bank.spoofed.example"):
        assert client.gist(name) == TRUE
    assert subject.asked(bank), "what a forgery says of it is not kept"
