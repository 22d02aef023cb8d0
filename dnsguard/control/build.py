"""From a config and its lists to a generation: the buffer that workers serve by."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network

from dnsguard.config import Config, Network, Policy, Upstream, parse_record
from dnsguard.control.counting import Ranges
from dnsguard.control.loading import Lists
from dnsguard.control.rebinding import PRIVATE, allowed_names
from dnsguard.core.generation import (
    Generation,
    ListDocument,
    PolicyDocument,
    SettingsDocument,
    UpstreamDocument,
    ViewDocument,
    compose_generation,
    parse_generation,
)
from dnsguard.core.image import Group, Kind, build_image
from dnsguard.core.networks import NetworkGroup, Prefix, build_networks
from dnsguard.core.policy import STRANGERS, UNREGISTERED
from dnsguard.core.view import REBINDING, Effect, Role, Stage
from dnsguard.lists import bundled
from dnsguard.lists.compiled import Compiled
from dnsguard.lists.formats import parse_line
from dnsguard.lists.rules import Rule

UNREGISTERED_GROUP = "unregistered"
OFF_SWITCHES = "builtin:off-switches"
MAX_PENDING = 4096  # questions in flight in one worker

DEFAULT_CLIENTS = tuple(
    ip_network(text)
    for text in (
        *("127.0.0.0/8", "::1/128"),
        *("169.254.0.0/16", "fe80::/10"),
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        *("fc00::/7", "100.64.0.0/10"),
    )
)


@dataclass
class _Numbering:
    """The lists as they are numbered, and the rules that the config itself holds."""

    lists: list[ListDocument] = field(default_factory=list)
    names: list[Group] = field(default_factory=list)
    networks: list[NetworkGroup] = field(default_factory=list)

    def add(self, name: str, role: Role, rules: Iterable[Rule]) -> int:
        """Add names of the config's own; return their number."""
        number = len(self.lists)
        self.lists.append(_list(name, role))
        by_kind: dict[int, list[bytes]] = {}
        for rule in rules:
            by_kind.setdefault(rule.kind, []).append(rule.name)
        self.names += [Group(number, kind, found) for kind, found in by_kind.items()]
        return number

    def add_networks(self, name: str, role: Role, prefixes: Iterable[Prefix]) -> None:
        """Add networks of dnsguard's own."""
        self.networks.append(NetworkGroup(len(self.lists), prefixes))
        self.lists.append(_list(name, role))

    def add_compiled(self, compiled: Compiled) -> dict[str, list[int]]:
        """Add the lists of an image by its numbers; return those of each."""
        numbers: dict[str, list[int]] = {}
        for name, found in sorted(compiled.lists.items(), key=lambda item: item[1].first):
            assert found.first == len(self.lists)  # noqa: S101 - the image's numbers begin at 0
            parts = found.version["parts"]
            numbers[name] = list(range(found.first, found.first + len(parts)))
            self.lists += [{**_list(name, Role.RULES), **part} for part in parts]
        return numbers


