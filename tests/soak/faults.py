"""The faults of the soak that come from the program's own side: policy, lists, processes, disk.

Each lasts for about the seconds it is given and leaves everything as it was. What may be seen of
it besides right answers is in `excuses`, with the seconds after its end; nothing is the rule.
"""

import os
import random
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes.clients import ended
from tests.scenarios.test_list_server import FAULTS as LIST_FAULTS
from tests.soak.answers import CUT_OFF, LOST, SERVFAIL, STALE, TRUNCATED
from tests.soak.city import PARTNER, PATH, City
from tests.soak.oracle import ENFORCE, OFF
from tests.support.list_server import update
from tests.support.loops import DEADLINE, wait_for
from tests.support.processes import is_stopped

Injector = Callable[[City, random.Random, float], None]

STALE_AFTER = 32.0  # seconds a stale answer may be given for after the upstreams are back
SPARE_DESCRIPTORS = 12
IDLE_CONNECTIONS = 60
UNDER_WAY = "under way when a worker is stopped"
IDLE_CLIENTS = ("127.0.0.1", "127.0.0.6", "127.0.0.7")


@dataclass(frozen=True)
class Fault:
    """A fault; `replaces` says which processes are others after it."""

    name: str
    inject: Injector
    excuses: Mapping[str, float] = field(default_factory=dict)
    replaces: str = ""


def _reload_unchanged(city: City, _chance: random.Random, _seconds: float) -> None:
    city.reload()


def _reload_refused(city: City, chance: random.Random, seconds: float) -> None:
    broken = chance.choice(
        (
            {**city.config(), "nonsense": True},
            {**city.config(), "workers": 1},
            {**city.config(), "policies": {"ban": {"groups": ["nobody"]}}},
            {**city.config(), "listen": {"dns": ["127.0.0.1:1"], "admin": None}},
        )
    )
    city.server.write(broken)
    response = city.server.reload()
    if response.status_code == 200:
        raise AssertionError(f"a broken config is accepted: {response.text}")
    city.hold(seconds / 4)
    city.reload()


def _toggle(city: City, chance: random.Random, seconds: float) -> None:
    for stage in (OFF, ENFORCE) * 3:
        city.switch(stage)
        city.hold(chance.uniform(0.2, 1.0) * seconds / 6)


def _reload_burst(city: City, chance: random.Random, seconds: float) -> None:
    for _ in range(20):
        os.kill(city.server.pid, signal.SIGHUP)
        city.hold(chance.uniform(0.0, seconds / 40))
    city.reload()


def _new_version(city: City, chance: random.Random, seconds: float) -> None:
    for _ in range(chance.randint(1, 3)):
        city.next_version()
        city.hold(seconds / 6)


def _bad_version(city: City, chance: random.Random, seconds: float) -> None:
    bad = LIST_FAULTS.keys() - {"a redirect to 127.0.0.1"}  # which is where our list server is
    for name in chance.sample(sorted(bad), 3):
        LIST_FAULTS[name].serve(city.nginx, PATH)
        city.expect_update("refused", "failed")
        city.hold(seconds / 6)
    city.serve_current()
    city.expect_update("ok", "unchanged")


def _list_server_gone(city: City, _chance: random.Random, seconds: float) -> None:
    city.nginx.stop()
    city.expect_update("failed")
    city.hold(seconds / 2)
    city.serve_current()


def _list_server_stalls(city: City, _chance: random.Random, seconds: float) -> None:
    """Reload while an update waits for a list server that says nothing."""
    city.nginx.pause()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(update, city.server, PARTNER)
        try:
            city.hold(seconds / 2)
            city.switch(OFF)
            city.switch(ENFORCE)
        finally:
            city.nginx.resume()
        waiting.result()


def _kill_worker(city: City, chance: random.Random, seconds: float) -> None:
    city.hold(chance.uniform(0.0, seconds / 4))
    _replace_worker(city)


def _kill_worker_in_reload(city: City, chance: random.Random, seconds: float) -> None:
    def switch() -> None:
        for stage in (OFF, ENFORCE) * 3:
            city.switch(stage)
            city.hold(seconds / 24)

    with ThreadPoolExecutor(1) as pool:
        switching = pool.submit(switch)
        city.hold(chance.uniform(0.0, seconds / 4))
        _replace_worker(city)
        switching.result()


