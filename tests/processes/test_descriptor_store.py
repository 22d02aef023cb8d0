"""dnsguard under a service manager: what it is told, and sockets that outlive the program."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.processes.clients import answered, ask, clients, ended, send
from tests.support.asking import PATIENCE, receive_tcp, send_tcp
from tests.support.customized import customized
from tests.support.dns_server import free_port
from tests.support.gateway import question, said
from tests.support.loops import wait_for
from tests.support.server import Server
from tests.support.service_manager import ServiceManager

CONFIG: Mapping[str, Any] = {
    "groups": {"staff": {"subnets": ["127.0.0.2/32"]}},
    "policies": {"ban": {"groups": ["staff"], "lists": ["builtin:tiktok"]}},
}
_HOLD_WORKERS_UP = """\
import pathlib, sys
if "dnsguard.net.worker" in sys.orig_argv:
    here = pathlib.Path(__file__).parent
    try:
        (here / "taken").mkdir()
        pipe = here / "0"
    except FileExistsError:
        pipe = here / "1"
    pipe.read_bytes()
"""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    with ServiceManager(tmp_path, watchdog_microseconds=200_000) as manager:
        yield manager


@pytest.fixture
def make(tmp_path: Path, manager: ServiceManager) -> Iterator[Callable[..., Server]]:
    """Make servers with the sockets kept so far, of the config with changes."""
    with ExitStack() as made:

        def make(**changes: object) -> Server:
            server = Server(tmp_path, {**CONFIG, **changes}, **manager.start_options())
            made.callback(server.stop)
            return server

        yield make


def started(server: Server) -> Server:
    server.start()
    return server


def killed(server: Server) -> Server:
    """Kill the control plane with -9 and wait until the workers are gone too."""
    workers = [worker["pid"] for worker in server.status()["workers"]]
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    wait_for(ended(workers), "the workers end")
    return server


def test_queries_sent_between_a_death_and_the_next_start_are_answered(
    make: Callable[..., Server],
) -> None:
    first = killed(started(make()))
    with clients(32) as sockets, socket.socket() as stream:
        for client in sockets:
            send(client, first)
        stream.bind(("127.0.0.2", 0))
        stream.connect(("127.0.0.1", first.port))
        send_tcp(stream, question("www.tiktok.com A"))
        second = started(make())
        assert answered(sockets, PATIENCE) == set(sockets)
        stream.settimeout(PATIENCE)
        assert said(receive_tcp(stream)) == "0.0.0.0"
        assert second.port == first.port


def test_every_socket_is_kept_once_under_a_name_of_its_own(
    make: Callable[..., Server], manager: ServiceManager
) -> None:
    first = killed(started(make()))
    started(make())
    place = f"127.0.0.1_{first.port}"
    names = sorted(name for name, _ in manager.kept.values())
    assert names == [f"tcp {place} 0", f"tcp {place} 1", f"udp {place} 0", f"udp {place} 1"]
    assert all(m["FDPOLL"] == "0" for m in manager.messages if "FDSTORE" in m)


@pytest.mark.parametrize("workers", [1, 3])
def test_sockets_kept_for_two_workers_serve_any_number(
    make: Callable[..., Server], workers: int
) -> None:
    killed(started(make()))
    server = started(make(workers=workers))
    with clients(64) as sockets:
        for client in sockets:
            send(client, server)
        assert answered(sockets, PATIENCE) == set(sockets)
    assert ask(server, "www.tiktok.com A", transport="tcp") == "0.0.0.0"


def test_a_listen_that_does_not_fit_the_kept_sockets_is_an_error_with_its_mend(
    make: Callable[..., Server],
) -> None:
    first = killed(started(make()))
    second = make(listen={"dns": ["127.0.0.5:0"], "admin": None})
    second.launch()
    assert second.wait() == 1
    (line,) = re.findall(r"the inherited socket .*", second.log())
    assert f"127.0.0.1:{first.port} is not in 'listen.dns'" in line
    assert "stop dnsguard, then start it" in line


def test_it_is_ready_only_once_every_worker_listens(
    tmp_path: Path,
    make: Callable[..., Server],
    manager: ServiceManager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each worker is held up at its start until the test opens a pipe."""
    for number in ("0", "1"):
        os.mkfifo(tmp_path / number)
    for name, value in customized(tmp_path, _HOLD_WORKERS_UP).items():
        monkeypatch.setenv(name, value)
    server = make()
    server.launch()
    server.wait_for(lambda: len(server.status()["ready"]) == 2)
    assert not manager.said("READY")
    (tmp_path / "0").write_bytes(b"")
    server.wait_for(lambda: len(server.status()["ready"]) == 1)
    assert not manager.said("READY")
    (tmp_path / "1").write_bytes(b"")
    manager.wait_until_said("READY")
    assert server.status()["ready"] == []
    server.stop()
    assert manager.messages[-1] == {"STOPPING": "1"}


@pytest.mark.parametrize("broken", [False, True])
def test_a_reload_by_signal_is_told_from_start_to_end(
    make: Callable[..., Server], manager: ServiceManager, broken: bool
) -> None:
    server = started(make())
    manager.wait_until_said("STATUS")
    if broken:
        server.write_text("nonsense: true\n")
    begin = len(manager.messages)
    earliest = time.monotonic_ns() // 1000
    os.kill(server.pid, signal.SIGHUP)
    manager.wait_until_said("STATUS", 2)
    reloading, ready, status = (
        message for message in manager.messages[begin:] if "WATCHDOG" not in message
    )
    assert reloading["RELOADING"] == "1"
    assert earliest <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert ready == {"READY": "1"}
    assert ("broken" in status["STATUS"]) == broken
    assert server.status()["generation"] == (1 if broken else 2)


def test_the_watchdog_is_fed_again_and_again_while_the_control_plane_runs(
    make: Callable[..., Server], manager: ServiceManager
) -> None:
    started(make())
    manager.wait_until_said("WATCHDOG", 10)


def test_it_takes_a_socket_that_systemd_activates(tmp_path: Path) -> None:
    port = free_port()
    listen = {"dns": [f"127.0.0.1:{port}"], "admin": None}
    # It passes on no more of the environment than it is told to.
    path = f"PYTHONPATH={os.environ.get('PYTHONPATH', '')}"
    activate = ("systemd-socket-activate", "-E", path, "--datagram", "-l", f"127.0.0.1:{port}")
    server = Server(tmp_path, {**CONFIG, "listen": listen}, prefix=activate)
    server.port = port
    server.launch()
    try:
        server.wait_for(lambda: "Listening on" in server.log())
        assert ask(server, "www.tiktok.com A") == "0.0.0.0"
        assert ask(server, "www.tiktok.com A", transport="tcp") == "0.0.0.0"
    finally:
        server.stop()
