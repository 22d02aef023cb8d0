"""A flood: queries at a rate, whose answers nobody waits for."""

import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from tests.support.steady_load import Place

_TURN = 0.01  # seconds between bursts
_BUFFER = 4096  # octets of answers that wait at a client: the kernel throws the rest away


def flood(place: Place, sources: Sequence[str], names: Iterable[str], rate: float) -> None:
    """Ask for the address of each name once, from the source addresses in turn."""
    with ExitStack() as opened:
        clients = [opened.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in sources]
        for client, source in zip(clients, sources, strict=True):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            client.bind((source, 0))
            client.connect(place)
        start = time.monotonic()
        for number, name in enumerate(names):
            if number >= rate * (time.monotonic() - start):
                time.sleep(_TURN)
            clients[number % len(clients)].send(_compose(number, name))


def _compose(number: int, name: str) -> bytes:
    labels = (label.encode("ascii") for label in name.split("."))
    wire = b"".join(bytes([len(label)]) + label for label in labels)
    return (number & 0xFFFF).to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\0" + wire + b"\0\0\1\0\1"
