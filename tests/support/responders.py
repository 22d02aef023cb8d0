"""A server that sends whatever octets a test wants in response to an HTTP request.

For what no real server sends; `requests` holds what was asked. It can be a proxy that tunnels.
"""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.loops import DEADLINE


class Responder(socketserver.ThreadingTCPServer):
    """Responds with `response`, or one of `responses` by path.

    A CONNECT is tunnelled to `tunnel_port` when that is set.
    """

    daemon_threads = False
    response: bytes = b""
    tunnel_port: int | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[bytes] = []
        self.responses: dict[str, bytes] = {}

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return int(self.server_address[1])

    def url(self, path: str = "/list.txt") -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        responder = self.server
        assert isinstance(responder, Responder)
        connection: socket.socket = self.request
        connection.settimeout(DEADLINE)
        request = b""
        while b"\r\n\r\n" not in request:
            more = connection.recv(65_536)
            if not more:
                return
            request += more
        responder.requests.append(request)
        if request.startswith(b"CONNECT ") and responder.tunnel_port is not None:
            _tunnel(connection, responder.tunnel_port)
        else:
            try:
                path = request.split(b" ", 2)[1].decode("latin-1")
                connection.sendall(responder.responses.get(path, responder.response))
            except OSError:
                return  # a client that has seen enough hangs up


def _tunnel(client: socket.socket, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as server:
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_pump, args=(server, client))
        back.start()
        _pump(client, server)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def running_responder(response: bytes = b"") -> Iterator[Responder]:
    """Respond on a free port for the length of a block."""
    with Responder() as responder:
        responder.response = response
        thread = threading.Thread(target=responder.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield responder
        finally:
            responder.shutdown()
            thread.join()
