"""A real DNS server of another make on loopback, on a port that was free a moment ago."""

import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.query

READY_SECONDS = 10.0
_START_TRIES = 5
_FIRST_PORT = 10_000
_GIVEN_AWAY = Path("/proc/sys/net/ipv4/ip_local_port_range")


@contextmanager
def running_dns_server(
    command: Sequence[str],
    folder: Path,
    configure: Callable[[int], object],
    ready: str,
    address: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[int]:
    """Run a server for the length of a block, which begins once it answers; yields the port.

    `configure` writes the config for a port, `ready` is a question such as `ready.test A` whose
    answer has records. With port 0 that is any free one, and another one if it was taken.
    """
    for _ in range(_START_TRIES):
        chosen = port or free_port(address)
        configure(chosen)
        with (
            (folder / f"{command[0]}-output.log").open("wb") as output,
            subprocess.Popen(command, stdout=output, stderr=output) as process,
        ):
            try:
                if _answers(process, address, chosen, ready):
                    yield chosen
                    return
            finally:
                process.terminate()
    logs = "\n".join(path.read_text("utf-8", "replace") for path in folder.glob("*.log"))
    raise AssertionError(f"{command[0]} does not start:\n{logs}")


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that was free over UDP and TCP a moment ago.

    It is below those that the kernel gives away by itself, so nobody else who is given one meets
    what is sent to it meanwhile: the tests of the other build run beside these.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    given_away = int(_GIVEN_AWAY.read_text("ascii").split()[0])
    while True:
        port = _FIRST_PORT + secrets.randbelow(given_away - _FIRST_PORT)
        with (
            socket.socket(family, socket.SOCK_STREAM) as stream,
            socket.socket(family, socket.SOCK_DGRAM) as datagram,
            suppress(OSError),  # it is taken
        ):
            stream.bind((address, port))
            datagram.bind((address, port))
            return port


def _answers(process: "subprocess.Popen[bytes]", address: str, port: int, question: str) -> bool:
    """Tell whether the server answers, which it does once its zones are loaded, before it ends."""
    name, rdatatype = question.split()
    query = dns.message.make_query(name, rdatatype)
    end = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            if dns.query.udp(query, address, 0.2, port).answer:
                return True
        except (dns.exception.Timeout, OSError):
            pass
        time.sleep(0.01)
    return False
