"""RFC 5452: which replies are believed, and what makes them hard to forge."""

import collections
import re

import pytest

from tests.scenarios.client import ask, compose
from tests.standards import wire
from tests.standards.subject import Client, Subject
from tests.standards.wire import message, opt, option, question
from tests.support.data import CHECKOUT
from tests.support.scripted import TRUE, Peer, Replies, by_transport, lying, respond, telling
from tests.support.shell import framed

QUERIES = 2000
FORGED_PACKETS = 200
MISMATCHES = ["wrong ID", "wrong question", "other case", "other port", "not a response"]


def test_a_ids_and_ports_cannot_be_guessed(subject: Subject) -> None:
    names = [f"n{number}.rfc5452a.example" for number in range(QUERIES)]
    ask(("127.0.0.1", subject.port), [compose(name) for name in names])
    asked = subject.asked_at_or_below("rfc5452a.example")
    assert len(asked) >= QUERIES
    ids = [int.from_bytes(one.query[:2], "big") for one in asked]
    ports = {one.peer[1] for one in asked}
    pairs = {(one.peer[1], number) for one, number in zip(asked, ids, strict=True)}
    assert len(pairs) >= len(asked) - QUERIES // 40
    assert max(ports) - min(ports) > 10_000
    # 16 cells for each half octet of the IDs: chi-square with 15 degrees of freedom, which
    # is above 56 once in a million runs.
    for shift in (0, 4, 8, 12):
        cells = collections.Counter(number >> shift & 15 for number in ids)
        expected = len(ids) / 16
        assert sum((cells[cell] - expected) ** 2 / expected for cell in range(16)) < 56


def test_a_randomness_is_the_operating_systems() -> None:
    asking = [
        *(CHECKOUT / "dnsguard" / "core").glob("*.py"),
        *(CHECKOUT / "dnsguard" / "net").glob("*.py"),
    ]
    imported = set()
    for path in asking:
        imported |= set(re.findall(r"^import (random|secrets)$", path.read_text("utf-8"), re.M))
    assert imported == {"secrets"}


@pytest.mark.parametrize("lie", MISMATCHES)
def test_b_only_a_reply_that_matches_in_everything_is_believed(
    subject: Subject, client: Client, lie: str
) -> None:
    name = f"{lie.replace(' ', '-').lower()}.rfc5452b.example"

    lies = lying(lie, (0.05, telling()))
    subject.teach(name, by_transport(udp=lies, tcp=telling()))
    for _ in range(2):
        assert client.gist(name) == TRUE


def test_b_a_flood_of_guesses_ends_in_tcp(subject: Subject, client: Client) -> None:
    name = "flood.rfc5452b.example"

    def guess(query: bytes, _transport: str, _peer: Peer) -> Replies:
        right = int.from_bytes(query[:2], "big")
        forged = respond(query, "@ 60 A 203.0.113.66")[2:]
        wrong = [number for number in range(FORGED_PACKETS + 1) if number != right]
        return [(0.0, number.to_bytes(2, "big") + forged) for number in wrong]

    subject.teach(name, by_transport(udp=guess, tcp=telling()))
    assert client.gist(name) == TRUE
    assert subject.asked(name)[-1].transport == "tcp"


def test_c_the_same_question_is_asked_once(subject: Subject, client: Client) -> None:
    name = "slow.rfc5452c.example"
    subject.teach(name, telling(delay=0.2))
    variants = [
        (),
        (opt(),),
        (opt(option(8, bytes.fromhex("00011800c00002"))),),
        (opt(option(8, bytes.fromhex("00011800c63364"))),),
        (opt(option(10, b"01234567")),),
        (opt(option(10, b"76543210"), payload=4096),),
        (opt(option(65_001, b"device")),),
    ]
    queries = [message(question(name), additional=extra) for extra in variants * 8]
    # On one connection, so that one worker has them all.
    client.socket(tcp=True).sendall(framed(*queries))
    for _ in queries:
        assert wire.rdata(client.receive(tcp=True), "A") == [bytes([192, 0, 2, 80])]
    assert subject.was_asked(name, 1)


def test_c_questions_that_differ_in_do_and_cd_are_at_most_four(
    subject: Subject, client: Client
) -> None:
    name = "slow-too.rfc5452c.example"
    subject.teach(name, telling(delay=0.2))
    queries = [
        message(question(name), flags=wire.RD | cd, additional=(opt(flags=do),))
        for do in (0, wire.DO)
        for cd in (0, wire.CD)
    ] * 10
    client.socket(tcp=True).sendall(framed(*queries))
    for _ in queries:
        assert wire.rdata(client.receive(tcp=True), "A") == [bytes([192, 0, 2, 80])]
    assert subject.was_asked(name, 4)
