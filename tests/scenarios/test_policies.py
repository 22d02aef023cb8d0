"""One config with everything in it, asked with real clients: policies.txt tells what they see."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.support.command import dnsguard
from tests.support.metrics import read_samples
from tests.support.nsd import running_nsd
from tests.support.server import DEADLINE, Server, running

ZONE = """\
$TTL {ttl}
@ SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60
@ NS ns.invalid.
@ A {address}
* A {address}
"""
LISTS = {
    "suffixes.txt": "suffix.example.org\nsafe.example.org\n",
    "hosts.txt": "0.0.0.0 exact.example.org\n127.0.0.1 localhost\n",
}
EVERYTHING = """\
listen: {{dns: ["127.0.0.1:0"], admin: null}}
upstreams: ["udp://127.0.0.1:{internet}"]
forward_zones:
  city.internal: ["tcp://127.0.0.1:{city}"]
local_records: ["printer.city.internal. 300 IN A 10.0.0.8"]
groups:
  phones: {{subnets: [127.1.0.0/16, "2001:db8:1::/48"]}}
  exempt: {{subnets: [127.1.9.0/24]}}
  terminals: {{subnets: [127.2.0.0/16]}}
  kiosks: {{subnets: [127.3.0.0/16]}}
  laboratory: {{subnets: [127.4.0.0/16]}}
  cameras: {{subnets: [127.5.0.0/16]}}
  trial: {{subnets: [127.6.0.0/16]}}
  capped: {{subnets: [127.7.0.0/16], max_ttl: 5s}}
lists:
  tiktok: {{source: "builtin:tiktok"}}
  suffixes: {{source: suffixes.txt, format: domains}}
  hosts: {{source: hosts.txt}}
policies:
  tiktok-ban:
    groups: [phones]
    lists: [tiktok, suffixes, hosts]
    allow: [support.tiktok.com]
  bypass: {{groups: [phones], block: [vpn.example.org, vpn.tiktok.com], answer: nxdomain}}
  denied: {{groups: [terminals], lists: [tiktok], answer: nxdomain}}
  emptied: {{groups: [kiosks], lists: [tiktok], answer: nodata}}
  refused: {{groups: [laboratory], lists: [tiktok], answer: refused}}
  dropped: {{groups: [cameras], lists: [tiktok], answer: drop}}
  tried: {{groups: [trial], lists: [tiktok], stage: shadow}}
  planned: {{groups: [capped], lists: [tiktok], stage: "off"}}
sinkhole: {{ipv4: 10.0.0.9, ipv6: "fd00::9", ttl: 45s}}
never_block: [safe.example.org]
directories: {{state: state, runtime: run}}
workers: 2
"""


def config(internet_port: int, city_port: int) -> dict[str, Any]:
    text = EVERYTHING.format(internet=internet_port, city=city_port)
    document: dict[str, Any] = yaml.safe_load(text)
    return document


class Exchange(NamedTuple):
    """One entry of policies.txt."""

    client: str
    command: str
    verdict: str
    answer: tuple[str, ...]

    @property
    def question(self) -> tuple[str, str]:
        """The name and type asked for."""
        name, *rdatatype = [word for word in self.command.split()[1:] if word[0] != "+"]
        return name, (rdatatype or ["A"])[0]


def read_transcript() -> Iterator[Exchange]:
    text = (Path(__file__).parent / "policies.txt").read_text("utf-8")
    for paragraph in re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).split("\n\n"):
        if paragraph.strip():
            asked, verdict, *answer = paragraph.strip().splitlines()
            client, command = asked.split("$ ")
            yield Exchange(client, command, verdict, tuple(answer))


TRANSCRIPT = list(read_transcript())
every_exchange = pytest.mark.parametrize(
    "exchange", TRANSCRIPT, ids=[f"{e.client}-{e.command}" for e in TRANSCRIPT]
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("city")
    for name, text in LISTS.items():
        (folder / name).write_text(text, "utf-8")
    internet = {
        "example.org": ZONE.format(ttl=3600, address="192.0.2.1"),
        "tiktok.com": ZONE.format(ttl=3600, address="192.0.2.2"),
        "use-application-dns.net": ZONE.format(ttl=3600, address="192.0.2.3"),
    }
    city = {"city.internal": ZONE.format(ttl=600, address="10.0.0.10")}
    with (
        running_nsd(tmp_path_factory.mktemp("internet"), internet) as internet_port,
        running_nsd(tmp_path_factory.mktemp("internal"), city) as city_port,
        running(folder, config(internet_port, city_port)) as started,
    ):
        yield started


def gist(output: str) -> tuple[str, ...]:
    """Return what dig or kdig printed of the answer: status, EDE and records, each on a line."""
    lines = []
    for line in output.splitlines():
        if found := re.search(r"status: (\w+)", line):
            lines.append(found[0])
        elif found := re.search(r"EDE: (\d+ \([\w ]+\)): \W?(.*?)\W?$", line):
            lines.append(f"EDE: {found[1]}: {found[2]}")
        elif line and not line.startswith(";"):
            lines.append(" ".join(line.split()))
    return tuple(lines)


@every_exchange
def test_what_a_client_sees(server: Server, exchange: Exchange) -> None:
    program, *arguments = shlex.split(exchange.command)
    place = ["-b", exchange.client, "@127.0.0.1", "-p", str(server.port)]
    asked = subprocess.run(
        [program, *place, *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert gist(asked.stdout) == exchange.answer


@every_exchange
def test_why_agrees_with_what_a_client_sees(server: Server, exchange: Exchange) -> None:
    name, rdatatype = exchange.question
    told = dnsguard(
        *("why", name, "--client", exchange.client, "--type", rdatatype),
        *("-c", server.config_path),
    )
    assert told.exit_code == 0
    head, _, tail = told.stdout.partition("answer:\n")
    assert head.splitlines()[-1] == exchange.verdict
    answer = [" ".join(line.removesuffix(" (authority)").split()) for line in tail.splitlines()]
    if exchange.verdict in ("verdict: pass", "verdict: never_block"):
        zone = "city.internal" if name.endswith("city.internal") else "."
        assert answer.pop(0) == f"forwarded to {upstream(server, zone)}"
    if not exchange.answer:
        assert answer == ["nothing is sent (answer: drop)"]
    else:
        # kdig speaks EDNS only when told to, and without it there is no EDE.
        seen = [line for line in answer if line in exchange.answer or line[:4] != "EDE:"]
        assert sorted(seen) == sorted(exchange.answer)


def upstream(server: Server, zone: str) -> str:
    """Return the upstream of a zone as the config gives it."""
    document = yaml.safe_load(server.config_path.read_text("utf-8"))
    upstreams = document["upstreams"] if zone == "." else document["forward_zones"][zone]
    return str(upstreams[0])


def test_what_was_asked_is_counted(server: Server) -> None:
    samples = read_samples(server.metrics())
    labels = 'list="tiktok",policy="tried",qtype="A",trigger="name"'
    assert samples[f'dnsguard_shadow_total{{group="trial",{labels}}}'] == 1
    blocked = {
        exchange.verdict.rpartition(" ")[2] for exchange in TRANSCRIPT if " by " in exchange.verdict
    }
    counted = {
        found[1]
        for series, value in samples.items()
        if value and (found := re.match(r'dnsguard_blocked_total.*policy="([\w-]+)"', series))
    }
    assert counted == blocked
