"""Killed at random points of an update, dnsguard starts with a whole version, the old or the new.

`DNSGUARD_KILL_POINTS` says how many points, `DNSGUARD_KILL_SEED` repeats those of another run.
"""

import json
import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from dnsguard.lists.generations import GenerationStore
from tests.scenarios.upstream import knowing_every_name
from tests.support.list_server import (
    BLOCKED,
    FORWARDED,
    details,
    make_list,
    marker,
    policy,
    update,
    verdict,
    verdicts,
)
from tests.support.nginx import Nginx, running_nginx
from tests.support.processes import find_child, mapped, of_group
from tests.support.scripted import ScriptedUpstream
from tests.support.server import DEADLINE, Server, running
from tests.support.steady_client import SteadyClient

POINTS = int(os.environ.get("DNSGUARD_KILL_POINTS", "10"))
SEED = int(os.environ.get("DNSGUARD_KILL_SEED", random.SystemRandom().randrange(10**6)))
COUNT = 30_000  # names: enough for fetching, compiling, swapping and writing to take a while
KEEP = 3
NAME = "partner"
PATH = "/list.txt"
COMMON = "name0.listed.example"
IMAGE = "dnsguard-lists"
SPREAD = 1.2  # of the time an update takes: what comes last is to be hit on a slow day, too


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running_nginx(tmp_path_factory.mktemp("publisher")) as started:
        yield started


@pytest.fixture(scope="module")
def server(nginx: Nginx, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    nginx.serve(PATH, text(0))
    with ScriptedUpstream(knowing_every_name()) as upstream:
        config = {
            "upstreams": [upstream.url],
            "lists": {NAME: {"source": nginx.url(PATH), "keep": KEEP}},
            **policy(NAME),
        }
        with running(tmp_path_factory.mktemp("city"), config) as started:
            started.wait_for(lambda: details(started, NAME)["generation"] == 1)
            yield started


def text(version: int) -> bytes:
    return make_list(version, count=COUNT)


class Update:
    """An update under way; `result` stays None when it came to nothing."""

    def __init__(self, server: Server) -> None:
        self.ended = Event()
        self.result: dict[str, Any] | None = None
        self._thread = Thread(target=self._run, args=(server,))
        self._thread.start()

    def _run(self, server: Server) -> None:
        try:
            self.result = update(server, NAME)[NAME]
        except (httpx.HTTPError, OSError):  # the server was killed
            pass
        finally:
            self.ended.set()

    def join(self) -> dict[str, Any] | None:
        """Wait for its end and return the result."""
        self._thread.join()
        return self.result


def test_killed_at_any_point(server: Server, nginx: Nginx) -> None:
    chance = random.Random(SEED)
    took = statistics.median(measure(server, nginx, version) for version in (1, 2, 3))
    between = [SPREAD * took * (n + chance.random()) / POINTS for n in range(POINTS - 2)]
    delays = [0.0, *between, DEADLINE]
    chance.shuffle(delays)
    print(f"seed {SEED}: an update takes {took:.3f} s")
    seen = set()
    for old, delay in enumerate(delays, start=3):
        nginx.serve(PATH, text(old + 1))
        kill = chance.choice((os.kill, os.killpg))
        interrupt(server, delay, kill)
        version = check(server, {old, old + 1})
        print(f"{kill.__name__} after {delay:.3f} s: {'old' if version == old else 'new'}")
        seen.add(version - old)
        assert update(server, NAME)[NAME]["result"] in {"ok", "unchanged"}
        check(server, {old + 1})
        assert leftovers(server) <= {"accepted-config.json.new", "lists.image.new"}
    assert seen == {0, 1}


def measure(server: Server, nginx: Nginx, version: int) -> float:
    """Return how many seconds an update to a version takes."""
    nginx.serve(PATH, text(version))
    start = time.monotonic()
    assert update(server, NAME)[NAME]["result"] == "ok"
    return time.monotonic() - start


def interrupt(server: Server, delay: float, kill: Callable[[int, int], None]) -> None:
    """Kill the server, alone or with its children, so long into an update; start it again."""
    under_way = Update(server)
    under_way.ended.wait(delay)  # not beyond its end, where nothing is left to interrupt
    killed = server.pid
    kill(killed, signal.SIGKILL)
    assert server.wait() == -signal.SIGKILL
    under_way.join()
    server.start()
    server.wait_for(lambda: of_group(killed) == [])


def check(server: Server, versions: set[int]) -> int:
    """Check that one of these versions is in force, everywhere and whole, and return which."""
    version = serves(server, max(versions))
    assert version in versions
    shown = json.loads(server.command("lists", "show", NAME, "--json").stdout)
    assert shown["state"] == "current"
    current = [found for found in shown["generations"] if found["current"]]
    assert [found["sha256"] for found in current] == [sha256(text(version)).hexdigest()]
    store = GenerationStore(server.folder / "state" / "lists")
    generations = store.record(NAME).generations
    assert len(generations) <= KEEP
    for generation in generations:
        data = store.read(NAME, generation, len(text(version)))
        assert sha256(data).hexdigest() == generation.sha256
    images = [mapped(worker["pid"], IMAGE) for worker in server.status()["workers"]]
    assert images[0] == images[1]
    assert len(images[0]) == 1
    assert len(leftovers(server)) <= 4  # one of each file: it is overwritten, and none is added
    return version


def serves(server: Server, newest: int) -> int:
    """Return the one version that is in force, as clients see it."""
    markers = {version: marker(version) for version in range(newest - 2, newest + 1)}
    expected: frozenset[int] | None = None
    for _ in range(4):  # each time from other ports, and so of the other worker, too
        told = verdicts(server, COMMON, *markers.values())
        assert told[COMMON] == BLOCKED
        blocked = {version for version, name in markers.items() if told[name] == BLOCKED}
        assert expected in {None, frozenset(blocked)}
        expected = frozenset(blocked)
    assert expected is not None
    (version,) = expected
    return version


def leftovers(server: Server) -> set[str]:
    """Return the files that were being written when the server was killed."""
    return {path.name for path in (server.folder / "state").rglob("*.new")}


def test_a_compiler_that_is_killed(server: Server, nginx: Nginx) -> None:
    nginx.serve(PATH, text(-1))
    earlier = details(server, NAME)
    with SteadyClient(server.places["127.0.0.1"], f"{COMMON} A", BLOCKED):
        under_way = Update(server)
        server.wait_for(lambda: kill_compiler(server) or under_way.ended.is_set())
        result = under_way.join()
    assert result is not None
    assert result["result"] == "failed"
    assert "not enough memory to compile the lists" in result["message"]
    assert details(server, NAME)["generation"] == earlier["generation"]
    assert verdict(server, marker(-1)) == FORWARDED
    assert update(server, NAME)[NAME]["result"] == "ok"
    assert verdict(server, marker(-1)) == BLOCKED


def kill_compiler(server: Server) -> bool:
    """Kill the process that compiles lists; tell whether there was one."""
    child = find_child(server.pid, "dnsguard.lists.compiler")
    if child is not None:
        os.kill(child, signal.SIGKILL)
    return child is not None
