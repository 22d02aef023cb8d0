"""Fault row 12: dnsguard dies and is started again on the sockets that the service manager kept."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.driver import ALL, config, under_load
from tests.processes.clients import ended
from tests.support.loops import wait_for
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server
from tests.support.service_manager import ServiceManager
from tests.support.truth import truth

RATE = 100  # so that an upstream of ours can answer at once what has waited


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    with ServiceManager(tmp_path) as manager:
        yield manager


def test_what_is_asked_in_the_gap_is_answered(tmp_path: Path, manager: ServiceManager) -> None:
    with ScriptedUpstream(truth) as upstream, ExitStack() as servers:

        def start() -> Server:
            server = Server(tmp_path, config(upstream.url), **manager.start_options())
            servers.callback(server.stop)
            server.start()
            return server

        with under_load(start(), same_processes=False, rate=RATE) as load:
            load.phase("calm").check_right(*ALL)
            kill(load.server)
            # What a worker had in hand went with it; what comes now waits in the sockets.
            gap = load.during("the gap", lambda: setattr(load, "server", start()))
            gap.check_right(*ALL)
            load.phase("started again").check_right(*ALL)


def kill(server: Server) -> None:
    """Kill the control plane with -9, and wait until the workers are gone too."""
    workers = [worker["pid"] for worker in server.status()["workers"]]
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    wait_for(ended(workers), "the workers end")
