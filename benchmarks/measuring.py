"""One measurement: a load on a server, and what both took."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks import accounting
from benchmarks.cores import SERVER_CORE
from benchmarks.loads import POPULAR, Outcome, run_load
from benchmarks.serving import Serving
from benchmarks.upstream import Upstream

WINDOW = 128  # queries under way: a full batch waits, and Linux's usual buffer holds them all
WARM = 0.005  # queries that may reach the upstream for each answer from a cache
_WARM_UP_SECONDS, _WARM_UPS = 0.1, 10


@dataclass(frozen=True)
class Measured:
    """What a server did in one run of a load; shares are parts of one core or of the answers."""

    rate: float
    """Answers a second."""
    cost: float
    """µs of CPU per answer."""
    share: float
    """How much of its core the server used: less than nearly 1 is not saturated."""
    others: float
    """How much of that core others used: what they disturb."""
    lost: float
    """Unanswered queries, as a share of those sent."""
    failed: float
    """Answers with an RCODE other than NOERROR, as a share."""
    upstream: float
    """Queries that reached the upstream, per answer."""
    p50: float
    p99: float
    p999: float
    longest: float
    """Latency in µs; of a load that saturates, that of its own queue."""


def measure(
    program: Path,
    server: Serving,
    upstream: Upstream,
    queries: Path,
    seconds: float,
    rate: int | None = None,
    sockets: int = 1,
) -> Measured:
    """Load a server to the full, or at a rate in queries per second, and account for it."""
    asked, started = upstream.queries(), time.monotonic()
    busy, cpu = accounting.busy_seconds(SERVER_CORE), server.cpu_seconds()
    mode: Literal["rate", "window"] = "rate" if rate else "window"
    outcome = run_load(program, server.port, queries, seconds, mode, rate or WINDOW, sockets)
    spent = server.cpu_seconds() - cpu
    others = accounting.busy_seconds(SERVER_CORE) - busy - spent
    others = max(0.0, others / (time.monotonic() - started))
    return _measured(outcome, spent, others, upstream.queries() - asked)


def warm_up(
    program: Path, server: Serving, upstream: Upstream, queries: Path, sockets: int = 1
) -> None:
    """Ask until every popular name has been asked and none goes upstream any more."""
    seconds = _WARM_UP_SECONDS
    for _ in range(_WARM_UPS):
        seen = measure(program, server, upstream, queries, seconds, sockets=sockets)
        if seen.upstream < WARM and seen.rate * seconds > POPULAR:
            return
        seconds = max(_WARM_UP_SECONDS, 2 * POPULAR / seen.rate)
    raise SystemExit(f"{server.kind.name} goes on asking its upstream the names of {queries.name}")


def _measured(outcome: Outcome, spent: float, others: float, asked: int) -> Measured:
    if not outcome.answered:
        raise SystemExit(f"no query was answered: {outcome}")
    return Measured(
        rate=outcome.answered / outcome.seconds,
        cost=spent / outcome.answered * 1e6,
        share=spent / outcome.seconds,
        others=others,
        lost=(outcome.lost + outcome.unsent) / (outcome.sent + outcome.unsent),
        failed=1 - outcome.rcodes.get("0", 0) / outcome.answered,
        upstream=asked / outcome.answered,
        p50=outcome.latency_us["p50"],
        p99=outcome.latency_us["p99"],
        p999=outcome.latency_us["p99.9"],
        longest=outcome.latency_us["max"],
    )
