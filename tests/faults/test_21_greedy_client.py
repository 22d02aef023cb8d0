"""One client asks ten times as much as all others together: these notice nothing."""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from tests.faults.driver import ALL, RATE, SECONDS, config, under_load
from tests.support.flood import flood
from tests.support.scripted import Peer, Replies, ScriptedUpstream
from tests.support.server import running
from tests.support.truth import LISTED, respond, truth

GREEDY = "127.0.3.1"
PENDING = 100  # queries of one client that wait: fewer than the greedy one has
SLOW = 0.3  # seconds, before anybody asks again


def slow_for_the_greedy(query: bytes, transport: str, peer: Peer) -> Replies:
    """Tell the truth, so late to the greedy client that its queries pile up."""
    if b"greedy" in query.lower():
        return [(SLOW, respond(query))]
    return truth(query, transport, peer)


def wanted() -> Iterator[str]:
    """Give what is cached and what is not in turn."""
    for number in count():
        yield f"greedy{number}.example.org" if number % 2 else LISTED


def test_others_are_answered_all_the_while(tmp_path: Path) -> None:
    limits = {"pending_per_client": PENDING}
    with (
        ScriptedUpstream(slow_for_the_greedy) as upstream,
        running(tmp_path, config(upstream.url, limits=limits)) as server,
        under_load(server) as load,
    ):
        load.phase("calm").check_right(*ALL)
        asked = islice(wanted(), int(10 * RATE * SECONDS))
        load.during(
            "one client at ten times the rate",
            lambda: flood(server.places["127.0.0.1"], [GREEDY], asked, 10 * RATE),
        ).check_right(*ALL)
        assert server.limited("pending_per_client") > 0, "it asked for more than it may have"
        load.phase("calm again").check_right(*ALL)
