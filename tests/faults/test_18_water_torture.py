"""Random names by the thousand, of one zone and of many, that no upstream ever answers."""

from collections.abc import Sequence
from pathlib import Path

from tests.faults.driver import (
    ALL,
    FAILED,
    HEAVY,
    LOCAL,
    LOST,
    RIGHT,
    SECONDS,
    Driver,
    config,
    under_load,
)
from tests.support.flood import flood
from tests.support.metrics import read_samples
from tests.support.scripted import Peer, Replies, ScriptedUpstream
from tests.support.server import running
from tests.support.truth import truth

RATE = 5_000 if SECONDS >= HEAVY else 50_000
COUNT = RATE * int(SECONDS) if SECONDS >= HEAVY else 3_500
CLIENTS = [f"127.0.2.{number}" for number in range(1, 17)]
ATTACKED = b"\7torture\0"
PER_ZONE = 1024 + 128  # questions below one name in flight in one worker, see docs/limits.md
OTHERS = 100  # questions of others that may be in flight while we look


def silent_if_attacked(query: bytes, transport: str, peer: Peer) -> Replies:
    return [] if ATTACKED in query.lower() else truth(query, transport, peer)


def pending(load: Driver) -> list[float]:
    samples = read_samples(load.server.metrics())
    return [samples[f'dnsguard_pending_queries{{worker="{worker}"}}'] for worker in (0, 1)]


def questions(upstream: ScriptedUpstream) -> int:
    """Return how many different questions of the attack went upstream."""
    queries = (received.query[12:].lower() for received in upstream.received)
    return len({query.partition(ATTACKED)[0] for query in queries if ATTACKED in query})


def test_bounds_hold_a_flood_of_names_and_others_are_answered(tmp_path: Path) -> None:
    with (
        ScriptedUpstream(silent_if_attacked) as upstream,
        running(tmp_path, config(upstream.url)) as server,
        under_load(server) as load,
    ):
        load.phase("calm").check_right(*ALL)
        attack(load, "r{}.www.example.torture", CLIENTS, "pending_per_zone")
        assert max(pending(load)) <= PER_ZONE + OTHERS
        assert questions(upstream) <= COUNT - server.limited("pending_per_zone")
        attack(load, "r.zone{}.torture", CLIENTS[:1], "pending_per_client")
        load.phase("calm again").check_right(*ALL)


def attack(load: Driver, names: str, clients: Sequence[str], limit: str) -> None:
    """Flood with names until a limit holds it, while others are answered."""
    place = load.server.places["127.0.0.1"]
    asked = map(names.format, range(COUNT))
    during = load.during(names, lambda: flood(place, clients, asked, RATE))
    assert set(during.outcomes(*LOCAL)) <= {RIGHT, LOST}
    # Our own upstream is slow when it is asked so much.
    assert set(during.outcomes("fresh", "alias")) <= {RIGHT, FAILED, LOST}
    samples = read_samples(load.server.metrics())
    assert during.outcomes(*ALL)[LOST] <= samples["dnsguard_udp_dropped_total"]
    assert load.server.limited(limit) > 0
