"""Config texts, and what is said of them."""

from collections.abc import Callable, Sequence

from dnsguard.config import Config, ConfigError, Problem, Source, parse

FILE = "/etc/dnsguard/dnsguard.yaml"

MINIMAL = """\
upstreams: ["udp://192.0.2.53"]
groups:
  staff: {subnets: [10.20.0.0/16]}
policies:
  tiktok-ban: {groups: [staff], lists: ["builtin:tiktok"]}
"""

FULL = """\
listen: {dns: ["0.0.0.0:53", "[::]:53", "127.0.0.1:0"], admin: null}
allow_clients: [10.0.0.0/8, "2001:db8::/32"]
upstreams:
  - udp://192.0.2.53
  - {url: "tcp://[2001:DB8::53]:5353", trusted: true, pins: []}
forward_zones:
  City.internal.: ["udp://10.0.0.53"]
local_records: ["printer.city.internal. 300 IN A 10.0.0.9"]
groups:
  staff:
    description: Phones and tablets
    subnets: [10.20.0.0/16, "2001:db8:20::/48"]
    max_ttl: 5m
  terminals: {subnets: [10.30.0.0/16, "2001:db8:30::/48"]}
lists:
  own: {source: lists/own.txt, format: domains, match: exact, refresh: 360m}
policies:
  tiktok-ban:
    groups: [staff, terminals]
    lists: ["builtin:tiktok", own]
    block: ["=example.org", "*.example.net.*"]
    allow: [support.example.com]
    stage: off
    answer: nxdomain
    off_switches: false
    reference: 2023-02-28
    owner: security officer
sinkhole: {ipv4: 10.0.0.1, ipv6: "2001:db8::1", ttl: 1m}
never_block: [city.example, "h\u00f4tel.example"]
cache: {size: 64MiB, min_ttl: 5s, max_ttl: 1h}
edns: {udp_size: 1400}
limits: {pending_per_client: 10, tcp_per_client: 5, exempt: [10.20.1.1]}
workers: 2
directories: {state: state, runtime: /run/city}
"""


def parsed(*texts: str) -> Config:
    """Return the config of the texts, the main file's first."""
    return parse(sources(*texts))


def complaints(*texts: str) -> list[str]:
    """Return every problem as `line: path: message`, with the file unless it is the main one."""
    found = problems(sources(*texts))
    return [str(problem).removeprefix(FILE + ":") for problem in found]


def problems(files: Sequence[Source]) -> tuple[Problem, ...]:
    """Return the problems of a config; none when it is valid."""
    try:
        parse(files)
    except ConfigError as error:
        return error.problems
    return ()


def refusal(read: Callable[[object], object], value: object) -> str:
    """Return why a value is refused; empty when it is not."""
    try:
        read(value)
    except ValueError as error:
        return str(error)
    return ""


def sources(*texts: str) -> tuple[Source, ...]:
    """Return the texts as the main file and its includes."""
    files = [FILE, *(f"/etc/dnsguard/{number}.yaml" for number in range(1, len(texts)))]
    return tuple(Source(file, text) for file, text in zip(files, texts, strict=True))
