"""PowerDNS Recursor: one thread without a distributor, a packet cache, a response policy zone."""

import re

from benchmarks.listed import RPZ_ZONE, rpz
from benchmarks.peers.kind import Kind, Launch, Setting, output

_CONFIG = """\
config-dir={folder}
socket-dir={folder}
lua-config-file={policy}
local-address=127.0.0.1
local-port={port}
allow-from=127.0.0.0/8
dont-query=
forward-zones-recurse=.=127.0.0.1:{upstream}
threads=1
pdns-distributes-queries=no
reuseport=yes
max-mthreads=8192
max-cache-entries=2000000
max-packetcache-entries=1000000
packetcache-ttl=86400
dnssec=off
qname-minimization=no
security-poll-suffix=
extended-resolution-errors=no
quiet=yes
loglevel=3
disable-syslog=yes
write-pid=no
"""


def _version() -> str:
    found = re.search(r"PowerDNS Recursor (\S+)", output("pdns_recursor", "--version"))
    return found[1] if found else "unknown"


def _prepare(setting: Setting) -> Launch:
    zone = setting.write("rpz.zone", rpz(setting.blocked))
    policy = setting.write("policy.lua", [f'rpzFile("{zone}", {{policyName="{RPZ_ZONE}"}})\n'])
    config = _CONFIG.format(
        folder=setting.folder, policy=policy, port=setting.port, upstream=setting.upstream
    )
    setting.write("recursor.conf", [config])
    return Launch(["pdns_recursor", f"--config-dir={setting.folder}", "--daemon=no"])


KIND = Kind("pdns-recursor", _version, _prepare)
