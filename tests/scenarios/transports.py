"""The ways in which messages can reach a server, each for many queries at a time.

Each takes queries and how many of them must be answered, and returns the answers by their IDs,
which are the positions of the queries. Whoever answers more, or another ID, is found out.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import dns.message
import dns.opcode

from tests.scenarios.client import Datagrams, Place, Stream, compose

Answers = dict[int, bytes]
Way = Callable[[Place, str, Sequence[bytes], int], Answers]

AT_A_TIME = 60  # fewer than a connection may have under way
_LAST = 0xFFFF
_BESIDE = 0x8000


def _end() -> bytes:
    """Return a query that is answered at once, by everyone and without an upstream: by NOTIMP."""
    query = dns.message.make_query("end.example.net", "A", id=_LAST)
    query.set_opcode(dns.opcode.STATUS)
    return query.to_wire()


_END = _end()


def over_udp(place: Place, source: str, queries: Sequence[bytes], answered: int) -> Answers:
    """Send each query in a datagram."""
    with Datagrams(place, source) as client:
        for query in queries:
            client.send(query)
        return _collect(client, answered)


def over_tcp(place: Place, source: str, queries: Sequence[bytes], answered: int) -> Answers:
    """Send each query in a segment, all over one connection."""
    with Stream(place, source) as client:
        for query in queries:
            client.send(query)
        return _collect(client, answered)


def octet_by_octet(place: Place, source: str, queries: Sequence[bytes], answered: int) -> Answers:
    """Send each octet in a segment."""
    with Stream(place, source) as client:
        for octet in b"".join(map(framed, queries)):
            client.send_raw(bytes([octet]))
        return _collect(client, answered)


def in_one_segment(place: Place, source: str, queries: Sequence[bytes], answered: int) -> Answers:
    """Send all queries in one segment."""
    with Stream(place, source) as client:
        client.send_raw(b"".join(map(framed, queries)))
        return _collect(client, answered)


def behind_allowed(place: Place, source: str, queries: Sequence[bytes], answered: int) -> Answers:
    """Send each query in the same segment as one for an allowed name, which goes before it."""
    with Stream(place, source) as client:
        for number, query in enumerate(queries):
            allowed = compose(f"allowed{number % 7}.example.net")
            allowed = (_BESIDE | number).to_bytes(2, "big") + allowed[2:]
            client.send_raw(framed(allowed) + framed(query))
        answers = _collect(client, answered + len(queries))
    for number in range(len(queries)):
        assert answers.pop(_BESIDE | number)
    return answers


def half_closed(place: Place, source: str, queries: Sequence[bytes], answered: int) -> Answers:
    """Send all queries and say that no more come; the answers end with the connection."""
    with Stream(place, source) as client:
        for query in queries:
            client.send(query)
        client.finish()
        return _by_id(iter(client.receive, b""))


WAYS: Sequence[Way] = (
    over_udp,
    over_tcp,
    octet_by_octet,
    in_one_segment,
    behind_allowed,
    half_closed,
)


def ask(
    way: Way, place: Place, source: str, queries: Sequence[bytes], silent: Sequence[bool]
) -> list[bytes]:
    """Return the answer to each query, b"" to those that must not be answered."""
    answers = []
    for first in range(0, len(queries), AT_A_TIME):
        batch = [
            number.to_bytes(2, "big") + query[2:]
            for number, query in enumerate(queries[first : first + AT_A_TIME])
        ]
        unanswered = silent[first : first + AT_A_TIME]
        found = way(place, source, batch, unanswered.count(False))
        wrong = [batch[n] for n, quiet in enumerate(unanswered) if quiet == (n in found)]
        assert not wrong, "not answered, or answered against all rules"
        assert len(found) == unanswered.count(False)
        answers += [found.get(number, b"") for number in range(len(batch))]
    return answers


def framed(message: bytes) -> bytes:
    """Return a message behind its length, as TCP carries it."""
    return len(message).to_bytes(2, "big") + message


def _collect(client: Datagrams | Stream, answered: int) -> Answers:
    """Return so many answers, fewer if no more come, and any before that to a last query."""
    expected: list[bytes] = []
    with suppress(TimeoutError):
        expected.extend(client.receive() for _ in range(answered))
    client.send(_END)
    return _by_id([*expected, *_until_end(client)])


def _until_end(client: Datagrams | Stream) -> Iterator[bytes]:
    while (answer := client.receive())[:2] != _END[:2]:
        yield answer


def _by_id(answers: Iterator[bytes] | list[bytes]) -> Answers:
    found: Answers = {}
    for answer in answers:
        number = int.from_bytes(answer[:2], "big")
        assert number not in found, f"answered twice: {answer!r}"
        found[number] = answer
    return found
