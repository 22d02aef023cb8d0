"""A real NSD on loopback, serving the zones a test gives it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.dns_server import running_dns_server

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

    def configure(chosen: int) -> None:
        config = _CONFIG.format(address=address, port=chosen, folder=folder)
        config += "".join(_ZONE.format(name=name) for name in zones)
        (folder / "nsd.conf").write_text(config, "utf-8")

    command = ["nsd", "-d", "-c", str(folder / "nsd.conf")]
    ready = f"{next(iter(zones))} SOA"
    with running_dns_server(command, folder, configure, ready, address, port) as chosen:
        yield chosen
