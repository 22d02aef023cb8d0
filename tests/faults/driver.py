"""Steady clients around a fault, and what must be true before, during and after it.

with running(tmp_path, config(first, second)) as server, under_load(server) as load:
    load.phase("calm")
    with some_fault():
        during = load.phase("upstream dead")      # figures: during.outcomes("fresh")
    load.recovers("fresh")

However it goes, no answer may be wrong and no blocked name may leak, which the end of the block
checks, as it checks that the server has the same policy, the same processes and a clean log.
`DNSGUARD_FAULT_SECONDS` makes each phase longer and has memory checked as well.
"""

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.scenarios.client import ask, compose
from tests.support.metrics import read_samples
from tests.support.processes import resident
from tests.support.scripted import ScriptedUpstream
from tests.support.server import DEADLINE, Server, running
from tests.support.steady_load import Kind, MakeSocket, Outcome, Seen, SteadyLoad, judge
from tests.support.truth import LISTED, truth

SECONDS = float(os.environ.get("DNSGUARD_FAULT_SECONDS", "0.25"))
"""How long a phase is; from `HEAVY` on, memory is compared too."""
RATE = float(os.environ.get("DNSGUARD_FAULT_RATE", "300"))
HEAVY = 5.0
_KEPT = 8 << 10  # KiB
long = pytest.mark.skipif(SECONDS < HEAVY, reason="the long tier, which `make soak-faults` runs")
"""Marks what is too long for each run of the tests."""

REGISTERED, UNREGISTERED = "127.0.0.2", "127.0.0.3"
SINKHOLE = "0.0.0.0"
BLOCKED_NAME = "blocked.example.org"
RIGHT, STALE, FAILED, SENT_TO_TCP, LOST, WRONG = Outcome
FEW = 5  # answers that show that something is so again

_CACHED = [f"cached{number}.example.org" for number in range(8)]
_BLOCKED = [LISTED, BLOCKED_NAME, "v16-webapp.tiktokcdn.com", f"www.{BLOCKED_NAME}"]
_EACH = 24  # queries for one name, from different ports: both workers get some
_numbers = itertools.count()

ALL = ("cached", "fresh", "blocked", "alias", "open")
LOCAL = ("cached", "blocked", "open")
"""What needs no upstream."""
KINDS = (
    Kind("cached", UNREGISTERED, lambda turn: _CACHED[turn % len(_CACHED)]),
    Kind("fresh", UNREGISTERED, lambda _: f"n{next(_numbers)}.example.net"),
    Kind("blocked", REGISTERED, lambda turn: _BLOCKED[turn % len(_BLOCKED)], SINKHOLE),
    Kind("alias", REGISTERED, lambda _: f"alias{next(_numbers)}.example.net", SINKHOLE),
    Kind("open", UNREGISTERED, lambda _: LISTED),
)
"""What is asked in turn: in everybody's cache, new each time, blocked by name, blocked by what
it is an alias of, and what is blocked for others only (cached as well)."""


def config(*upstreams: str, **changes: Any) -> dict[str, Any]:
    """Return a config that blocks for `REGISTERED` what `KINDS` expects."""
    return {
        "upstreams": list(upstreams),
        "groups": {"staff": {"subnets": [f"{REGISTERED}/32"]}},
        "policies": {
            "ban": {"groups": ["staff"], "lists": ["builtin:tiktok"], "block": [BLOCKED_NAME]}
        },
        **changes,
    }


@dataclass(frozen=True)
class Pair:
    """A server and its two upstreams, the first of which is preferred."""

    server: Server
    first: ScriptedUpstream
    second: ScriptedUpstream

    def up(self) -> list[bool]:
        """Return which upstreams no worker finds down."""
        return [found["up"] for found in self.server.status()["upstreams"]]

    def heal(self) -> None:
        """Have both upstreams tell the truth, and wait until they are found up."""
        self.first.script = self.second.script = truth
        self.server.wait_for(lambda: self.up() == [True, True])


