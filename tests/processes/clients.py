"""The clients of the process tests, and what became of processes."""

import select
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from tests.support.asking import ask_tcp, ask_udp
from tests.support.gateway import question, said
from tests.support.processes import is_running
from tests.support.server import Server

BLOCKED = "www.tiktok.com A"
REGISTERED = "127.0.0.2"


@contextmanager
def clients(count: int, address: str = REGISTERED) -> Iterator[list[socket.socket]]:
    """Give UDP sockets, each on a port of its own, so that the kernel spreads them on workers."""
    with ExitStack() as opened:
        made = []
        for _ in range(count):
            client = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            client.bind((address, 0))
            made.append(client)
        yield made


def send(client: socket.socket, server: Server, text: str = BLOCKED) -> None:
    client.sendto(question(text).to_wire(), ("127.0.0.1", server.port))


def answered(asking: Iterable[socket.socket], patience: float) -> set[socket.socket]:
    """Return the sockets that get an answer before nothing comes for a while."""
    waiting = set(asking)
    done: set[socket.socket] = set()
    while waiting and (ready := select.select(list(waiting), [], [], patience)[0]):
        for client in ready:
            client.recv(65_535)
        waiting.difference_update(ready)
        done.update(ready)
    return done


def ask(server: Server, text: str, *, by: str = REGISTERED, transport: str = "udp") -> str:
    """Return the gist of the answer to a question."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as client:
        client.bind((by, 0))
        asking = ask_udp if transport == "udp" else ask_tcp
        return said(asking(client, text, ("127.0.0.1", server.port))[0])


def ended(pids: Iterable[int]) -> Callable[[], bool]:
    return lambda: not any(map(is_running, pids))