def build_generation(
    config: Config,
    lists: Lists,
    *,
    number: int,
    ranges: Ranges,
    workers: int,
    cookie_secrets: Iterable[bytes] = (),
) -> bytes:
    """Build the buffer of a generation; the image of its lists is beside it.

    Raises ValueError when it cannot be built.
    """
    numbering = _Numbering()
    by_name = numbering.add_compiled(lists.compiled)
    off_switches = _number_fixed(numbering, config)
    own = {name: _number_own(numbering, name, policy) for name, policy in config.policies.items()}
    if config.rebinding.protect:
        _number_rebinding(numbering, config)
    views: list[ViewDocument] = [
        _view(UNREGISTERED_GROUP, ranges, protect=config.rebinding.protect),
        _view(UNREGISTERED_GROUP, ranges, refused=True),
    ]
    assert (UNREGISTERED, STRANGERS) == (0, 1)  # noqa: S101 - the order above
    subnets = []
    for group, settings in config.groups.items():
        subnets += [(*_packed(subnet), len(views)) for subnet in settings.subnets]
        view = _view(group, ranges, protect=config.rebinding.protect)
        view["ceiling"] = settings.max_ttl
        view["strips_ech"] = config.strip_ech
        for name, policy in config.policies.items():
            if group in policy.groups:
                block_lists = [n for item in policy.lists for n in by_name.get(item, ())]
                block_lists += own[name][0]
                view["policies"].append(
                    _policy(
                        name,
                        policy,
                        block_lists,
                        own[name][1],
                        off_switches,
                        group,
                        numbering,
                        ranges,
                    )
                )
        views.append(view)
    upstreams, sets, zones = _upstreams(config, ranges)
    allowed = config.allow_clients or (
        *DEFAULT_CLIENTS,
        *(subnet for group in config.groups.values() for subnet in group.subnets),
    )
    settings_document: SettingsDocument = {
        "number": number,
        "lists": numbering.lists,
        "views": views,
        "subnets": subnets,
        "allowed": [_packed(subnet) for subnet in allowed],
        "sinkhole": (
            config.sinkhole.ipv4.packed.hex(),
            config.sinkhole.ipv6.packed.hex(),
            config.sinkhole.ttl,
        ),
        "local_records": [
            (record.owner.hex(), record.rdatatype, record.ttl, record.rdata.hex())
            for record in map(parse_record, config.local_records)
        ],
        "forward_zones": zones,
        "upstreams": upstreams,
        "upstream_sets": sets,
        "min_ttl": config.cache.min_ttl,
        "max_ttl": config.cache.max_ttl,
        "udp_size": config.edns.udp_size,
        "cookie_secrets": [secret.hex() for secret in cookie_secrets],
        "cache_size": config.cache.size // workers,
        "serve_stale": config.cache.serve_stale,
        "pending_per_client": max(1, config.limits.pending_per_client // workers),
        "pending": MAX_PENDING,
        "tcp_per_client": max(1, config.limits.tcp_per_client // workers),
        "exempt": [_packed(subnet) for subnet in config.limits.exempt],
    }
    image = build_image(numbering.names, seed=secrets.randbits(64))
    return compose_generation(settings_document, image + build_networks(numbering.networks))


def without_policies(config: Config) -> Generation:
    """Return a generation that answers by the config's local data and upstreams alone."""
    neutral = config.model_copy(
        update={
            "groups": {},
            "policies": {},
            "allow_clients": None,
            "rebinding": config.rebinding.model_copy(update={"protect": False}),
        }
    )
    no_lists = Lists((), Compiled(-1, {}))
    buffer = build_generation(neutral, no_lists, number=0, ranges=Ranges(), workers=1)
    return parse_generation(buffer, build_image([], seed=0) + build_networks([]))


def _list(name: str, role: Role) -> ListDocument:
    return {"name": name, "role": role, "effect": Effect.BLOCK, "answer": "", "records": []}


def _number_fixed(numbering: _Numbering, config: Config) -> list[int]:
    """Add the lists that every policy knows; return the numbers of the off-switches."""
    never = [Rule(name, Kind.SUFFIX) for name in config.never_block]
    numbering.add("never_block", Role.NEVER_BLOCK, never)
    zones = [Rule(zone, Kind.SUFFIX) for zone in bundled.dnsbl_zones()]
    numbering.add("builtin:dnsbl-zones", Role.NO_EMBEDDED, zones)
    return [
        numbering.add(
            OFF_SWITCHES,
            role,
            [Rule(s.name, s.kind) for s in bundled.off_switches() if s.rcode == rcode],
        )
        for rcode, role in (
            ("nxdomain", Role.OFF_SWITCH_NXDOMAIN),
            ("nodata", Role.OFF_SWITCH_NODATA),
        )
    ]


def _number_own(numbering: _Numbering, name: str, policy: Policy) -> tuple[list[int], list[int]]:
    """Add a policy's own `block` and `allow`; return their numbers."""
    return (
        [numbering.add(f"{name}.block", Role.RULES, [*map(parse_line, policy.block)])],
        [numbering.add(f"{name}.allow", Role.RULES, [*map(parse_line, policy.allow)])],
    )


def _number_rebinding(numbering: _Numbering, config: Config) -> None:
    numbering.add_networks(REBINDING, Role.PRIVATE_ADDRESS, PRIVATE)
    allowed = allowed_names(config.rebinding.allow, config.forward_zones)
    numbering.add(f"{REBINDING}.allow", Role.REBINDING_ALLOWED, allowed)


def _view(
    group: str, ranges: Ranges, *, refused: bool = False, protect: bool = False
) -> ViewDocument:
    return {
        "group": group,
        "ceiling": None,
        "counter": ranges.base("group", group),
        "refused": refused,
        "strips_ech": False,
        "rebinding": ranges.base("blocked", group, REBINDING, REBINDING) if protect else None,
        "policies": [],
    }


def _policy(
    name: str,
    policy: Policy,
    blocks: list[int],
    allows: list[int],
    off_switches: list[int],
    group: str,
    numbering: _Numbering,
    ranges: Ranges,
) -> PolicyDocument:
    kind = "shadow" if policy.stage == "shadow" else "blocked"
    counted = blocks + (off_switches if policy.off_switches else [])
    return {
        "name": name,
        "stage": Stage[policy.stage.upper()],
        "answer": "sinkhole" if policy.answer == "from-list" else policy.answer,
        "from_list": policy.answer == "from-list",
        "blocks": blocks,
        "allows": allows,
        "off_switches": policy.off_switches,
        "counters": [
            (number, ranges.base(kind, group, name, numbering.lists[number]["name"]))
            for number in counted
        ],
    }


def _upstreams(
    config: Config, ranges: Ranges
) -> tuple[list[UpstreamDocument], list[list[int]], list[tuple[str, int]]]:
    """Return the upstreams, the set for each zone (the root's first), and the zones."""
    numbers: dict[tuple[str, bool], int] = {}
    upstreams: list[UpstreamDocument] = []

    def number(upstream: Upstream) -> int:
        key = (upstream.url, upstream.trusted)
        if key not in numbers:
            numbers[key] = len(upstreams)
            upstreams.append(
                {
                    "url": upstream.url,
                    "address": str(upstream.address),
                    "port": upstream.port,
                    "tcp": upstream.transport == "tcp",
                    "trusted": upstream.trusted,
                    "counter": ranges.base("upstream", upstream.url),
                }
            )
        return numbers[key]

    sets = [[number(upstream) for upstream in config.upstreams]]
    zones = []
    for apex, zone_upstreams in config.forward_zones.items():
        zones.append((apex.hex(), len(sets)))
        sets.append([number(upstream) for upstream in zone_upstreams])
    return upstreams, sets, zones


def _packed(subnet: Network) -> tuple[str, int]:
    return subnet.network_address.packed.hex(), subnet.prefixlen
