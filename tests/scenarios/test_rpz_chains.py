"""One response policy zone in dnsguard, Unbound and BIND, over chains of aliases made at random.

What each says of a chain follows from how it reads the zone, told below for each of them. Where
they differ:

- A name that is excepted (PASSTHRU) frees the whole answer in Unbound and BIND. In dnsguard it
  does so as the queried name; as an alias it frees itself alone, for whoever owns an alias
  decides where it leads.
- Addresses: dnsguard blocks what holds one that is listed. In Unbound the first that is listed
  or excepted decides for all, in BIND the one with the longest prefix, then the one whose
  trigger is the lowest.
- Wildcards: see test_rpz_beside_unbound.py.
- Unbound looks at aliases only while it follows them, not where it finds them in its cache.
- dnsguard replaces the whole answer. The others keep the aliases up to the name they block.
"""

from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from dnsguard.core import names
from tests.scenarios.client import Place, ask, compose
from tests.support.beside import running_dnsguard
from tests.support.bind import running_bind_rpz
from tests.support.nsd import running_nsd
from tests.support.policy_chains import (
    APEXES,
    Address,
    Chain,
    Network,
    Zone,
    follow,
    generate_nodes,
    generate_policy,
    write_nodes,
    write_trigger,
)
from tests.support.unbound import running_unbound

SEED = 20_261_128
NODES = 1_500  # each asked for A and AAAA
RULES = 200
PASSED, PASSTHRU = "passed", "PASSTHRU"

IN_ORDER = "rrset-roundrobin: no"  # addresses stay in the order of the zone


class Reader:
    """How dnsguard reads a zone; the other servers' are below."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def verdicts(self, chain: Chain) -> set[str]:
        """Return what may be said of a chain: one thing, unless the server is moody."""
        for position, name in enumerate(chain.names):
            action = self.of_name(name)
            if action == PASSTHRU and position == 0:
                return {PASSED}
            if action not in (PASSTHRU, None):
                return {action}
        return {self.of_addresses(chain.addresses)}

    def of_name(self, name: str) -> str | None:
        """Return the action for a name: its own, or that of the longest wildcard above it."""
        wildcards = (self.zone.below.get(above) for above in ancestors(name))
        return self.zone.exact.get(name) or next(filter(None, wildcards), None)

    def of_addresses(self, addresses: Sequence[Address]) -> str:
        """Return the action for the first address that is listed and not excepted."""
        found = [self.zone.networks[network] for network in self.networks(addresses)]
        return next((action for action in found if action != PASSTHRU), PASSED)

    def networks(self, addresses: Sequence[Address]) -> list[Network]:
        """Return the narrowest listed network of each address that is in any."""
        found = []
        for address in addresses:
            around = [network for network in self.zone.networks if address in network]
            found += sorted(around, key=lambda network: network.prefixlen)[-1:]
        return found


class BindReader(Reader):
    """How BIND reads a zone."""

    def __init__(self, zone: Zone) -> None:
        super().__init__(zone)
        owners = [*zone.exact, *zone.below]
        self.there = {name for owner in owners for name in (owner, *ancestors(owner))}

    def verdicts(self, chain: Chain) -> set[str]:
        actions = filter(None, map(self.of_name, chain.names))
        return {said(next(actions, None) or self.of_addresses(chain.addresses))}

    def of_name(self, name: str) -> str | None:
        """Return the action for a name: its own, or the wildcard's at the closest encloser."""
        closest = next((above for above in ancestors(name) if above in self.there), "")
        return self.zone.exact.get(name) or (
            None if name in self.there else self.zone.below.get(closest)
        )

    def of_addresses(self, addresses: Sequence[Address]) -> str:
        found = self.networks(addresses)
        if not found:
            return PASSED
        return self.zone.networks[min(found, key=_by_length_and_trigger)]


def _by_length_and_trigger(network: Network) -> tuple[int, bytes]:
    return -network.prefixlen, names.from_text(write_trigger(network))


class UnboundReader(Reader):
    """How Unbound reads a zone."""

    def __init__(self, zone: Zone) -> None:
        super().__init__(zone)
        owners = [*zone.exact, *(f"*.{name}" for name in zone.below)]
        self.order = sorted(map(backwards, owners))

    def verdicts(self, chain: Chain) -> set[str]:
        if action := self.of_name(chain.names[0]):
            return {said(action)}
        aliases = filter(None, map(self.of_name, chain.names[1:]))
        return {said(action) for action in (*aliases, self.of_addresses(chain.addresses))}

    def of_name(self, name: str) -> str | None:
        """Return its own action, or the wildcard's below what it shares with the one before it.

        Of the labels in the order of its tree the shorter comes first.
        """
        labels = backwards(name)
        before = self.order[max(0, bisect(self.order, labels) - 1)]
        shared = 0
        while labels[: shared + 1] == before[: shared + 1] and shared < len(labels):
            shared += 1
        encloser = ".".join(label for _, label in reversed(labels[:shared]))
        return self.zone.exact.get(name) or self.zone.below.get(encloser)

    def of_addresses(self, addresses: Sequence[Address]) -> str:
        return next((self.zone.networks[network] for network in self.networks(addresses)), PASSED)


def ancestors(name: str) -> Iterator[str]:
    """Yield the names above a name, the nearest first."""
    while name := name.partition(".")[2]:
        yield name


def backwards(name: str) -> list[tuple[int, str]]:
    return [(len(label), label) for label in reversed(name.split("."))]


