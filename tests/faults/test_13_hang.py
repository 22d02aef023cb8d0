"""Fault row 13: a worker or the control plane hangs."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.driver import ALL, RIGHT, Pair, config, long, under_load
from tests.support.customized import customized
from tests.support.loops import wait_for
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server
from tests.support.service_manager import ServiceManager
from tests.support.truth import truth

RATE = 100  # so that no client has more waiting, once a successor takes them, than it may have
# A signal handler runs in the main thread, as the event loop does: it holds that up, and no other.
_HOLD_UP = """\
import pathlib, signal, sys
def hold_up(*_):
    here = pathlib.Path(__file__).parent
    (here / "held").touch()
    (here / "release").read_bytes()
if "dnsguard.net.worker" not in sys.orig_argv:
    signal.signal(signal.SIGUSR2, hold_up)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Server, ServiceManager]]:
    """A server whose control plane can be held up, and its service manager."""
    os.mkfifo(tmp_path / "release")
    with ScriptedUpstream(truth) as upstream, ServiceManager(tmp_path, 100_000) as manager:
        options = manager.start_options()
        options["environ"] |= customized(tmp_path, _HOLD_UP)
        server = Server(tmp_path, config(upstream.url), **options)
        try:
            server.start()
            yield server, manager
        finally:
            server.stop()


def test_the_watchdog_is_fed_by_the_event_loop_and_workers_do_without(
    server: tuple[Server, ServiceManager], tmp_path: Path
) -> None:
    hung, manager = server
    with under_load(hung) as load:
        manager.wait_until_said("WATCHDOG", 3)
        os.kill(hung.pid, signal.SIGUSR2)
        wait_for((tmp_path / "held").exists, "the event loop is held up")
        # What was sent before comes before what is sent now.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            ours.sendto(b"HELD=1", str(tmp_path / "notify.sock"))
        manager.wait_until_said("HELD")
        fed = manager.said("WATCHDOG")
        load.phase("the control plane hangs").check_right(*ALL)
        assert manager.said("WATCHDOG") == fed
        (tmp_path / "release").write_bytes(b"")
        manager.wait_until_said("WATCHDOG", fed + 3)


@long
def test_a_worker_that_hangs_is_replaced(pair: Pair) -> None:
    victim, other = workers(pair)
    with under_load(pair.server, same_processes=False, rate=RATE) as load:
        os.kill(victim["pid"], signal.SIGSTOP)
        # The other one's clients notice nothing; the rest waits, until a successor answers.
        for kind in ALL:
            load.waits_for(lambda seen: seen.kind == kind and seen.outcome == RIGHT)  # noqa: B023
        assert workers(pair)[0]["pid"] == victim["pid"], "nobody has taken its place yet"
        pair.server.wait_for(lambda: workers(pair)[0]["restarts"] == victim["restarts"] + 1)
        load.recovers(*ALL)
        load.phase("replaced").check_right(*ALL)
    assert workers(pair)[1]["pid"] == other["pid"]


def workers(pair: Pair) -> list[dict[str, Any]]:
    """Return what the status says of the workers."""
    found: list[dict[str, Any]] = pair.server.status()["workers"]
    return found
