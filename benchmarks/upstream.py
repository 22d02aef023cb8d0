"""The upstream of every server that is measured: a real NSD with a count of what it was asked."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cores import LOAD_CORE, on_cores
from benchmarks.waiting import wait_for_answer
from tests.support.dns_server import free_port

ZONE = "bench.example.net"
ADDRESS = "192.0.2.2"
CACHED_TTL = 86_400
MISS_TTL = 60  # so that the names of one round have left the caches by the next

_ZONE = f"""\
$ORIGIN {ZONE}.
@ 86400 SOA ns hostmaster 1 3600 600 86400 300
@ 86400 NS ns
ns 86400 A 192.0.2.1
*.cached {CACHED_TTL} A {ADDRESS}
*.miss {MISS_TTL} A {ADDRESS}
"""
_CONFIG = """\
server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    minimal-responses: yes
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    logfile: "{folder}/nsd.log"
    rrl-ratelimit: 0
    send-buffer-size: 4194304
    receive-buffer-size: 4194304
remote-control:
    control-enable: yes
    control-interface: "{folder}/control"
zone:
    name: "{zone}"
    zonefile: "bench.zone"
"""


@dataclass(frozen=True)
class Upstream:
    """Where it listens on loopback, and its config file."""

    port: int
    config: Path

    def queries(self) -> int:
        """Return how many queries it has been asked."""
        command = ["nsd-control", "-c", str(self.config), "stats_noreset"]
        text = subprocess.run(
            on_cores([LOAD_CORE], command), capture_output=True, text=True, check=True
        )
        found = re.search(r"^num\.queries=(\d+)$", text.stdout, re.MULTILINE)
        if found is None:
            raise SystemExit(f"nsd-control does not count queries:\n{text.stdout}")
        return int(found[1])


@contextmanager
def running_upstream(folder: Path) -> Iterator[Upstream]:
    """Run it on the load's core for the length of a block."""
    folder.mkdir()
    (folder / "bench.zone").write_text(_ZONE, "ascii")
    port = free_port()
    config = folder / "nsd.conf"
    config.write_text(_CONFIG.format(port=port, folder=folder, zone=ZONE), "ascii")
    command = on_cores([LOAD_CORE], ["nsd", "-d", "-c", str(config)])
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_answer(process, port, f"x.cached.{ZONE}", ADDRESS, folder / "nsd.log")
            yield Upstream(port, config)
        finally:
            process.terminate()
