"""The config of `dnsguard serve --demo`: a registered client and a list, on loopback only."""

from ipaddress import ip_address
from pathlib import Path

import yaml

MAX_NAMESERVERS = 3  # what the resolver library uses: MAXNS in resolv.conf(5)


def demo(state: Path, upstreams: list[str]) -> str:
    """Return the text of the demo config; what it keeps goes below `state`."""
    return yaml.safe_dump(
        {
            "listen": {"dns": ["127.0.0.1:10053"], "admin": "127.0.0.1:19153"},
            "upstreams": upstreams,
            "groups": {
                "demo": {
                    "description": "A registered device: dig -b 127.0.0.2",
                    "subnets": ["127.0.0.2/32"],
                }
            },
            "policies": {
                "tiktok-ban": {"groups": ["demo"], "lists": ["builtin:tiktok"], "stage": "enforce"}
            },
            "directories": {"state": str(state), "runtime": str(state / "run")},
        },
        sort_keys=False,
        allow_unicode=True,
    )


def system_upstreams(resolv_conf: str) -> list[str]:
    """Return the upstreams that the text of /etc/resolv.conf names, at most three.

    With no `nameserver` line that is the machine itself, as resolv.conf(5) says. A server on a
    link-local address with a scope is left out.
    """
    servers = [
        fields[1]
        for fields in map(str.split, resolv_conf.splitlines())
        if len(fields) > 1 and fields[0] == "nameserver"
    ]
    if not servers:
        return ["udp://127.0.0.1"]
    return [url for url in map(_upstream, servers[:MAX_NAMESERVERS]) if url]


def _upstream(server: str) -> str | None:
    if "%" in server:
        return None
    try:
        address = ip_address(server)
    except ValueError:
        return None
    return f"udp://[{address}]" if address.version == 6 else f"udp://{address}"
