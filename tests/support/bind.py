"""A real BIND on loopback, with a response policy zone and a server to forward to."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from tests.support.nsd import READY_SECONDS, START_TRIES, free_port

_CONFIG = """\
options {{
    directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    lock-file none;
    session-keyfile none;
    allow-query {{ any; }};
    recursion yes;
    forward only;
    forwarders {{ 127.0.0.1 port {upstream}; }};
    dnssec-validation no;
    empty-zones-enable no;
    clients-per-query 0;
    max-clients-per-query 0;
    response-policy {{ zone "rpz.test"; }} qname-wait-recurse no;
}};
controls {{ }};
zone "rpz.test" {{ type primary; file "{zone}"; }};
zone "ready.test" {{ type primary; file "{ready}"; }};
"""
_READY = "@ 300 IN SOA localhost. root.localhost. 1 2 3 4 300\n@ 300 IN NS localhost.\n"


@contextmanager
def running_bind_rpz(folder: Path, zone: Path, upstream: int) -> Iterator[int]:
    """Forward to a loopback port by a response policy zone called rpz.test; yields the port."""
    folder.mkdir()
    (folder / "ready.zone").write_text(_READY, "utf-8")
    for _ in range(START_TRIES):
        port = free_port()
        config = _CONFIG.format(
            folder=folder, port=port, upstream=upstream, zone=zone, ready=folder / "ready.zone"
        )
        (folder / "named.conf").write_text(config, "utf-8")
        with (folder / "named.log").open("wb") as log:
            process = subprocess.Popen(
                ["named", "-g", "-n", "1", "-c", str(folder / "named.conf")],
                stdout=log,
                stderr=log,
            )
        with process:
            try:
                if _answers(process, port):
                    yield port
                    return
            finally:
                process.terminate()
    raise AssertionError(f"named does not start:\n{(folder / 'named.log').read_text('utf-8')}")


def _answers(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Tell whether the server answers; it loads its zones first."""
    query = dns.message.make_query("ready.test.", "SOA")
    end = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            if dns.query.udp(query, "127.0.0.1", 0.2, port).answer:
                return True
        except (dns.exception.Timeout, OSError):
            pass
        time.sleep(0.01)
    return False
