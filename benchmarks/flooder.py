"""Floods a server on loopback until it is killed: `flooder.py KIND PORT RATE`.

It sends in small batches and sleeps between them, so that whoever measures beside it on the
same core has that core most of the time. It prints a line once the flood is on.
"""

import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count, cycle

BATCH_SECONDS = 0.004
PER_CLIENT = 25  # connections of one address
SLOW_SECONDS = 0.5  # between two octets of a slow connection
QUERY = struct.pack("!6H", 0, 0x0100, 1, 0, 0, 0)
A_IN = b"\0\1\0\1"


def compose(number: int, *labels: str) -> bytes:
    """Return a query for the address of a name, with the number as its ID."""
    name = b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels)
    return (number & 0xFFFF).to_bytes(2, "big") + QUERY[2:] + name + b"\0" + A_IN


def below_one_zone(number: int) -> bytes:
    """Return a question that the upstream answers, of a name that nobody has asked for."""
    return compose(number, f"r{time.time_ns():x}", "miss", "bench", "example", "net")


def below_many_zones(number: int) -> bytes:
    """Return a question that no upstream answers, each below a zone of its own."""
    return compose(number, f"r{time.time_ns():x}", f"z{number}", "stalled")


def cached(number: int) -> bytes:
    """Return a question that is answered from the cache."""
    return compose(number, "flood", "cached", "bench", "example", "net")


def send_queries(port: int, rate: int, clients: int, ask: Callable[[int], bytes]) -> None:
    """Send so many queries a second, from so many addresses in turn; take the answers away."""
    senders = [_datagrams(f"127.0.2.{number + 1}", port) for number in range(clients)]
    numbers = count()
    turns = cycle(senders)
    print("on", flush=True)
    started = time.monotonic()
    sent = 0
    while True:
        due = int((time.monotonic() - started) * rate)
        for _ in range(min(due - sent, rate // 50)):
            with suppress(OSError):
                next(turns).send(ask(next(numbers)))
        sent = due
        for ready in select.select(senders, [], [], 0)[0]:
            with suppress(OSError):
                while True:
                    ready.recv(4096)
        time.sleep(BATCH_SECONDS)


def hold_connections(port: int, number: int, *, slow: bool) -> None:
    """Hold so many connections open, idle or with an octet now and then; replace closed ones."""
    addresses = (f"127.0.3.{n // PER_CLIENT + 1}" for n in range(number))
    held = {_connection(address, port): address for address in addresses}
    print("on", flush=True)
    while True:
        for opened in select.select(list(held), [], [], 0)[0]:
            address = held.pop(opened)
            opened.close()
            with suppress(OSError):
                held[_connection(address, port)] = address
        if slow:
            _send_octets(list(held))
        time.sleep(BATCH_SECONDS)


def _send_octets(held: list[socket.socket]) -> None:
    """Send an octet on the connections whose turn it is."""
    turns = int(SLOW_SECONDS / BATCH_SECONDS)
    for opened in held[int(time.monotonic() / BATCH_SECONDS) % turns :: turns]:
        with suppress(OSError):
            opened.send(b"\xff")


def _datagrams(address: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.settimeout(0)
    opened.bind((address, 0))
    opened.connect(("127.0.0.1", port))
    return opened


def _connection(address: str, port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 10, (address, 0))


KINDS: dict[str, Callable[[int, int], None]] = {
    "one zone": lambda port, rate: send_queries(port, rate, 1, below_one_zone),
    "many zones": lambda port, rate: send_queries(port, rate, 1, below_many_zones),
    "one client": lambda port, rate: send_queries(port, rate, 1, cached),
    "stalled": lambda port, rate: send_queries(port, rate, 50, below_many_zones),
    "idle TCP": lambda port, number: hold_connections(port, number, slow=False),
    "slow TCP": lambda port, number: hold_connections(port, number, slow=True),
}


if __name__ == "__main__":
    # Else it waits for who measures beside it, and makes good for that by larger bursts.
    with suppress(PermissionError):
        os.nice(-15)
    KINDS[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
