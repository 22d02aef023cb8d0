"""Administration while serving: the control socket, and `listen.admin` where it is set."""

import asyncio
import os
import socket

from dnsguard.config import Config
from dnsguard.control.api import serve
from dnsguard.control.plane import ControlPlane

CONTROL_SOCKET = "control.sock"


async def serve_admin(
    plane: ControlPlane, config: Config, admin: socket.socket | None, stop: asyncio.Event
) -> None:
    """Serve the API until `stop`. Raises OSError when the control socket cannot be made."""
    _, runtime = config.directories.resolve(os.environ)
    runtime.mkdir(mode=0o750, parents=True, exist_ok=True)
    await serve(plane, admin, runtime / CONTROL_SOCKET, stop)
