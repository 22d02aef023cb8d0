"""A real dnsmasq on loopback, with the settings a test gives it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.dns_server import running_dns_server

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
    config = folder / "dnsmasq.conf"

    def configure(port: int) -> None:
        text = _CONFIG.format(port=port, upstream=upstream, folder=folder)
        config.write_text(text + settings, "utf-8")

    command = ["dnsmasq", "--keep-in-foreground", f"--conf-file={config}"]
    with running_dns_server(command, folder, configure, "ready.test. A") as port:
        yield port
