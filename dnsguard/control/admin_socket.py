"""The TCP socket of `listen.admin`, opened before anything is started."""

import socket

from dnsguard.config import Config
from dnsguard.control.sockets import SocketError


def open_admin(config: Config) -> socket.socket | None:
    """Return the listening socket, None when `listen.admin` is null. Raises SocketError."""
    endpoint = config.listen.admin
    if endpoint is None:
        return None
    family = socket.AF_INET6 if endpoint.address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((str(endpoint.address), endpoint.port), family=family)
    except OSError as error:
        raise SocketError(
            f"cannot listen on {endpoint} ({error.strerror}): "
            "stop what uses it, change 'listen.admin', or set it to null"
        ) from None
