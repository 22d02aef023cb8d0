"""Many guesses while a response is awaited: few are looked at, then TCP is asked."""

import pytest

from tests.standards.subject import Client, Subject
from tests.support.metrics import read_samples
from tests.support.scripted import LIES, TRUE, Peer, Replies, telling

GUESSES = 2_000
LOOKED_AT = 32 + 64  # on one port: so many until it is given up, and what came along with those


def mismatches(subject: Subject) -> float:
    """Return how many messages answered nothing, as /metrics has it."""
    samples = read_samples(subject.server.metrics())
    return sum(
        number
        for series, number in samples.items()
        if series.startswith("dnsguard_upstream_errors_total{") and 'reason="mismatch"' in series
    )


@pytest.mark.parametrize(
    "lie", ["wrong ID", "wrong question", "not a response", "header alone", "other case"]
)
def test_few_are_looked_at_and_all_of_those_are_counted(
    subject: Subject, client: Client, lie: str
) -> None:
    name = f"{lie.replace(' ', '-').lower()}.window.example"

    def guess(query: bytes, transport: str, peer: Peer) -> Replies:
        if transport == "tcp":
            return telling(delay=0.1)(query, transport, peer)
        return [(0.0, LIES[lie](query))] * GUESSES

    subject.teach(name, guess)
    before = mismatches(subject)
    assert client.gist(name) == TRUE
    asked = [received.transport for received in subject.asked(name)]
    counted = mismatches(subject) - before
    assert asked[-1] == "tcp"
    assert counted >= 31, "the first in other case is asked over TCP and no mismatch"
    assert counted <= asked.count("udp") * LOOKED_AT
