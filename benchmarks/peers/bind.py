"""BIND: one worker thread, a response policy zone that does not wait for the answer it replaces."""

from benchmarks.listed import RPZ_ZONE, rpz
from benchmarks.peers.kind import Kind, Launch, Setting, output

_CONFIG = """\
options {{
    directory "{folder}";
    pid-file none;
    session-keyfile none;
    managed-keys-directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    allow-query {{ 127.0.0.0/8; }};
    allow-recursion {{ 127.0.0.0/8; }};
    recursion yes;
    forward only;
    forwarders {{ 127.0.0.1 port {upstream}; }};
    dnssec-validation no;
    minimal-responses yes;
    qname-minimization off;
    querylog no;
    empty-zones-enable no;
    max-cache-size 512m;
    recursive-clients 10000;
    answer-cookie no;
    response-policy {{ zone "{zone}"; }} qname-wait-recurse no recursive-only no;
}};
controls {{ }};
server 127.0.0.1 {{ send-cookie no; }};
logging {{ category default {{ null; }}; }};
zone "{zone}" {{ type primary; file "{zonefile}"; allow-query {{ none; }}; notify no; }};
"""


def _prepare(setting: Setting) -> Launch:
    config = _CONFIG.format(
        folder=setting.folder,
        port=setting.port,
        upstream=setting.upstream,
        zone=RPZ_ZONE,
        zonefile=setting.write("rpz.zone", rpz(setting.blocked)),
    )
    path = setting.write("named.conf", [config])
    return Launch(["named", "-f", "-n", "1", "-c", str(path)])


def _version() -> str:
    return output("named", "-v").split()[1]


KIND = Kind("bind", _version, _prepare)
