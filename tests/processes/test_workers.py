"""What happens to queries when processes of dnsguard die, hang or are told to end."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes.clients import (
    BLOCKED,
    REGISTERED,
    answered,
    ask,
    clients,
    ended,
    send,
)
from tests.support.asking import PATIENCE
from tests.support.loops import wait_for
from tests.support.metrics import gone_backwards, read_samples, series
from tests.support.scripted import TRUE, ScriptedUpstream, telling
from tests.support.server import Server, running

SINKHOLE = "0.0.0.0"
SILENCE = 0.5  # seconds after which a query is taken to wait behind a worker that hangs


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with ScriptedUpstream(telling()) as upstream:
        config = {
            "upstreams": [upstream.url],
            "groups": {"staff": {"subnets": [f"{REGISTERED}/32"]}},
            "policies": {"ban": {"groups": ["staff"], "lists": ["builtin:tiktok"]}},
        }
        with running(tmp_path, config) as server:
            yield server


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process with SIGSTOP for the length of a block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def worker_pids(server: Server) -> list[int]:
    return [worker["pid"] for worker in server.status()["workers"]]


def test_both_workers_get_queries(server: Server) -> None:
    with clients(64) as sockets:
        for number, client in enumerate(sockets):
            send(client, server, f"n{number}.example.org A")
        assert len(answered(sockets, PATIENCE)) == 64

    def entries() -> list[float]:
        samples = read_samples(server.metrics())
        return [samples[f'dnsguard_cache_entries{{worker="{number}"}}'] for number in (0, 1)]

    server.wait_for(lambda: sum(entries()) == 64)
    assert all(entries())


def test_queries_that_wait_for_a_killed_worker_are_answered_by_its_successor(
    server: Server,
) -> None:
    victim, other = worker_pids(server)
    with clients(32) as sockets:
        os.kill(victim, signal.SIGSTOP)
        for client in sockets:
            send(client, server)
        others = answered(sockets, SILENCE)
        waiting = set(sockets) - others
        assert others
        assert waiting
        os.kill(victim, signal.SIGKILL)
        assert answered(waiting, PATIENCE) == waiting
    assert worker_pids(server)[0] not in {victim, None}
    assert worker_pids(server)[1] == other
    assert [worker["restarts"] for worker in server.status()["workers"]] == [1, 0]


def test_a_killed_worker_is_replaced_under_load(server: Server) -> None:
    """Every query of a busy city is answered, if need be the second time it is asked."""
    over = threading.Event()
    unanswered: list[str] = []
    asked = []

    def keep_asking(client: socket.socket, number: int) -> None:
        count = 0
        while not over.is_set() or count < 10:
            text = BLOCKED if count % 2 else f"n{count}.s{number}.example.org A"
            for _ in range(2):
                send(client, server, text)
                asked.append(text)
                if answered([client], 3.0):
                    break
            else:
                unanswered.append(text)
            count += 1

    with clients(8) as sockets:
        threads = [
            threading.Thread(target=keep_asking, args=(client, number))
            for number, client in enumerate(sockets)
        ]
        for thread in threads:
            thread.start()
        try:
            seen = read_samples(server.metrics())
            for restarts in range(1, 4):
                victim = worker_pids(server)[0]
                os.kill(victim, signal.SIGKILL)
                server.wait_for(lambda: restarted(server, restarts))  # noqa: B023 - called at once
                now = read_samples(server.metrics())
                assert gone_backwards(seen, now) == []
                seen = now
        finally:
            over.set()
            for thread in threads:
                thread.join()
    assert unanswered == []
    samples = read_samples(server.metrics())
    assert gone_backwards(seen, samples) == []
    assert samples['dnsguard_worker_restarts_total{worker="0"}'] == 3
    assert samples['dnsguard_worker_restarts_total{worker="1"}'] == 0
    queries = samples[series("dnsguard_queries_total", {"group": "staff", "transport": "udp"})]
    assert len(asked) - 3 * len(sockets) <= queries <= len(asked)


def restarted(server: Server, times: int) -> bool:
    worker = server.status()["workers"][0]
    return bool(worker["restarts"] == times and worker["pid"] and server.status()["ready"] == [])


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_hanging_control_plane_does_not_stop_answers(server: Server, transport: str) -> None:
    for _ in range(40):  # until each worker has it in its cache
        assert ask(server, "cached.example.org A") == TRUE
    with stopped(server.pid):
        for number in range(10):
            assert ask(server, BLOCKED, transport=transport) == SINKHOLE
            assert ask(server, "cached.example.org A", transport=transport) == TRUE
            assert ask(server, f"n{number}.example.org A", transport=transport) == TRUE
    assert server.status()["ready"] == []
    assert server.reload().status_code == 200


def test_a_worker_that_dies_while_the_control_plane_hangs_is_replaced_after(
    server: Server,
) -> None:
    victim = worker_pids(server)[0]
    with clients(32) as sockets:
        with stopped(server.pid):
            os.kill(victim, signal.SIGKILL)
            for client in sockets:
                send(client, server)
            others = answered(sockets, SILENCE)
            assert others
        waiting = set(sockets) - others
        assert answered(waiting, PATIENCE) == waiting


def is_free(port: int) -> bool:
    """Tell whether a successor could take the port; anybody's socket may have it for a moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as successor:
        try:
            successor.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_a_killed_control_plane_leaves_no_orphan(server: Server) -> None:
    workers = worker_pids(server)
    os.kill(server.pid, signal.SIGKILL)
    assert server.wait() == -signal.SIGKILL
    wait_for(ended(workers), "the workers end")
    wait_for(lambda: is_free(server.port), "the port is free")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("to_all", [False, True], ids=["one process", "all processes"])
def test_a_signal_ends_everything_well(server: Server, number: int, to_all: bool) -> None:
    """A terminal signals all processes, the service manager the control plane or all."""
    workers = worker_pids(server)
    for pid in (*workers, server.pid) if to_all else (server.pid,):
        os.kill(pid, number)
    assert server.wait() == 0
    wait_for(ended(workers), "the workers end")
    assert not (server.folder / "run" / "control.sock").exists()
    assert "Traceback" not in server.log()


def test_a_hanging_worker_does_not_hold_up_the_end(server: Server) -> None:
    victim, other = worker_pids(server)
    with stopped(victim):
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == 0
        wait_for(ended([other]), "the worker that does not hang ends")
    wait_for(ended([victim]), "the worker that hung ends")
