"""Descriptors run out: UDP goes on, nothing spins, and TCP is back once there is room."""

import resource
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from dnsguard.net.stream import DESCRIPTORS_SHARE
from tests.faults.driver import ALL, HEAVY, SECONDS, config, under_load, wait_until
from tests.processes.clients import ask
from tests.support.processes import cpu_seconds
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running
from tests.support.truth import LISTED, address_of, truth

LIMIT = 64  # descriptors of each process
FEW, MANY = 200, 2000  # connections
PER_CLIENT = 40  # connections of one address, fewer than `limits.tcp_per_client`
SPINNING = 0.6  # of a processor; without clients to answer it is nothing, and 1 while one spins


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(truth) as upstream:
        yield upstream


@pytest.fixture
def server(upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[Server]:
    """A server whose processes may have few descriptors."""
    with running(tmp_path, config(upstream.url)) as server:
        for pid in pids(server):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        yield server


def pids(server: Server) -> list[int]:
    status = server.status()
    return [status["pid"], *(worker["pid"] for worker in status["workers"])]


@contextmanager
def connections(server: Server, count: int) -> Iterator[list[socket.socket]]:
    """Take all the descriptors that clients can take by connecting, for the length of a block."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as opened:
        clients = [opened.enter_context(socket.socket()) for _ in range(count)]
        for number, client in enumerate(clients):
            client.bind((f"127.0.1.{1 + number // PER_CLIENT}", 0))
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(server.places["127.0.0.1"])
        yield clients


def check_idle(processes: Sequence[int], seconds: float) -> None:
    """Check that none of some processes is busy."""
    before = {pid: cpu_seconds(pid) for pid in processes}
    start = time.monotonic()
    time.sleep(seconds)  # the time it is watched for, not time it needs
    elapsed = time.monotonic() - start
    taken = {pid: (cpu_seconds(pid) - before[pid]) / elapsed for pid in processes}
    print(f"processor time: {taken}")
    assert max(taken.values()) < SPINNING


def test_udp_goes_on_without_descriptors_and_tcp_comes_back(server: Server) -> None:
    processes = pids(server)
    with under_load(server) as load:
        load.phase("calm").check_right(*ALL)
        with connections(server, MANY if SECONDS >= HEAVY else FEW):
            load.during("no descriptors", lambda: check_idle(processes, SECONDS)).check_right(*ALL)
        wait_until(lambda: answers_over_tcp(server), "TCP is answered")
        load.phase("calm again").check_right(*ALL)


def answers_over_tcp(server: Server) -> bool:
    try:
        return ask(server, f"{LISTED} A", by="127.0.0.3", transport="tcp") == address_of(LISTED)
    except OSError:
        return False


def test_clients_that_connect_leave_descriptors_to_ask_upstreams(
    server: Server, upstream: ScriptedUpstream
) -> None:
    server.wait_for(lambda: not connected(upstream.port))
    with connections(server, FEW) as clients:
        server.wait_for(lambda: count_open(clients) <= 2 * LIMIT * DESCRIPTORS_SHARE)
        for number in range(16):
            name = f"n{number}.example.net"
            assert ask(server, f"{name} A") == address_of(name)
        assert server.limited("tcp_connections") > 0
        assert server.limited("tcp_idle") == 0


def count_open(clients: Sequence[socket.socket]) -> int:
    """Return how many connections the server has not closed."""
    return len(clients) - len(select.select(clients, [], [], 0)[0])


def connected(port: int) -> int:
    """Return how many UDP sockets are connected to a port."""
    lines = Path("/proc/net/udp").read_text("ascii").splitlines()
    return sum(line.split()[2].endswith(f":{port:04X}") for line in lines[1:])
