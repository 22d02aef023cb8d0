"""Warnings: what is valid, and probably not what the admin means."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from dnsguard.config import not_yet, values
from dnsguard.config.document import Document, Source
from dnsguard.config.load import read_documents
from dnsguard.config.model import Config, Upstream
from dnsguard.config.problem import KeyPath, Problem, show_path
from dnsguard.config.values import Endpoint
from dnsguard.core import names
from dnsguard.lists import public_suffixes
from dnsguard.lists.formats import parse_line

Finding = tuple[KeyPath, str]


def lint(config: Config, sources: Sequence[Source]) -> list[Problem]:
    """Return the warnings for a config and the sources it was parsed from."""
    document = read_documents(sources)
    warnings: list[Problem] = []
    for path, message in _find(config, document):
        place = document.place(path)
        warnings.append(Problem(show_path(document.known(path)), message, place.file, place.line))
    rank = {source.path: number for number, source in enumerate(sources)}
    return sorted(warnings, key=lambda warning: (rank[warning.file], warning.line, warning.path))


def _find(config: Config, document: Document) -> Iterator[Finding]:
    yield from _one_family(config)
    yield from _unused(config)
    yield from _not_allowed(config)
    yield from _loops(config, document)
    yield from _unprotected(config)
    yield from _broad(config)
    for section in sorted(not_yet.INACTIVE & config.model_fields_set):
        yield (section,), "does nothing in this version: remove it"


def _one_family(config: Config) -> Iterator[Finding]:
    for name, group in config.groups.items():
        families = {subnet.version for subnet in group.subnets}
        if len(families) == 1:
            has, lacks = ("IPv4", "IPv6") if families == {4} else ("IPv6", "IPv4")
            message = f"{name} has {has} subnets only: its devices are unregistered over {lacks}"
            yield ("groups", name, "subnets"), message


def _unused(config: Config) -> Iterator[Finding]:
    policies = config.policies.values()
    for name in config.groups.keys() - {group for policy in policies for group in policy.groups}:
        yield ("groups", name), f"no policy names the group {name}: nothing is blocked for it"
    for name in config.lists.keys() - {used for policy in policies for used in policy.lists}:
        yield ("lists", name), f"no policy names the list {name}: it blocks nothing"
    for name, policy in config.policies.items():
        if policy.stage == "off":
            yield ("policies", name, "stage"), f"{name} is off: it neither blocks nor counts"


def _not_allowed(config: Config) -> Iterator[Finding]:
    if config.allow_clients is None:
        return
    allowed = _joined(config.allow_clients)
    lengths = {network.prefixlen for network in allowed}
    for name, group in config.groups.items():
        for index, subnet in enumerate(group.subnets):
            shorter = (length for length in lengths if length <= subnet.prefixlen)
            if not any(subnet.supernet(new_prefix=length) in allowed for length in shorter):
                message = f"{subnet} is not within 'allow_clients': its devices are refused"
                yield ("groups", name, "subnets", index), message


def _unprotected(config: Config) -> Iterator[Finding]:
    for name, found in config.lists.items():
        plain = any(source.lower().startswith("http://") for source in found.source)
        if plain and found.public_key is None and found.sha256 is None:
            message = "whoever is on the way can change it: use https:// or a 'public_key'"
            yield ("lists", name, "source"), message


def _broad(config: Config) -> Iterator[Finding]:
    for name, policy in config.policies.items():
        for index, text in enumerate(policy.block):
            rule = parse_line(text)
            if len(names.label_offsets(rule.name)) == 1 or rule.name in public_suffixes.icann():
                message = f"{text} is a suffix that registries sell names below: all are blocked"
                yield ("policies", name, "block", index), message


def _joined(networks: Sequence[values.Network]) -> set[values.Network]:
    """Return the networks with neighbours joined."""
    four = [network for network in networks if isinstance(network, IPv4Network)]
    six = [network for network in networks if isinstance(network, IPv6Network)]
    return {*collapse_addresses(four), *collapse_addresses(six)}


def _loops(config: Config, document: Document) -> Iterator[Finding]:
    pools: list[tuple[KeyPath, tuple[Upstream, ...]]] = [(("upstreams",), config.upstreams)]
    zones = document.data.get("forward_zones")
    for written in zones if isinstance(zones, dict) else ():
        pools.append((("forward_zones", written), config.forward_zones[values.domain(written)]))
    for path, upstreams in pools:
        for index, upstream in enumerate(upstreams):
            if any(_reaches(upstream, listener) for listener in config.listen.dns):
                message = f"{upstream.url} is dnsguard itself: queries would go round in circles"
                yield (*path, index), message


def _reaches(upstream: Upstream, listener: Endpoint) -> bool:
    if upstream.port != listener.port or upstream.address.version != listener.address.version:
        return False
    everywhere = listener.address.is_unspecified and upstream.address.is_loopback
    return everywhere or upstream.address == listener.address
