import os
import socket
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.control import connections
from dnsguard.control.connections import MAX_CONNECTIONS, control_socket
from dnsguard.control.sockets import SocketError
from tests.support.api import FakePlane, exchange, served

RELOAD = "/api/v1/reload"


@pytest.fixture
def plane() -> FakePlane:
    return FakePlane()


def test_a_flood_of_connections_is_cut_off_and_leaves_the_control_socket_free(
    plane: FakePlane,
) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with served(plane) as where:
        address = ("127.0.0.1", where.port)
        held = [socket.create_connection(address) for _ in range(MAX_CONNECTIONS)]
        assert exchange(address, request) == b""
        assert exchange(str(where.control), request).startswith(b"HTTP/1.1 200 ")
        for connection in held:
            connection.close()


def test_clients_that_leave_at_once_hold_no_place(plane: FakePlane) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with served(plane) as where:
        address = ("127.0.0.1", where.port)
        for _ in range(2 * MAX_CONNECTIONS):
            assert exchange(address, b"") == b""
        assert exchange(address, request).startswith(b"HTTP/1.1 200 ")


def test_a_reload_goes_on_when_who_asked_is_gone(plane: FakePlane) -> None:
    release = plane.release = threading.Event()
    request = f"POST {RELOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with served(plane) as where:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(where.control))
            connection.sendall(request)
            plane.entered.wait()
        exchange(str(where.control), b"")  # by now the server has seen that the other left
        release.set()
        assert plane.completed.wait(10)


def test_requests_under_way_are_answered_at_the_end(plane: FakePlane) -> None:
    plane.release = threading.Event()
    request = f"POST {RELOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with ThreadPoolExecutor() as pool:
        with served(plane) as where:
            where.on_stop = plane.release.set
            answer = pool.submit(exchange, str(where.control), request)
            plane.entered.wait()
        assert answer.result().startswith(b"HTTP/1.1 200 ")


def test_a_client_that_is_silent_is_cut(plane: FakePlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.01)
    with served(plane) as where, socket.create_connection(("127.0.0.1", where.port)) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert silent.recv(1000) == b""


def test_who_sends_a_body_without_end_is_cut_off_once_answered(plane: FakePlane) -> None:
    head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with served(plane) as where, socket.create_connection(("127.0.0.1", where.port)) as endless:
        endless.settimeout(20)
        endless.sendall(head)
        chunks = repeat(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        with pytest.raises(ConnectionError):
            any(map(endless.sendall, chunks))


def test_http_1_is_spoken_to_whoever_would_like_something_else(plane: FakePlane) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n"
    with served(plane) as where:
        address = ("127.0.0.1", where.port)
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + upgrade + b"\r\n"
        assert exchange(address, request).startswith(b"HTTP/1.1 200 ")
        websocket = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        websocket += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + websocket + b"\r\n"
        assert exchange(address, request).startswith(b"HTTP/1.1 200 ")
        answer = exchange(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        assert answer.startswith(b"HTTP/1.1 4")


JUNK = st.binary(max_size=2000)
REQUEST = st.builds(
    lambda method, path, headers, body: (
        b"%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n%s" % (method, path, headers, body)
    ),
    st.sampled_from([b"GET", b"POST", b"PRI", b"\x00", b"CONNECT"]),
    st.one_of(st.sampled_from([b"/", b"*", RELOAD.encode(), b"/api/v1/why?name=%ff"]), JUNK),
    st.sampled_from(
        [
            b"",
            b"Content-Length: 5\r\n",
            b"Content-Length: -1\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Upgrade: h2c\r\nHTTP2-Settings: AA\r\n",
            b"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n",
        ]
    ),
    JUNK,
)


def test_any_bytes_are_survived(caplog: pytest.LogCaptureFixture) -> None:
    with served(FakePlane()) as where:

        @given(st.one_of(JUNK, REQUEST, JUNK.map(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".__add__)))
        def survives(sent: bytes) -> None:
            exchange(("127.0.0.1", where.port), sent)

        survives()
        assert httpx.get(f"http://127.0.0.1:{where.port}/healthz").status_code == 200
    assert not [record for record in caplog.records if record.name == "asyncio"]


def test_the_control_socket_is_for_the_group_and_goes_at_the_end(plane: FakePlane) -> None:
    with served(plane) as where:
        mode = where.control.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o660
    assert not where.control.exists()


def test_a_stale_control_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "control.sock"
    control_socket(path).close()
    with control_socket(path) as again, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        again.accept()[0].close()


def test_the_control_socket_of_a_running_one_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with control_socket(path), pytest.raises(SocketError, match="another dnsguard is running"):
        control_socket(path)
    assert path.exists()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    with pytest.raises(SocketError, match="it is no socket"):
        control_socket(path)
    assert path.read_text() == "precious"


def test_a_control_socket_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120) / "control.sock"
    with pytest.raises(SocketError, match=r"check 'directories\.runtime'"):
        control_socket(path)


def test_the_umask_is_left_as_it_was(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        control_socket(tmp_path / "control.sock").close()
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
