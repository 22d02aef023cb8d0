"""TuDoor: a malformed packet, however good its guess, does not end a query."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from dnsguard.core import retry
from tests.standards import wire
from tests.standards.subject import Client, Subject
from tests.support.generations import Setup
from tests.support.scripted import (
    LIES,
    TRUE,
    Peer,
    Received,
    Replies,
    Script,
    ScriptedUpstream,
    by_transport,
    hanging_up,
    lying,
    respond,
    telling,
    truncated,
)
from tests.support.shell import Shell, addresses, make_query

LATER = 0.3  # seconds after the bad packet the good one comes


def header(query: bytes, flags: int, *counts: int) -> bytes:
    """Return a header with the query's ID."""
    numbers = (flags, *counts, 0, 0, 0, 0)[:5]
    return query[:2] + b"".join(number.to_bytes(2, "big") for number in numbers)


def with_bits(message: bytes, bits: int) -> bytes:
    """Return a message with some more bits of its flags set."""
    flags = int.from_bytes(message[2:4], "big") | bits
    return message[:2] + flags.to_bytes(2, "big") + message[4:]


BAD: dict[str, Callable[[bytes], bytes]] = {
    **{lie: LIES[lie] for lie in LIES if lie not in {"SERVFAIL", "REFUSED", "FORMERR"}},
    "garbage": lambda _: b"\xff" * 100,
    "garbage with the ID": lambda query: query[:2] + b"\xff" * 100,
    "the query itself": lambda query: query,
    "header of success": lambda query: header(query, 0x8180),
    "header of SERVFAIL": lambda query: header(query, 0x8182),
    "header of FORMERR": lambda query: header(query, 0x8181),
    "header of NXDOMAIN": lambda query: header(query, 0x8183),
    "header that is truncated": lambda query: header(query, 0x8380),
    "counts of what is not there": lambda query: header(query, 0x8180, 1, 65_535, 65_535, 65_535),
    "nothing but the question": lambda query: with_bits(query, 0x8000)[:-1],
    "junk behind TC": lambda query: with_bits(respond(query), 0x200) + b"\xff" * 30,
    "TC": truncated,
    "junk for records": lambda query: respond(query, f"@ 60 A {TRUE}")[:40] + b"\xff" * 60,
    "another opcode": lambda query: with_bits(respond(query), 0x2800),
}
"""What no server sends, or only one that wants TCP, by somebody who has guessed port and ID."""


def bad_first(*kinds: str) -> Script:
    """Return a script that sends these, and the truth a little later."""

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        bad: Replies = [(0.0, BAD[kind](query)) for kind in kinds]
        return [*bad, *telling(delay=LATER)(query, transport, peer)]

    return script


@pytest.fixture
def without_tcp(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ScriptedUpstream, Shell]]:
    """An upstream that hangs up on TCP, and who asks it; silence is far away."""
    monkeypatch.setattr(retry, "TIMEOUTS", (retry.DEADLINE,))
    with ScriptedUpstream(hanging_up) as upstream, Shell(Setup(upstreams=[upstream.url])) as shell:
        yield upstream, shell


def kind_of(name: str) -> str:
    """Return which packet comes first for a name."""
    return list(BAD)[int(name.partition(".")[0].removeprefix("kind"))]


def bad_by_name(query: bytes, transport: str, peer: Peer) -> Replies:
    """Send the packet that goes with the name first."""
    kind = kind_of(Received(query, transport, peer).name)
    return bad_first(kind)(query, transport, peer)


NAMES = [f"kind{number}.tudoor.example" for number in range(len(BAD))]
GOOD = {kind: [TRUE] for kind in BAD}


def test_the_good_answer_is_had(subject: Subject, client: Client) -> None:
    script = by_transport(udp=bad_by_name, tcp=telling(delay=LATER))
    for name in NAMES:
        subject.teach(name, script)
        client.send(wire.query(name))
    assert received([client.receive() for _ in NAMES]) == GOOD
    assert {client.gist(name) for name in NAMES} == {TRUE}, "and it is kept"


def test_the_good_answer_is_had_without_tcp(
    without_tcp: tuple[ScriptedUpstream, Shell],
) -> None:
    upstream, shell = without_tcp
    upstream.script = by_transport(udp=bad_by_name, tcp=hanging_up)
    with shell.datagrams() as client:
        for name in NAMES:
            client.send(make_query(name))
        assert received([client.recv(4096) for _ in NAMES]) == GOOD
        assert [addresses(shell.ask(name)) for name in NAMES] == [[TRUE]] * len(NAMES)


def received(answers: list[bytes]) -> dict[str, Sequence[str]]:
    """Return the addresses in each answer by what came first."""
    messages = map(wire.read, answers)
    return {kind_of(str(one.question[0].name)): addresses(one) for one in messages}


def test_all_of_them_at_once(
    subject: Subject, client: Client, without_tcp: tuple[ScriptedUpstream, Shell]
) -> None:
    name = "all.tudoor.example"
    subject.teach(name, by_transport(udp=bad_first(*BAD), tcp=telling()))
    assert client.gist(name) == TRUE
    upstream, shell = without_tcp
    upstream.script = by_transport(udp=bad_first(*BAD), tcp=hanging_up)
    assert addresses(shell.ask("www.example.org")) == [TRUE]


def test_a_lie_in_other_case_is_not_taken_before_the_truth(
    without_tcp: tuple[ScriptedUpstream, Shell],
) -> None:
    upstream, shell = without_tcp
    lies = lying("other case", (LATER, telling()))
    upstream.script = by_transport(udp=lies, tcp=hanging_up)
    assert addresses(shell.ask("www.example.org")) == [TRUE]
