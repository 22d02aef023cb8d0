"""Unbound: one thread, caches that hold every name, a response policy zone."""

import re

from benchmarks.listed import RPZ_ZONE, rpz
from benchmarks.peers.kind import Kind, Launch, Setting, output

_CONFIG = """\
server:
    interface: 127.0.0.1
    port: {port}
    access-control: 127.0.0.0/8 allow
    do-daemonize: no
    do-not-query-localhost: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    logfile: "{folder}/log"
    num-threads: 1
    so-reuseport: yes
    so-rcvbuf: 4m
    so-sndbuf: 4m
    module-config: "respip iterator"
    msg-cache-size: 256m
    rrset-cache-size: 512m
    outgoing-range: 8192
    num-queries-per-thread: 4096
    minimal-responses: yes
    qname-minimisation: no
rpz:
    name: "{zone}"
    zonefile: "{zonefile}"
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{upstream}
"""


def _version() -> str:
    found = re.search(r"^Version (\S+)", output("unbound", "-V"), re.MULTILINE)
    return found[1] if found else "unknown"


def _prepare(setting: Setting) -> Launch:
    config = _CONFIG.format(
        port=setting.port,
        folder=setting.folder,
        upstream=setting.upstream,
        zone=RPZ_ZONE,
        zonefile=setting.write("rpz.zone", rpz(setting.blocked)),
    )
    path = setting.write("unbound.conf", [config])
    return Launch(["unbound", "-d", "-p", "-c", str(path)])


KIND = Kind("unbound", _version, _prepare)