@contextmanager
def running_pair(folder: Path, *, tcp: bool = False) -> Iterator[Pair]:
    """Run a server and two upstreams that tell the truth, the first over TCP alone if wanted."""
    with ScriptedUpstream(truth) as first, ScriptedUpstream(truth) as second:
        urls = (first.tcp_url if tcp else first.url, second.url)
        with running(folder, config(*urls)) as server:
            yield Pair(server, first, second)


@dataclass(frozen=True)
class Phase:
    """What came of the queries that were sent within one phase."""

    name: str
    seen: Sequence[Seen]

    def of(self, *kinds: str) -> list[Seen]:
        """Return the queries of some kinds, without any those of all."""
        return [query for query in self.seen if not kinds or query.kind in kinds]

    def outcomes(self, *kinds: str) -> Counter[Outcome]:
        """Return how often what came of the queries of some kinds."""
        return Counter(query.outcome for query in self.of(*kinds))

    def check_right(self, *kinds: str) -> None:
        """Check that there were queries of these kinds and all were answered rightly."""
        for kind in kinds:
            assert set(self.outcomes(kind)) == {RIGHT}, (kind, self.outcomes(kind), str(self))

    def asked(self, *upstreams: ScriptedUpstream) -> int:
        """Return how often upstreams were asked for names that were new in this phase."""
        names = {f"{query.name}." for query in self.of("fresh", "alias")}
        return sum(name in names for upstream in upstreams for name in upstream.names)

    def percentile(self, share: float, *kinds: str) -> float:
        """Return after how many seconds that share of the answers had come."""
        times = sorted(query.seconds for query in self.of(*kinds) if query.outcome != LOST)
        return times[min(len(times) - 1, int(share * len(times)))] if times else float("nan")

    def __str__(self) -> str:
        """Return the figures, a line for each kind."""
        lines = []
        for kind in dict.fromkeys(query.kind for query in self.seen):
            found = ", ".join(f"{count} {what}" for what, count in self.outcomes(kind).items())
            p50, p99 = (1000 * self.percentile(share, kind) for share in (0.5, 0.99))
            lines.append(f"{self.name}: {kind}: {found}; p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        return "\n".join(lines)


class Driver:
    """The load on one server, and what is noted of it.

    Who starts another server in its place sets `server`.
    """

    def __init__(self, server: Server, load: SteadyLoad) -> None:
        self.server = server
        self.load = load

    def phase(self, name: str, seconds: float = SECONDS) -> Phase:
        """Let a phase pass, wait until all that was asked in it is answered or lost; tell it."""
        return self.during(name, lambda: time.sleep(seconds))

    def during(self, name: str, act: Callable[[], object]) -> Phase:
        """Return the phase that lasts as long as a function takes."""
        first = time.monotonic()
        act()
        last = time.monotonic()
        wait_until(lambda: self.load.oldest() > last, "the queries of the phase are settled")
        phase = Phase(name, [query for query in self.load.seen if first <= query.sent <= last])
        print(phase)
        return phase

    def waits_for(self, holds: Callable[[Seen], bool]) -> None:
        """Wait until something is so of a query sent from now on."""
        start = time.monotonic()
        wait_until(
            lambda: any(holds(query) for query in list(self.load.seen) if query.sent >= start),
            "an outcome that was expected",
        )

    def recovers(self, *kinds: str, count: int = FEW) -> float:
        """Wait until some queries of each kind in turn are right; return the seconds that took.

        They are counted among those sent from now on, and start anew after one that is not.
        """
        start = time.monotonic()
        done: dict[str, float] = {}

        def recovered() -> bool:
            for kind in kinds:
                asked = [q for q in list(self.load.seen) if q.kind == kind and q.sent >= start]
                latest = sorted(asked, key=lambda query: query.sent)[-count:]
                if len(latest) == count and {query.outcome for query in latest} == {RIGHT}:
                    done.setdefault(kind, latest[0].sent - start)
            return len(done) == len(kinds)

        wait_until(recovered, f"{kinds} are answered rightly again")
        return max(done.values())

    def repeats(self, phase: Phase, *kinds: str) -> None:
        """Ask what a phase asked once more, until all of it is right; a failure may be kept."""
        place = self.server.places["127.0.0.1"]

        def right() -> bool:
            outcomes = set()
            for kind in (kind for kind in KINDS if kind.name in kinds):
                names = [query.name for query in phase.of(kind.name)]
                answers = ask(place, [compose(name) for name in names], source=kind.source)
                found = [judge(kind, *pair) for pair in zip(names, answers, strict=True)]
                assert WRONG not in {outcome for outcome, _, _ in found}, found
                outcomes |= {outcome for outcome, _, _ in found}
            return outcomes == {RIGHT}

        wait_until(right, f"what {phase.name} asked is answered rightly")


class State(NamedTuple):
    """What a fault must leave as it was."""

    policy: dict[str, Any]
    processes: list[Any]


@contextmanager
def under_load(
    server: Server,
    *,
    kinds: Sequence[Kind] = KINDS,
    rate: float = RATE,
    make_socket: MakeSocket | None = None,
    place: tuple[str, int] | None = None,
    same_policy: bool = True,
    same_processes: bool = True,
    warm: bool = True,
    known: Sequence[str] = (),
) -> Iterator[Driver]:
    """Have steady clients ask for the length of a block, and check what holds in every fault.

    Before it, what `cached` and `open` ask, and what is to be `known`, is put into every cache.
    """
    place = place or server.places["127.0.0.1"]
    if warm:
        for _ in range(_EACH):
            ask(place, [compose(name) for name in (*_CACHED, LISTED, *known)], source=UNREGISTERED)
    before, taken = state(server), memory(server)
    logged = len(server.log())
    options = {} if make_socket is None else {"make_socket": make_socket}
    with SteadyLoad(place, kinds, rate, **options) as load:
        driver = Driver(server, load)
        yield driver
    wrong = [query for query in load.seen if query.outcome == WRONG]
    assert wrong == [], wrong[:5]
    server = driver.server
    server.wait_for(lambda: not any(reason.startswith("worker") for reason in server.unready()))
    after = state(server)
    if same_policy:
        assert after.policy == before.policy
    if same_processes:
        assert after.processes == before.processes
        check_memory(taken, memory(server))
    check_health(server, logged)


def state(server: Server) -> State:
    """Return the policy in force and the processes that serve it."""
    status = server.status()
    names = ("generation", "config", "groups", "policies")
    policy = {name: status[name] for name in names}
    what = ("name", "names", "addresses", "generation")
    policy["lists"] = [[found[key] for key in what] for found in status["lists"]]
    policy["workers"] = [worker["generation"] for worker in status["workers"]]
    workers = [(worker["pid"], worker["restarts"]) for worker in status["workers"]]
    return State(policy, [status["pid"], status["started"], *workers])


def check_health(server: Server, logged: int = 0) -> None:
    """Check that the log has no traceback from a place on, and that no internal error happened."""
    log = server.log()[logged:]
    assert "Traceback" not in log, log
    assert "internal error" not in log, log
    assert read_samples(server.metrics())["dnsguard_internal_errors_total"] == 0


def memory(server: Server) -> dict[int, int]:
    """Return the resident memory of each process of a server in KiB, less what its cache takes."""
    status, samples = server.status(), read_samples(server.metrics())
    found = {status["pid"]: resident(status["pid"]) // 1024}
    for worker in status["workers"]:
        cache = samples[f'dnsguard_cache_bytes{{worker="{worker["number"]}"}}']
        found[worker["pid"]] = (resident(worker["pid"]) - int(cache)) // 1024
    return found


def check_memory(before: Mapping[int, int], after: Mapping[int, int]) -> None:
    """Check in long runs that no process has grown by more than a tenth, or by a few MiB.

    The first time that hundreds of questions wait, the allocator keeps what they took.
    """
    print(f"resident KiB: {before} -> {after}")
    if SECONDS >= HEAVY:
        most = {pid: max(1.1 * size, size + _KEPT) for pid, size in before.items()}
        assert {pid: size for pid, size in after.items() if size > most[pid]} == {}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; `what` says what did not happen otherwise."""
    end = time.monotonic() + DEADLINE + SECONDS
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.01)
