"""A real BIND on loopback, with a response policy zone and a server to forward to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.dns_server import running_dns_server

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
    config = folder / "named.conf"
    own = folder / "ready.zone"
    own.write_text(_READY, "utf-8")

    def configure(port: int) -> None:
        text = _CONFIG.format(folder=folder, port=port, upstream=upstream, zone=zone, ready=own)
        config.write_text(text, "utf-8")

    command = ["named", "-g", "-n", "1", "-c", str(config)]
    with running_dns_server(command, folder, configure, "ready.test. SOA") as port:
        yield port
