"""A real dnsmasq on loopback, with the settings a test gives it."""

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
listen-address=127.0.0.1
bind-interfaces
port={port}
no-resolv
no-hosts
no-poll
server=127.0.0.1#{upstream}
cache-size=0
user=
pid-file=
log-facility={folder}/dnsmasq.log
host-record=ready.test,127.0.0.1
"""


@contextmanager
def running_dnsmasq(folder: Path, settings: str, upstream: int) -> Iterator[int]:
    """Forward to an upstream on a loopback port, for a block; yields the port."""
    for _ in range(START_TRIES):
        port = free_port()
        config = folder / "dnsmasq.conf"
        config.write_text(
            _CONFIG.format(port=port, upstream=upstream, folder=folder) + settings, "utf-8"
        )
        with subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", f"--conf-file={config}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                if _answers(process, port):
                    yield port
                    return
            finally:
                process.terminate()
    raise AssertionError(f"dnsmasq does not start; see its log in {folder}")


def _answers(process: "subprocess.Popen[bytes]", port: int) -> bool:
    query = dns.message.make_query("ready.test.", "A")
    end = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            dns.query.udp(query, "127.0.0.1", 0.2, port)
        except (dns.exception.Timeout, OSError):
            time.sleep(0.01)
        else:
            return True
    return False
