"""The pipe between the control plane and a worker: small JSON messages, descriptors beside.

A SOCK_SEQPACKET pair keeps message boundaries. Its end is the sign to exit for a worker, and
the sign that a worker is gone for the control plane.
"""

import json
import os
import socket
from collections.abc import Sequence
from typing import Any

MAX_MESSAGE = 64 * 1024
MAX_DESCRIPTORS = 4

_DAMAGED = "the message on the channel is damaged: control plane and workers differ in version?"


def pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends, non-blocking and closed on exec."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(0)
    theirs.settimeout(0)
    return ours, theirs


def send(sock: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message; raises OSError when the other end is gone or does not read."""
    socket.send_fds(sock, [json.dumps(message).encode()], list(descriptors))


def receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return one message and its descriptors, None at the end of the pipe.

    Raises BlockingIOError when there is none yet, ValueError when it is damaged; the
    descriptors of a damaged one are closed.
    """
    try:
        data, descriptors, _, _ = socket.recv_fds(sock, MAX_MESSAGE, MAX_DESCRIPTORS)
    except ConnectionError:
        return None
    if not data:
        return None
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # noqa: FBT003, positional only
    try:
        message = json.loads(data)
        if not isinstance(message, dict):
            raise ValueError(_DAMAGED)
    except (ValueError, RecursionError) as error:
        for descriptor in descriptors:
            os.close(descriptor)
        raise ValueError(_DAMAGED) from error
    return message, descriptors
