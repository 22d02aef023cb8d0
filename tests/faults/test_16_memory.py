"""Memory runs out: the cache keeps to its bound in octets, so that nobody is killed for it."""

from collections.abc import Iterator
from pathlib import Path

from tests.faults.driver import (
    ALL,
    BLOCKED_NAME,
    HEAVY,
    REGISTERED,
    SECONDS,
    config,
    under_load,
)
from tests.scenarios.client import ask, compose
from tests.support.control_groups import control_group
from tests.support.metrics import read_samples
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running
from tests.support.truth import truth

LIMIT = 150 << 20
CACHE = 32 << 20 if SECONDS >= HEAVY else 1 << 20  # octets, of all workers
FLOOD = 1_000_000 if SECONDS >= HEAVY else 6_000  # names, which take some 500 octets each
BATCH = 2_000
BEYOND = 8192  # octets that may be above the bound until the next addition: one answer's


def names() -> Iterator[bytes]:
    """Give new names, blocked ones, so that no upstream slows the flood down."""
    query = compose(f"000000000.{BLOCKED_NAME}")
    start = query.index(b"000000000")
    for number in range(FLOOD):
        yield query[:start] + b"%09d" % number + query[start + 9 :]


def flood(server: Server) -> None:
    queries = list(names())
    for first in range(0, FLOOD, BATCH):
        batch = queries[first : first + BATCH]
        assert all(ask(server.places["127.0.0.1"], batch, source=REGISTERED))


def cached(server: Server) -> tuple[float, float]:
    """Return how many entries are in the caches, and how many octets they take."""
    samples = read_samples(server.metrics())
    entries, octets = (
        sum(samples[f'dnsguard_cache_{what}{{worker="{worker}"}}'] for worker in (0, 1))
        for what in ("entries", "bytes")
    )
    return entries, octets


def test_a_flood_of_names_evicts_and_kills_nobody(tmp_path: Path) -> None:
    with (
        ScriptedUpstream(truth) as upstream,
        control_group("memory", LIMIT) as group,
        running(
            tmp_path, config(upstream.url, cache={"size": f"{CACHE >> 20}MiB"}), prefix=group.prefix
        ) as server,
        under_load(server) as load,
    ):
        load.phase("calm").check_right(*ALL)
        load.during("flood of names", lambda: flood(server)).check_right(*ALL)
        server.wait_for(lambda: cached(server)[1] > 0.9 * CACHE)  # told once a second
        entries, octets = cached(server)
        assert entries < FLOOD
        assert octets <= CACHE + 2 * BEYOND
        load.phase("calm again").check_right(*ALL)
        print(f"{group.highest() >> 20} MiB at most, {entries:.0f} entries")
        assert group.killed() == 0