def _replace_worker(city: City) -> None:
    victim = city.workers[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(ended([victim]), "the worker ends")
    city.server.wait_for(lambda: city.server.status()["workers"][0]["pid"] not in (None, victim))
    city.server.wait_for(lambda: not city.server.unready())


def _stop_worker(city: City, chance: random.Random, seconds: float) -> None:
    """Stop a worker: what it has just asked upstream then, and nothing else, comes late.

    Until that comes, whoever else asks for it is told what is stale as well.
    """
    worker = chance.choice(city.workers)
    with city.oracle.window(UNDER_WAY, {TRUNCATED: 0.0}):
        os.kill(worker, signal.SIGSTOP)
        wait_for(lambda: is_stopped(worker), "the worker stops")
    _resume_after(city, worker, min(seconds / 2, 3.0))


def _stop_control_plane(city: City, _chance: random.Random, seconds: float) -> None:
    os.kill(city.server.pid, signal.SIGSTOP)
    _resume_after(city, city.server.pid, seconds / 2)


def _resume_after(city: City, pid: int, seconds: float) -> None:
    try:
        city.hold(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


def _kill_control_plane(city: City, chance: random.Random, seconds: float) -> None:
    city.hold(chance.uniform(0.0, seconds / 4))
    os.kill(city.server.pid, signal.SIGKILL)
    city.server.wait()
    wait_for(ended(city.workers), "the workers end")
    city.start()


def _kill_control_plane_in_update(city: City, chance: random.Random, _seconds: float) -> None:
    """Kill it while a new version is on its way; whichever it starts with, the new one is had."""
    number = city.following_version
    with city.oracle.version.change(number), ThreadPoolExecutor(1) as pool:
        city.serve_version(number)
        updating = pool.submit(update, city.server, PARTNER)
        city.hold(chance.uniform(0.0, 0.3))
        os.kill(city.server.pid, signal.SIGKILL)
        with suppress(Exception):  # whatever it is told by one who dies
            updating.result()
        city.server.wait()
        wait_for(ended(city.workers), "the workers end")
        city.start()
        city.expect_update("ok", "unchanged")


def _fill_disk(city: City, _chance: random.Random, seconds: float) -> None:
    city.disk.fill()
    try:
        city.hold(seconds / 4)
        city.next_version()
        city.switch(OFF)
        city.switch(ENFORCE)
        city.hold(seconds / 4)
    finally:
        city.disk.free()
    city.reload()  # and what is in force is kept


def _exhaust_descriptors(city: City, chance: random.Random, seconds: float) -> None:
    victim = chance.choice(city.workers)
    before = resource.prlimit(victim, resource.RLIMIT_NOFILE)
    opened = sum(1 for _ in Path(f"/proc/{victim}/fd").iterdir())
    resource.prlimit(victim, resource.RLIMIT_NOFILE, (opened + SPARE_DESCRIPTORS, before[1]))
    try:
        with _idle_connections(city, IDLE_CONNECTIONS, chance):
            city.hold(seconds / 2)
    finally:
        resource.prlimit(victim, resource.RLIMIT_NOFILE, before)


def _connect_idly(city: City, chance: random.Random, seconds: float) -> None:
    with _idle_connections(city, 4 * IDLE_CONNECTIONS, chance):
        city.hold(seconds)


@contextmanager
def _idle_connections(city: City, count: int, chance: random.Random) -> Iterator[None]:
    """Have clients connect and say nothing, or half a message; some may be turned away."""
    with ExitStack() as stack:
        for number in range(count):
            client = stack.enter_context(socket.socket())
            client.bind((IDLE_CLIENTS[number % len(IDLE_CLIENTS)], 0))
            client.settimeout(DEADLINE)
            client.connect(("127.0.0.1", city.server.port))
            if chance.random() < 0.5:
                with suppress(OSError):
                    client.sendall(b"\0\x20half a message")
        yield


OWN_FAULTS = (
    Fault("reload without a change", _reload_unchanged),
    Fault("reload of a broken config", _reload_refused),
    Fault("policy switched off and on", _toggle),
    Fault("20 reloads by signal", _reload_burst),
    Fault("new version of the list", _new_version),
    Fault("bad versions of the list", _bad_version),
    Fault("list server gone", _list_server_gone),
    Fault("list server stalls, policy switched", _list_server_stalls),
    Fault("worker killed (-9)", _kill_worker, {LOST: 0.0, CUT_OFF: 0.0}, "worker"),
    Fault("worker stopped for a while", _stop_worker, {STALE: 0.0}),
    Fault("control plane stopped for a while", _stop_control_plane),
    Fault("control plane killed (-9)", _kill_control_plane, {LOST: 0.0, CUT_OFF: 0.0}, "all"),
    Fault(
        "worker killed (-9), policy switched",
        _kill_worker_in_reload,
        {LOST: 0.0, CUT_OFF: 0.0},
        "worker",
    ),
    Fault(
        "control plane killed (-9) in an update",
        _kill_control_plane_in_update,
        {LOST: 0.0, CUT_OFF: 0.0},
        "all",
    ),
    Fault("disk full, list and policy changed", _fill_disk),
    Fault(
        "descriptors exhausted",
        _exhaust_descriptors,
        {CUT_OFF: 2.0, SERVFAIL: 6.0, STALE: STALE_AFTER},
    ),
    Fault("idle and half-asking TCP clients", _connect_idly),
)
