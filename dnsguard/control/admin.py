"""Where administration comes in: the control socket, and `listen.admin` where it is set."""

import asyncio
import os
import socket

from dnsguard.config import Config
from dnsguard.control.api import serve
from dnsguard.control.plane import ControlPlane

CONTROL_SOCKET = "control.sock"


async def serve_admin(plane: ControlPlane, config: Config, stop: asyncio.Event) -> None:
    """Serve the API until `stop`. Raises OSError when an address cannot be had."""
    _, runtime = config.directories.resolve(os.environ)
    runtime.mkdir(mode=0o750, parents=True, exist_ok=True)
    admin = None if config.listen.admin is None else _listen(plane, config)
    await serve(plane, admin, runtime / CONTROL_SOCKET, stop)


def _listen(plane: ControlPlane, config: Config) -> socket.socket:
    endpoint = config.listen.admin
    assert endpoint is not None  # noqa: S101 - the caller looked
    family = socket.AF_INET6 if endpoint.address.version == 6 else socket.AF_INET
    listening = socket.create_server((str(endpoint.address), endpoint.port), family=family)
    host, port = listening.getsockname()[:2]
    plane.admin = f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
    return listening
