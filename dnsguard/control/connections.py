"""HTTP connections: Hypercorn speaks HTTP/1.1, the loop, sockets and bounds are ours.

One request per connection: the bounds are then simple, and neither Prometheus nor the commands
would notice the difference.
"""

import asyncio
import logging
import os
import socket
import stat
import struct
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import ASGIFramework
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dnsguard.control.sockets import SocketError

if TYPE_CHECKING:
    from h11 import Request

MAX_CONNECTIONS = 64  # on each socket; a flood on one cannot close the other
REQUEST_SECONDS = 5.0  # until the whole header is there
STOP_SECONDS = 3.0  # what a request under way gets at the end

_log = logging.getLogger(__name__)


class HTTPServer:
    """Serves an application on one socket; a connection is cut after `connection_seconds`.

    What its handler does goes on to the end even then. The application finds the process at
    the other end of a unix socket in `scope["state"]["peer"]`, as (pid, uid).
    """

    def __init__(self, application: ASGIApp, *, connection_seconds: float) -> None:
        self._application = ASGIWrapper(cast(ASGIFramework, _reading_on(application)))
        self._connection_seconds = connection_seconds
        self._config = _hypercorn_config()
        self._context = WorkerContext(max_requests=None)
        self._connections: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Serve on a bound TCP or unix socket, which is closed by `close`."""
        unix = listening.family == socket.AF_UNIX
        start = asyncio.start_unix_server if unix else asyncio.start_server
        self._server = await start(self._serve, sock=listening)

    async def close(self) -> None:
        """Accept no more, let requests under way end, then cut the rest."""
        if self._server is not None:
            self._server.close()
        await self._context.terminated.set()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=STOP_SECONDS)
            for task in late:
                self._connections[task].transport.abort()
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections[task] = writer
        loop = asyncio.get_running_loop()
        cut = loop.call_later(self._connection_seconds, writer.transport.abort)
        state = {"peer": _peer(writer)}
        try:
            await _Connection(
                self._application, loop, self._config, self._context, state, reader, writer
            )
        except Exception:  # noqa: BLE001, a fault of Hypercorn's on bytes from outside
            _log.debug("an HTTP connection failed", exc_info=True)
            writer.transport.abort()
        finally:
            cut.cancel()
            del self._connections[task]


class _Connection(TCPServer):
    async def _read_data(self) -> None:
        whole = self.protocol
        whole.protocol = _HTTP1(
            whole.app,
            whole.config,
            whole.context,
            whole.task_group,
            whole.state,
            whole.ssl,
            whole.client,
            whole.server,
            whole.send,
        )
        await super()._read_data()
        # Else one whose client is gone would keep its place until the time-out.
        await self.idle_task.stop()


class _HTTP1(H11Protocol):
    """HTTP/1.1 alone: frames of HTTP/2 and websockets cost without end and say nothing."""

    async def _check_protocol(self, event: object) -> None:
        pass

    async def _create_stream(self, request: "Request") -> None:
        headers = [header for header in request.headers if header[0] != b"upgrade"]
        await super()._create_stream(replace(request, headers=cast(Any, headers)))


def _reading_on(application: ASGIApp) -> ASGIApp:
    """Take what is left of a body while the answer to it ends.

    Hypercorn queues it for the application; once the queue is full neither end goes on, and
    whoever sends without end would keep a place until the time-out.
    """

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_read(message: Message) -> None:
            if message["type"] != "http.response.body" or message.get("more_body", False):
                await send(message)
                return
            reading = asyncio.create_task(_read_to_the_end(receive))
            try:
                await send(message)
            finally:
                reading.cancel()

        await application(scope, receive, send_and_read)

    return wrapped


async def _read_to_the_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def control_socket(path: Path) -> socket.socket:
    """Return a listening unix socket with mode 0660; a stale file is replaced.

    Raises SocketError, also when another process listens there.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        _remove_stale(path)
        previous = os.umask(0o117)
        try:
            listening.bind(os.fspath(path))
        finally:
            os.umask(previous)
        listening.listen(MAX_CONNECTIONS)
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        mend = "check 'directories.runtime' and who may write there"
        raise SocketError(f"cannot listen on {path}: {reason}: {mend}") from None
    except SocketError:
        listening.close()
        raise
    return listening


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketError(f"cannot listen on {path}: it is no socket: move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise SocketError(
        f"cannot listen on {path}: another dnsguard is running there: stop it, or give this one "
        "a 'directories.runtime' of its own"
    )


def _peer(writer: asyncio.StreamWriter) -> tuple[int, int] | None:
    connection = writer.get_extra_info("socket")
    if connection.family != socket.AF_UNIX:
        return None
    credentials = struct.Struct("3i")  # struct ucred
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    pid, uid, _ = credentials.unpack(packed)
    return pid, uid


def _hypercorn_config() -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = _log
    config.include_server_header = False
    config.keep_alive_timeout = REQUEST_SECONDS
    config.keep_alive_max_requests = 0
    return config