def said(action: str) -> str:
    return PASSED if action == PASSTHRU else action


class Answer(NamedTuple):
    """How a server answered: `passed` or how it blocked, and the aliases that it told."""

    verdict: str
    aliases: int


def read(data: bytes, chain: Chain) -> Answer:
    message = dns.message.from_wire(data)
    records = [(rrset.rdtype, str(rdata)) for rrset in message.answer for rdata in rrset]
    aliases = sum(rdatatype == dns.rdatatype.CNAME for rdatatype, _ in records)
    addresses = {text for rdatatype, text in records if rdatatype != dns.rdatatype.CNAME}
    if message.rcode() != dns.rcode.NOERROR:
        return Answer(dns.rcode.to_text(message.rcode()), aliases)
    if not addresses:
        return Answer("NODATA", aliases)
    assert addresses == set(map(str, chain.addresses))
    return Answer(PASSED, aliases)


class Said(NamedTuple):
    """The zone, the chain behind each question, and what every server answered, in that order."""

    zone: Zone
    chains: Sequence[Chain]
    answers: Mapping[str, Sequence[Answer]]


@contextmanager
def running_servers(
    folder: Path, zones: Mapping[str, str], policy: Path
) -> Iterator[Mapping[str, Place]]:
    """Run the servers to compare, and those that they ask; yields where they answer.

    Unbound goes from authority to authority itself: of a forwarder's answer it looks at the
    queried name and the addresses alone.
    """
    with ExitStack() as running:
        authorities = []
        for apex, text in zones.items():
            (folder / apex).mkdir()
            authorities.append(
                (apex, running.enter_context(running_nsd(folder / apex, {apex: text})))
            )
        for name in ("recursive", "unbound"):
            (folder / name).mkdir()
        upstream = running.enter_context(
            running_unbound(folder / "recursive", stubs=authorities, zones=[IN_ORDER])
        )
        dnsguard = running.enter_context(
            running_dnsguard(folder / "dnsguard", policy, "rpz", upstream)
        )
        unbound = running.enter_context(
            running_unbound(
                folder / "unbound",
                stubs=authorities,
                zones=[IN_ORDER, 'module-config: "respip iterator"'],
                clauses=f'rpz:\n    name: "rpz.test"\n    zonefile: "{policy}"\n',
            )
        )
        bind = running.enter_context(running_bind_rpz(folder / "bind", policy, upstream))
        yield {
            "dnsguard": dnsguard,
            "dnsguard, from its cache": dnsguard,
            "Unbound": ("127.0.0.1", unbound),
            "BIND": ("127.0.0.1", bind),
        }


@pytest.fixture(scope="module")
def everything_said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    chosen = Random(SEED)
    print(f"seed {SEED}")
    nodes = generate_nodes(chosen, NODES)
    zone = generate_policy(chosen, nodes, RULES)
    folder = tmp_path_factory.mktemp("chains")
    file = folder / "rpz.zone"
    file.write_text(f"$ORIGIN rpz.test.\n{zone.text()}", "utf-8")
    asked = [(name, version) for name in nodes for version in (4, 6)]
    chains = [follow(nodes, name, version) for name, version in asked]
    queries = [compose(name, "A" if version == 4 else "AAAA") for name, version in asked]
    zones = {apex: write_nodes(nodes, apex) for apex in APEXES}
    with running_servers(folder, zones, file) as places:
        answers = {
            server: [
                read(data, chain) for data, chain in zip(ask(place, queries), chains, strict=True)
            ]
            for server, place in places.items()
        }
    return Said(zone, chains, answers)


READERS: Mapping[str, type[Reader]] = {
    "dnsguard": Reader,
    "dnsguard, from its cache": Reader,
    "Unbound": UnboundReader,
    "BIND": BindReader,
}


@pytest.mark.parametrize("server", READERS)
def test_every_verdict_follows_from_the_reading(everything_said: Said, server: str) -> None:
    reader = READERS[server](everything_said.zone)
    for chain, answer in zip(everything_said.chains, everything_said.answers[server], strict=True):
        assert answer.verdict in reader.verdicts(chain), chain


@pytest.mark.parametrize("server", ["Unbound", "BIND"])
def test_where_the_readings_agree_so_do_the_verdicts(everything_said: Said, server: str) -> None:
    reader, other = Reader(everything_said.zone), READERS[server](everything_said.zone)
    counts = Counter[str]()
    ours, theirs = everything_said.answers["dnsguard"], everything_said.answers[server]
    for chain, our, their in zip(everything_said.chains, ours, theirs, strict=True):
        if reader.verdicts(chain) == other.verdicts(chain):
            assert our.verdict == their.verdict, chain
            counts[our.verdict] += 1
        else:
            counts["read in another way"] += 1
    print(dict(counts))
    assert min(counts[verdict] for verdict in ("passed", "NXDOMAIN", "NODATA")) > 300


def test_dnsguard_replaces_the_whole_answer(everything_said: Said) -> None:
    aliases = dict.fromkeys(READERS, 0)
    for server, answers in everything_said.answers.items():
        for chain, answer in zip(everything_said.chains, answers, strict=True):
            if answer.verdict == PASSED:
                assert answer.aliases == len(chain.names) - 1
            else:
                aliases[server] += answer.aliases
    assert not aliases["dnsguard"]
    assert not aliases["dnsguard, from its cache"]
    assert aliases["Unbound"]
    assert aliases["BIND"]
