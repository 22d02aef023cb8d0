"""A real NSD on loopback, serving the zones a test gives it."""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query

START_TRIES = 5
READY_SECONDS = 10.0

_CONFIG = """\
server:
    ip-address: {address}@{port}
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    logfile: "{folder}/nsd.log"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
"""
_ZONE = """\
zone:
    name: "{name}"
    zonefile: "{name}.zone"
"""


@contextmanager
def running_nsd(
    folder: Path, zones: Mapping[str, str], address: str = "127.0.0.1", port: int = 0
) -> Iterator[int]:
    """Serve zones (apex to master file text) for the length of a block; yields the port.

    With port 0 that is any free one.
    """
    for name, text in zones.items():
        (folder / f"{name}.zone").write_text(f"$ORIGIN {name.rstrip('.')}.\n{text}", "utf-8")
    for _ in range(START_TRIES):
        chosen = port or free_port(address)
        config = _CONFIG.format(address=address, port=chosen, folder=folder)
        config += "".join(_ZONE.format(name=name) for name in zones)
        (folder / "nsd.conf").write_text(config, "utf-8")
        with subprocess.Popen(
            ["nsd", "-d", "-c", str(folder / "nsd.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                if _answers(process, address, chosen, next(iter(zones))):
                    yield chosen
                    return
            finally:
                process.terminate()
    raise AssertionError(f"nsd does not start:\n{(folder / 'nsd.log').read_text('utf-8')}")


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that was free over UDP and TCP a moment ago."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while True:
        with (
            socket.socket(family, socket.SOCK_STREAM) as stream,
            socket.socket(family, socket.SOCK_DGRAM) as datagram,
        ):
            stream.bind((address, 0))
            port = int(stream.getsockname()[1])
            try:
                datagram.bind((address, port))
            except OSError:
                continue
            return port


def _answers(process: "subprocess.Popen[bytes]", address: str, port: int, zone: str) -> bool:
    """Tell whether the server answers for a zone; False when it ended."""
    query = dns.message.make_query(zone, "SOA")
    end = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            return bool(dns.query.udp(query, address, 0.2, port).answer)
        except (dns.exception.Timeout, OSError):
            time.sleep(0.01)
    return False
