"""A real Unbound on loopback: answering from the records a test gives it, or as it is deployed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.support.dns_server import running_dns_server

DEPLOYED = Path(__file__).parents[2] / "deploy" / "unbound" / "dnsguard.conf"
ANCHOR_FILE = "/var/lib/unbound/root.key"

_CONFIG = """\
server:
    interface: {address}@{port}
    port: {port}
    access-control: 127.0.0.0/8 allow
    access-control: ::1/128 allow
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    logfile: "{folder}/unbound.log"
    use-syslog: no
    num-threads: 1
    module-config: "iterator"
    do-not-query-localhost: no
    local-data: "ready.test. A 127.0.0.1"
{records}
remote-control:
    control-enable: no
{stubs}
"""

_PLACES = """\
server:
    port: {port}
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    logfile: "{folder}/unbound.log"
    use-syslog: no
    do-not-query-localhost: no
    local-data: "ready.test. A 127.0.0.1"
{stubs}
"""


@contextmanager
def running_unbound(
    folder: Path,
    records: Sequence[str] = (),
    stubs: Sequence[tuple[str, int]] = (),
    zones: Sequence[str] = (),
    address: str = "127.0.0.1",
    clauses: str = "",
) -> Iterator[int]:
    """Serve records, and zones of authorities on loopback ports, for a block; yields the port.

    `zones` are further lines of its server section, `clauses` further text behind all sections.
    """
    data = "".join(f"    local-data: '{record}'\n" for record in records)
    data += "".join(f"    {line}\n" for line in zones)
    config = partial(
        _CONFIG.format, address=address, folder=folder, records=data, stubs=_stubs(stubs) + clauses
    )
    with _running(folder, config, address) as port:
        yield port


@contextmanager
def running_deployed(folder: Path, anchor: str, stubs: Sequence[tuple[str, int]]) -> Iterator[int]:
    """Run the Unbound of deploy/ with another trust anchor and other places; yields the port."""
    (folder / "root.key").write_text(f"{anchor}\n", "utf-8")
    deployed = DEPLOYED.read_text("utf-8").replace(ANCHOR_FILE, str(folder / "root.key"))

    def config(port: int) -> str:
        return deployed + _PLACES.format(port=port, folder=folder, stubs=_stubs(stubs))

    with _running(folder, config, "127.0.0.1") as port:
        yield port


def _stubs(stubs: Sequence[tuple[str, int]]) -> str:
    return "".join(
        f'stub-zone:\n    name: "{zone}"\n    stub-addr: 127.0.0.1@{port}\n' for zone, port in stubs
    )


@contextmanager
def _running(folder: Path, config: Callable[..., str], address: str) -> Iterator[int]:
    file = folder / "unbound.conf"
    with running_dns_server(
        ["unbound", "-d", "-p", "-c", str(file)],
        folder,
        lambda port: file.write_text(config(port=port), "utf-8"),
        "ready.test. A",
        address,
    ) as port:
        yield port
