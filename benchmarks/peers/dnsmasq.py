"""dnsmasq: a cache that holds every name, its own kind of block list."""

import re

from benchmarks.listed import SINKHOLE_TTL, dnsmasq
from benchmarks.peers.kind import Kind, Launch, Setting, output

_CONFIG = """\
port={port}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
no-poll
server=127.0.0.1#{upstream}
cache-size=100000
dns-forward-max=10000
local-ttl={ttl}
user=
pid-file=
log-facility={folder}/log
"""


def _version() -> str:
    found = re.search(r"version (\S+)", output("dnsmasq", "--version"))
    return found[1] if found else "unknown"


def _prepare(setting: Setting) -> Launch:
    config = _CONFIG.format(
        port=setting.port, upstream=setting.upstream, ttl=SINKHOLE_TTL, folder=setting.folder
    )
    path = setting.write("dnsmasq.conf", [config, *dnsmasq(setting.blocked)])
    return Launch(["dnsmasq", "--keep-in-foreground", f"--conf-file={path}"])


KIND = Kind("dnsmasq", _version, _prepare)
