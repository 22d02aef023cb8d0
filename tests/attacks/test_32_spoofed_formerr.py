"""A forged FORMERR does not take EDNS away: neither from a query nor from an upstream."""

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject
from tests.support.scripted import Peer, Replies, respond, telling

TRUTH = telling()
HEADER = "header alone"


def formerr(query: bytes, kind: str) -> bytes:
    """Return a FORMERR of somebody who saw port and ID, with or without the question."""
    message = respond(query, rcode="FORMERR", edns=False)
    return message[:4] + bytes(8) if kind == HEADER else message


@pytest.mark.parametrize("kind", [HEADER, "with the question"])
@pytest.mark.parametrize("count", [1, 20])
def test_a_forged_formerr_changes_nothing(
    subject: Subject, client: Client, kind: str, count: int
) -> None:
    forged = f"forged{count}.{kind.replace(' ', '-')}.example"

    def forge_first(query: bytes, transport: str, peer: Peer) -> Replies:
        truth = TRUTH(query, transport, peer)
        if transport == "tcp" or len(subject.asked(forged)) > 1:
            return truth
        forgeries: Replies = [(0.0, formerr(query, kind))] * count
        return [*forgeries, *((0.1 + delay, reply) for delay, reply in truth)]

    subject.teach(forged, forge_first)
    assert wire.rdata(client.ask(wire.query(forged)), "A") == [bytes([192, 0, 2, 80])]
    if kind == HEADER:  # the other one can be sent only by who saw the question
        assert {wire.read(received.query).edns for received in subject.asked(forged)} == {0}
    for number in range(10):
        later = f"later{number}.{forged}"
        assert client.gist(later) == "192.0.2.80"
        assert wire.read(subject.asked(later)[0].query).edns == 0
