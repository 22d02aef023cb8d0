"""A real Unbound on loopback, answering from the records a test gives it."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from tests.support.nsd import READY_SECONDS, START_TRIES, free_port

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
    local-zone: "ready.test." static
{records}
remote-control:
    control-enable: no
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
    stub_zones = "".join(
        f'stub-zone:\n    name: "{zone}"\n    stub-addr: 127.0.0.1@{port}\n' for zone, port in stubs
    )
    for _ in range(START_TRIES):
        port = free_port(address)
        config = _CONFIG.format(
            address=address, port=port, folder=folder, records=data, stubs=stub_zones + clauses
        )
        (folder / "unbound.conf").write_text(config, "utf-8")
        with subprocess.Popen(
            ["unbound", "-d", "-p", "-c", str(folder / "unbound.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                if _answers(process, address, port):
                    yield port
                    return
            finally:
                process.terminate()
    raise AssertionError(f"unbound does not start; see its log in {folder}")


def _answers(process: "subprocess.Popen[bytes]", address: str, port: int) -> bool:
    query = dns.message.make_query("ready.test.", "A")
    end = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            dns.query.udp(query, address, 0.2, port)
        except (dns.exception.Timeout, OSError):
            time.sleep(0.01)
        else:
            return True
    return False
