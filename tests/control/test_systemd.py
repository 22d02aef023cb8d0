import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.control.systemd import ServiceManager, descriptor_name, inherited


@pytest.fixture
def notified(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        yield receiver


@pytest.fixture
def manager(notified: socket.socket) -> ServiceManager:
    return ServiceManager.from_environment({"NOTIFY_SOCKET": notified.getsockname()})


def lines(receiver: socket.socket) -> list[str]:
    return receiver.recv(65_536).decode().split("\n")


def test_the_states_are_sent(manager: ServiceManager, notified: socket.socket) -> None:
    manager.ready()
    assert lines(notified) == ["READY=1"]
    manager.stopping()
    assert lines(notified) == ["STOPPING=1"]
    manager.watchdog()
    assert lines(notified) == ["WATCHDOG=1"]


def test_a_reload_says_when_it_began(manager: ServiceManager, notified: socket.socket) -> None:
    manager.reloading()
    state, stamp = lines(notified)
    assert state == "RELOADING=1"
    name, _, value = stamp.partition("=")
    assert name == "MONOTONIC_USEC"
    assert value.isdecimal()


@given(st.text())
def test_a_status_cannot_add_an_assignment(text: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("")  # the kernel picks an abstract address
        address = receiver.getsockname().decode().replace("\0", "@", 1)
        ServiceManager(address).status("generation 7\nREADY=1 " + text)
        (line,) = receiver.recv(65_536).decode().split("\n")
    assert line.startswith("STATUS=generation 7 READY=1")


@pytest.mark.parametrize("address", ["", "vsock:1:2", "relative"])
def test_without_a_service_manager_nothing_happens(address: str) -> None:
    manager = ServiceManager.from_environment({"NOTIFY_SOCKET": address} if address else {})
    manager.ready()
    manager.store("udp 127.0.0.1:53 0", [0])
    assert manager.watchdog_interval is None


def test_a_service_manager_that_is_gone_is_not_fatal(
    manager: ServiceManager, notified: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    notified.close()
    manager.ready()
    assert "READY=1" in caplog.text


def test_descriptors_are_stored(manager: ServiceManager, notified: socket.socket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kept:
        kept.bind(("127.0.0.1", 0))
        manager.store("udp [::1]:53 0", [kept.fileno()])
        message, fds, _, _ = socket.recv_fds(notified, 65_536, 10)
        assert message.decode().split("\n") == ["FDSTORE=1", "FDNAME=udp [__1]_53 0", "FDPOLL=0"]
        with socket.socket(fileno=fds[0]) as arrived:
            assert arrived.getsockname() == kept.getsockname()


def test_more_descriptors_than_a_message_holds_are_all_stored(
    manager: ServiceManager, notified: socket.socket
) -> None:
    manager.store("many", [notified.fileno()] * 300)
    arrived = [socket.recv_fds(notified, 65_536, 300)[1] for _ in range(2)]
    for fd in chain.from_iterable(arrived):
        os.close(fd)
    assert [len(fds) for fds in arrived] == [253, 47]


def test_descriptors_are_removed_by_the_name_they_were_stored_by(
    manager: ServiceManager, notified: socket.socket
) -> None:
    manager.remove("udp [::1]:53 0")
    assert lines(notified) == ["FDSTOREREMOVE=1", "FDNAME=udp [__1]_53 0"]


@given(st.text())
def test_a_descriptor_name_is_one_that_systemd_takes(name: str) -> None:
    made = descriptor_name(name)
    assert made.isascii()
    assert not made or made.isprintable()
    assert ":" not in made
    assert len(made) <= 255


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
    ],
)
def test_the_watchdog_is_told_twice_as_often_as_it_asks(
    environ: dict[str, str], interval: float | None
) -> None:
    assert ServiceManager.from_environment(environ).watchdog_interval == interval


CHILD = """
import fcntl, os, socket, sys
from dnsguard.control.systemd import inherited
passed = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1:]]
for number, fd in enumerate(passed):
    os.dup2(fd, 3 + number)
os.environ["LISTEN_PID"] = str(os.getpid())
for name, fd in inherited(os.environ):
    with socket.socket(fileno=os.dup(fd)) as one:
        print(name, fd, one.getsockname()[1], os.get_inheritable(fd))
print(sorted(name for name in os.environ if name.startswith("LISTEN_")))
"""


def test_inherited_descriptors_come_with_their_names() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        for one in (udp, tcp):
            one.bind(("127.0.0.1", 0))
        ports = [udp.getsockname()[1], tcp.getsockname()[1]]
        fds = [udp.fileno(), tcp.fileno()]
        done = subprocess.run(
            [sys.executable, "-P", "-c", CHILD, *map(str, fds)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "LISTEN_FDS": "2",
                "LISTEN_FDNAMES": "udp 0:tcp 0",
            },
            pass_fds=fds,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.splitlines() == [
        f"udp 0 3 {ports[0]} False",
        f"tcp 0 4 {ports[1]} False",
        "[]",
    ]


def test_descriptors_of_another_process_are_left_alone() -> None:
    environ = {"LISTEN_FDS": "2", "LISTEN_PID": "1", "LISTEN_FDNAMES": "a:b", "PATH": "/bin"}
    assert inherited(environ) == []
    assert environ == {"PATH": "/bin"}


@given(st.dictionaries(st.sampled_from(["LISTEN_FDS", "LISTEN_FDNAMES"]), st.text()))
def test_whatever_the_variables_say_is_survived(environ: dict[str, str]) -> None:
    inherited(environ)
    assert not environ
