"""What comes in on the control socket or `listen.admin`: an answer that is no fault of ours.

The first octet chooses which of the two it is, the second whether the rest is sent as it is or
as the parts of a request. The server is the real one, on a unix socket; behind it are a control
plane that only notes what it is told, and the real `why`.
"""

import asyncio
import io
import json
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, cast

from dnsguard.control.api import admin_application, control_application
from dnsguard.control.connections import HTTPServer
from dnsguard.evidence.why import Inquiry
from tests.fuzz.reader import Reader, sized
from tests.support.api import FakePlane
from tests.support.generations import generation

_GENERATION = generation()
_DETAILS = {name: {"name": name, "names": 3} for name in ("builtin:tiktok", "partner")}
_METHODS = (b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"DELETE")
_PATHS = (
    *(b"/", b"/metrics", b"/healthz", b"/readyz", b"/api/v1/status", b"/api/v1/reload"),
    *(b"/api/v1/lists", b"/api/v1/lists/partner", b"/api/v1/lists/builtin%3Atiktok"),
    *(b"/api/v1/lists/update", b"/api/v1/lists/partner/rollback", b"/api/v1/why"),
    b"/api/v1/lists/partner/release",
)
_HOSTS = (b"localhost", b"127.0.0.1:9153", b"[::1]", b"example.org", b"")
_ANSWERED = {200, 400, 403, 404, 405, 413, 421, 422, 503}
_REFUSED_BELOW = {400, 408, 413, 414, 417, 426, 431, 501, 505}  # by Hypercorn, before it is ours
_SECONDS = 20.0
WORDS = [
    *_METHODS,
    *_PATHS,
    *(b" HTTP/1.1\r\n", b"\r\n\r\n", b"Content-Length: 2", b"Transfer-Encoding: chunked\r\n"),
    *(b"?name=", b"&client=10.20.0.7", b"&type=", b"?lang=fr", b"%00", b"%ff", b"%2f", b"//"),
    *(b'{"names": ["partner"]', b'"dry_run": true', b'"reason": "', b'"generation": 1', b"null"),
    *(b"Host: localhost\r\n", b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n", b"\\ud800"),
]


class _Plane(FakePlane):
    async def why(self, name: str, client: str, rdatatype: str) -> dict[str, Any]:
        return Inquiry(_GENERATION, name, client, rdatatype).explain()


def run(data: bytes) -> None:
    """Send octets, and look at what comes back and at what was changed."""
    reader = Reader(data)
    admin, whole = reader.octet() & 1 > 0, reader.octet() & 1 > 0
    request = reader.rest() if whole else _request(reader)
    plane = _Plane(details=dict(_DETAILS), events=[{"event": "done"}], reasons=["no worker"])
    received = asyncio.run(asyncio.wait_for(_exchange(plane, request, admin=admin), _SECONDS))
    assert received or whole, "a request without an answer"
    if received:
        _check_response(received, whole=whole, head=request.startswith(b"HEAD"))
    assert not admin or (plane.changes, plane.reloads) == ([], []), "changed where one may read"
    for told in (*plane.changes, *plane.reloads):
        assert all(text.isprintable() for text in told if isinstance(text, str))


async def _exchange(plane: FakePlane, request: bytes, *, admin: bool) -> bytes:
    application = admin_application(plane) if admin else control_application(plane)
    server = HTTPServer(application, connection_seconds=_SECONDS)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"\0{secrets.token_hex(16)}")  # not in the file system
    listening.listen()
    await server.start(listening)
    reader, writer = await asyncio.open_unix_connection(listening.getsockname().decode())
    try:
        writer.write(request)
        writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
        await server.close()


def _request(reader: Reader) -> bytes:
    method, path, host = (reader.choose(known) for known in (_METHODS, _PATHS, _HOSTS))
    target = bytes(octet for octet in reader.sized() if 0x20 < octet < 0x7F)
    body = reader.rest()
    lines = [b"%b %b%b HTTP/1.1" % (method, path, target), b"Host: " + host]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


@dataclass
class _Received:
    octets: bytes

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self.octets)


def _check_response(received: bytes, *, whole: bool, head: bool) -> None:
    method = "HEAD" if head else "GET"
    response = HTTPResponse(cast(socket.socket, _Received(received)), method=method)
    try:
        response.begin()
        body = response.read()
    except (HTTPException, ValueError):
        assert whole, "an answer that is no HTTP"
        return
    ours = response.headers["referrer-policy"] == "no-referrer"
    assert response.status in (_ANSWERED if ours else _REFUSED_BELOW), response.status
    if body and response.headers.get_content_type() == "application/json":
        json.loads(body)


def seeds() -> Iterator[bytes]:
    """Requests for every path, right and wrong."""
    for number, path in enumerate(_PATHS):
        for method in (0, 1):
            yield bytes([0, 0, method, number, 0]) + sized(b"") + b'{"reason": "a test"}'
        yield bytes([1, 0, 0, number, 1]) + sized(b"?name=www.tiktok.com&client=10.20.0.7&type=A")
        yield bytes([number & 1, 1]) + b"GET %b HTTP/1.1\r\nHost: ::1\r\n\r\n" % path
    update = b'{"names": ["partner"], "dry_run": true, "reason": "a"}'
    yield bytes([0, 0, 1, 9, 0]) + sized(b"") + update
    for body in (
        b'{"generation": 1, "reason": "\\ud800"}',
        b'{"generation": "1"}',
        b'{"generation": 1e400, "reason": 1}',
        b'{"generation": ' + b"[" * 2000,
    ):
        yield bytes([0, 0, 1, 10, 0]) + sized(b"") + body
    chunked = b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    yield b"\0\1POST /api/v1/reload HTTP/1.1\r\n" + chunked
    yield b"\0\1PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
