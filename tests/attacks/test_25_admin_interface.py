"""The admin's HTTP: endless bodies and headers, paths to files, pages of other sites."""

import contextlib
import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from dnsguard.config.settings import Listen
from tests.support.api import exchange
from tests.support.server import DEADLINE, Server, running

GIB = 1 << 30
GROWTH = 32 << 20  # octets that the control plane may take more for a while
CHUNK = b"10000\r\n" + bytes(0x10000) + b"\r\n"
HEAD = b"POST %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

Address = tuple[str, int] | str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("city"), {"upstreams": ["udp://127.0.0.1:9"]}) as started:
        yield started


@pytest.fixture
def admin(server: Server) -> tuple[str, int]:
    host, _, port = server.status()["admin"].rpartition(":")
    return host, int(port)


@pytest.fixture(params=["TCP", "control socket"])
def address(request: pytest.FixtureRequest, server: Server, admin: tuple[str, int]) -> Address:
    return admin if request.param == "TCP" else str(server.folder / "run" / "control.sock")


@pytest.fixture(autouse=True)
def _serves_on_and_stays_small(server: Server) -> Iterator[None]:
    server.wait_for(lambda: "serving on" in server.log())
    before, log = memory(server), server.log()
    yield
    assert server.request("GET", "/healthz").status_code == 200
    assert memory(server) < before + GROWTH
    assert server.log() == log
    assert server.status()["generation"] == 1


def memory(server: Server) -> int:
    """Return the most memory that the control plane ever had, in octets."""
    for line in Path(f"/proc/{server.pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmHWM")


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1]) if answer else 0


def flood(address: Address, head: bytes, piece: bytes, size: int) -> tuple[int, bytes]:
    """Send a head and pieces up to a size; return how much was taken, and the answer."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    answer = bytearray()
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(DEADLINE)
        connection.connect(address)

        def read() -> None:
            with contextlib.suppress(OSError):
                while data := connection.recv(65_536):
                    answer.extend(data)

        reader = Thread(target=read)
        reader.start()
        taken = 0
        try:
            connection.sendall(head)
            while taken < size:
                connection.sendall(piece)
                taken += len(piece)
            with contextlib.suppress(OSError):  # it is no longer connected
                connection.shutdown(socket.SHUT_WR)
        except ConnectionError:  # it hung up; who only stops reading is found out by the time-out
            pass
        finally:
            reader.join(DEADLINE)
        assert not reader.is_alive()
    return taken, bytes(answer)


@pytest.mark.parametrize("path", [b"/api/v1/reload", b"/api/v1/lists/update", b"/nowhere"])
def test_a_body_without_end_is_not_read_to_its_end(address: Address, path: bytes) -> None:
    taken, answer = flood(address, HEAD % path, CHUNK, GIB)
    assert taken < GIB / 32
    assert status(answer) in (0, 403, 404, 413)


def test_headers_without_end_are_not_read_to_their_end(address: Address) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    taken, answer = flood(address, head, b"".join(b"X-%d: y\r\n" % n for n in range(1000)), GIB)
    assert taken < GIB / 32
    assert status(answer) in (0, 400, 431)


def test_a_hundred_thousand_headers_are_refused(address: Address) -> None:
    head = get("/healthz")[:-2] + b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + b"\r\n"
    assert status(exchange(address, head)) in (0, 400, 431)


def test_one_endless_line_is_refused(address: Address) -> None:
    taken, answer = flood(address, b"GET /", b"a" * 65_536, GIB)
    assert taken < GIB / 32
    assert status(answer) in (0, 400, 414, 431)


def test_frames_of_http_2_without_end_are_not_read_to_their_end(address: Address) -> None:
    def frame(kind: int, flags: int, stream: int, data: bytes) -> bytes:
        return struct.pack("!I", len(data))[1:] + struct.pack("!BBI", kind, flags, stream) + data

    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
    header = frame(1, 0, 1, b"\0\1a\1b")
    for head, piece in (
        (preface + header, frame(9, 0, 1, b"\0\1a\1b" * 3000)),  # CONTINUATION
        (preface, frame(4, 0, 0, struct.pack("!HI", 3, 7) * 100)),  # SETTINGS
    ):
        taken, _ = flood(address, head, piece * 4, GIB // 16)
        assert taken < GIB / 16


@pytest.mark.parametrize("path", [b"/api/v1/status", b"/nowhere"])
def test_no_websocket_is_opened(address: Address, path: bytes) -> None:
    head = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n" % path
    head += b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    head += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    taken, answer = flood(address, head, b"\x82\xfe\xff\xff" + bytes(0x10000), GIB)
    assert taken < GIB / 32
    assert status(answer) in (0, 200, 404)


@pytest.mark.parametrize(
    "path",
    [
        *("/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/..\\..\\etc\\passwd"),
        *("//etc/passwd", "/api/v1/lists/..%2f..%2f..%2fetc%2fpasswd", "/api/v1/lists/..%2fstatus"),
        *("/api/v1/lists/%00", "/metrics%2f..%2f..%2fetc/passwd", "/api/v1/../../etc/passwd"),
    ],
)
def test_a_path_leads_to_no_file(address: Address, path: str) -> None:
    answer = exchange(address, get(path))
    assert status(answer) in (400, 404)
    assert b"root:" not in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2]).keys() <= {"error", "known"}


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://evil.example", "null", "http://localhost:1", "file://", "x"],
)
@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/api/v1/status", "/api/v1/why?name=a&client=::1"]
)
def test_a_page_of_another_site_is_told_nothing(
    admin: tuple[str, int], origin: str, path: str
) -> None:
    answer = exchange(admin, get(path, f"Origin: {origin}"))
    assert status(answer) == 403
    assert b"access-control" not in answer.lower()
    assert b"generation" not in answer


def test_a_page_of_ours_is(admin: tuple[str, int]) -> None:
    for host in ("localhost", f"127.0.0.1:{admin[1]}", f"[::1]:{admin[1]}"):
        request = get("/api/v1/status", f"Origin: http://{host}").replace(
            b"Host: localhost", b"Host: " + host.encode()
        )
        assert status(exchange(admin, request)) == 200


def test_no_other_site_may_send_or_ask_for_leave(admin: tuple[str, int]) -> None:
    headers = "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST"
    for method in (b"OPTIONS", b"POST", b"PUT", b"DELETE"):
        request = get("/api/v1/reload", headers).replace(b"GET", method, 1)
        answer = exchange(admin, request)
        assert status(answer) == 403
        assert b"access-control" not in answer.lower()


def test_it_listens_on_the_loopback_address_alone_unless_told_otherwise() -> None:
    listen = Listen()
    assert listen.admin is not None
    assert listen.admin.address.is_loopback
