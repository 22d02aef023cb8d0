"""dnsdist: one listener, a packet cache, the rule before it; its own kind of suffix match."""

import re

from benchmarks.listed import SINKHOLE, SINKHOLE_TTL, domains
from benchmarks.peers.kind import Kind, Launch, Setting, output

_CONFIG = """\
setSecurityPollSuffix("")
setACL("127.0.0.0/8")
setUDPMultipleMessagesVectorSize(64)
setMaxUDPOutstanding(65535)
setLocal("127.0.0.1:{port}", {{reusePort=true}})
newServer({{address="127.0.0.1:{upstream}", sockets=4}}):setUp()
getPool(""):setCache(newPacketCache(1000000, {{maxTTL=86400}}))
local listed = newSuffixMatchNode()
for name in io.lines("{names}") do
  listed:add(newDNSName(name))
end
addAction(SuffixMatchNodeRule(listed, true), SpoofAction({{"{sinkhole}", "::"}}, {{ttl={ttl}}}))
"""


def _version() -> str:
    found = re.match(r"dnsdist (\S+)", output("dnsdist", "--version"))
    return found[1] if found else "unknown"


def _prepare(setting: Setting) -> Launch:
    names = setting.write("names", domains(setting.blocked))
    config = _CONFIG.format(
        port=setting.port,
        upstream=setting.upstream,
        names=names,
        sinkhole=SINKHOLE,
        ttl=SINKHOLE_TTL,
    )
    path = setting.write("dnsdist.conf", [config])
    return Launch(["dnsdist", "--supervised", "--disable-syslog", "-C", str(path)])


KIND = Kind("dnsdist", _version, _prepare)
