"""Generations for tests, from a few words each, by the same bytes that workers are given.

    generation(
        groups={"staff": ["10.20.0.0/16"]},
        lists={"tiktok": ["tiktok.com", "*.tiktok.com.*"]},
        policies={"ban": Ban(lists=["tiktok"], answer="nxdomain")},
    )

The fields of `Setup` are the arguments of `generation`. Without
`policies` one policy, `ban`, enforces every list on every group.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from itertools import count
from typing import ParamSpec
from urllib.parse import urlsplit

from dnsguard.config.records import parse_record
from dnsguard.control.rebinding import PRIVATE, allowed_names
from dnsguard.core import counters, names
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
from dnsguard.core.view import Effect, Role, Stage
from dnsguard.lists.formats import parse_line
from dnsguard.lists.rules import Rule

P = ParamSpec("P")

STAFF = {"staff": ["10.20.0.0/16", "2001:db8:20::/48"]}
TIKTOK = {"tiktok": ["tiktok.com", "*.tiktok.com.*"]}
OFF_SWITCHES = {"=use-application-dns.net": "nxdomain", "=mask.icloud.com": "nodata"}
CITY = ("127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16", "::1/128", "fe80::/10", "2001:db8::/32")
SECRETS = ("e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962")
UPSTREAMS = ("udp://192.0.2.53:53",)

_RANGE = max(counters.GROUP_SIZE, counters.HITS_SIZE, counters.UPSTREAM_SIZE)
_UPSTREAM_COUNTERS = 15_000

_OFF_SWITCH_ROLES = {"nxdomain": Role.OFF_SWITCH_NXDOMAIN, "nodata": Role.OFF_SWITCH_NODATA}


@dataclass(frozen=True)
class Ban:
    """A policy; without `groups` for every group, without `lists` with every list."""

    groups: Sequence[str] | None = None
    lists: Sequence[str] | None = None
    block: Sequence[str] = ()
    allow: Sequence[str] = ()
    stage: Stage = Stage.ENFORCE
    answer: str = "sinkhole"
    off_switches: bool = True


@dataclass(frozen=True)
class Setup:
    """What a generation is made of; list entries are in the syntax of blocklists/README.md.

    In `lists` an entry may be marked by what it does: `@@name` frees, `!!name` is important,
    `@@!!name` is an important exception, and `name nodata` asks for that answer. Behind the
    mark, `.name` is everything below the name, as `*.name` is in an RPZ, and an address or a
    network is a rule for addresses.
    """

    groups: Mapping[str, Sequence[str]] = field(default_factory=lambda: STAFF)
    lists: Mapping[str, Sequence[str]] = field(default_factory=lambda: TIKTOK)
    policies: Mapping[str, Ban] = field(default_factory=lambda: {"ban": Ban()})
    off_switches: Mapping[str, str] = field(default_factory=lambda: OFF_SWITCHES)
    never_block: Sequence[str] = ()
    dnsbl_zones: Sequence[str] = ("multi.surbl.org",)
    max_ttl: Mapping[str, int] = field(default_factory=dict)
    allow_clients: Sequence[str] = CITY
    local_records: Sequence[str] = ()
    upstreams: Sequence[str] = UPSTREAMS
    trusted: Sequence[str] = ()
    forward_zones: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rebinding: bool = False
    rebinding_allow: Sequence[str] = ()
    sinkhole: tuple[str, str, int] = ("0.0.0.0", "::", 30)
    ttl_bounds: tuple[int, int] = (0, 86_400)
    number: int = 1
    udp_size: int = 1232
    cookie_secrets: Sequence[str] = SECRETS
    cache_size: int = 1 << 20
    serve_stale: int = 0
    strip_ech: bool = False
    pending_per_client: int = 1000
    pending: int = 10_000
    tcp_per_client: int = 50
    exempt: Sequence[str] = ()

    def buffers(self) -> tuple[bytes, bytes]:
        """Return the generation and its lists' image as the control plane hands them to workers."""
        lists = _Lists()
        views = self._views(lists)
        document = SettingsDocument(
            number=self.number,
            lists=lists.documents,
            views=views,
            subnets=[
                (*_subnet(subnet), number)
                for number, subnets in enumerate(self.groups.values(), start=2)
                for subnet in subnets
            ],
            allowed=[_subnet(subnet) for subnet in self.allow_clients],
            sinkhole=(_packed(self.sinkhole[0]), _packed(self.sinkhole[1]), self.sinkhole[2]),
            local_records=[
                (record.owner.hex(), record.rdatatype, record.ttl, record.rdata.hex())
                for record in map(parse_record, self.local_records)
            ],
            forward_zones=[
                (names.from_text(apex).hex(), number)
                for number, apex in enumerate(self.forward_zones, start=1)
            ],
            upstreams=self._upstreams(),
            upstream_sets=[
                [self._urls.index(url) for url in chosen]
                for chosen in (self.upstreams, *self.forward_zones.values())
            ],
            min_ttl=self.ttl_bounds[0],
            max_ttl=self.ttl_bounds[1],
            udp_size=self.udp_size,
            cookie_secrets=[*self.cookie_secrets],
            cache_size=self.cache_size,
            serve_stale=self.serve_stale,
            pending_per_client=self.pending_per_client,
            pending=self.pending,
            tcp_per_client=self.tcp_per_client,
            exempt=[_subnet(subnet) for subnet in self.exempt],
        )
        return compose_generation(document, lists.own.built()), lists.compiled.built()

    def generation(self) -> Generation:
        """Return the generation as a worker parses it."""
        return parse_generation(*self.buffers())

    def _views(self, lists: "_Lists") -> list[ViewDocument]:
        """Return the views, and number the lists on the way."""
        named = {name: lists.add_list(name, self.lists[name]) for name in self.lists}
        switches = [
            lists.add(f"off-switches-{answer}", role, _answered(self.off_switches, answer))
            for answer, role in _OFF_SWITCH_ROLES.items()
        ]
        lists.add("never_block", Role.NEVER_BLOCK, self.never_block)
        lists.add("dnsbl", Role.NO_EMBEDDED, self.dnsbl_zones)
        own = {
            name: (
                lists.add(f"{name}:block", Role.RULES, ban.block),
                lists.add(f"{name}:allow", Role.RULES, ban.allow),
            )
            for name, ban in self.policies.items()
        }
        if self.rebinding:
            lists.add_networks("rebinding", Role.PRIVATE_ADDRESS, PRIVATE)
            lists.add_rules(
                "rebinding.allow",
                Role.REBINDING_ALLOWED,
                allowed_names(
                    map(names.from_text, self.rebinding_allow),
                    map(names.from_text, self.forward_zones),
                ),
            )
        free = count(counters.FIRST_FREE, _RANGE)
        views = [
            _view("unregistered", free, protect=self.rebinding),
            _view("strangers", free, refused=True),
        ]
        for group in self.groups:
            view = _view(group, free, ceiling=self.max_ttl.get(group), protect=self.rebinding)
            view["strips_ech"] = self.strip_ech
            for name, ban in self.policies.items():
                if ban.groups is None or group in ban.groups:
                    chosen = named if ban.lists is None else ban.lists
                    blocks = [n for known in chosen for n in named[known]] + [own[name][0]]
                    allows = [own[name][1]]
                    view["policies"].append(_policy(name, ban, blocks, allows, switches, free))
            views.append(view)
        return views

    @property
    def _urls(self) -> list[str]:
        urls = [*self.upstreams, *(url for zone in self.forward_zones.values() for url in zone)]
        return list(dict.fromkeys(urls))

    def _upstreams(self) -> list[UpstreamDocument]:
        free = count(_UPSTREAM_COUNTERS, _RANGE)
        return [_upstream(url, url in self.trusted, free) for url in self._urls]


def _returning_generation(setup: Callable[P, Setup]) -> Callable[P, Generation]:
    return lambda *args, **kwargs: setup(*args, **kwargs).generation()


generation = _returning_generation(Setup)


_MARKS = {
    "@@!!": Effect.ALLOW_IMPORTANT,
    "@@": Effect.ALLOW,
    "!!": Effect.BLOCK_IMPORTANT,
    "": Effect.BLOCK,
}


class _RulesOfLists:
    """Rules by the numbers of their lists, as one buffer has them."""

    def __init__(self) -> None:
        self._names: list[Group] = []
        self._networks: list[NetworkGroup] = []

    def add(self, list_id: int, entry: str) -> None:
        """Add an entry of a list."""
        prefix = _prefix(entry)
        if prefix is not None:
            self.add_networks(list_id, [prefix])
            return
        rule = parse_line(entry.removeprefix("."))
        kind = Kind.BELOW if entry.startswith(".") else rule.kind
        self.add_names(list_id, kind, [rule.name])

    def add_names(self, list_id: int, kind: Kind, listed: Sequence[bytes]) -> None:
        """Add names that match in the same way."""
        self._names.append(Group(list_id, kind, listed))

    def add_networks(self, list_id: int, prefixes: Sequence[Prefix]) -> None:
        """Add networks."""
        self._networks.append(NetworkGroup(list_id, prefixes))

    def built(self) -> bytes:
        """Return the buffer."""
        return build_image(self._names, seed=0x5EED) + build_networks(self._networks)


class _Lists:
    """The lists of a generation by number, and their rules."""

    def __init__(self) -> None:
        self.documents: list[ListDocument] = []
        self.compiled = _RulesOfLists()
        self.own = _RulesOfLists()

    def add(self, name: str, role: Role, entries: Iterable[str]) -> int:
        """Number names of the config's own."""
        return self.add_rules(name, role, map(parse_line, entries))

    def add_rules(self, name: str, role: Role, rules: Iterable[Rule]) -> int:
        """Number names of the config's own, as they are parsed."""
        list_id = self._number(name, role)
        for rule in rules:
            self.own.add_names(list_id, rule.kind, [rule.name])
        return list_id

    def add_networks(self, name: str, role: Role, prefixes: Sequence[Prefix]) -> None:
        """Number networks of dnsguard's own."""
        self.own.add_networks(self._number(name, role), prefixes)

    def add_list(self, name: str, entries: Iterable[str]) -> list[int]:
        """Number a list, each kind of rule of its own."""
        numbers: dict[tuple[Effect, str], int] = {}
        for entry in entries:
            mark = next(mark for mark in _MARKS if entry.startswith(mark))
            text, _, answer = entry.removeprefix(mark).partition(" ")
            kind = (_MARKS[mark], answer)
            if kind not in numbers:
                numbers[kind] = self._number(name, Role.RULES, *kind)
            self.compiled.add(numbers[kind], text)
        return list(numbers.values())

    def _number(
        self, name: str, role: Role, effect: Effect = Effect.BLOCK, answer: str = ""
    ) -> int:
        self.documents.append(
            ListDocument(name=name, role=role, effect=effect, answer=answer, records=[])
        )
        return len(self.documents) - 1


def _prefix(entry: str) -> Prefix | None:
    """Return the address or network that an entry is, None for a name."""
    try:
        network = ip_network(entry)
    except ValueError:
        return None
    return network.network_address.packed, network.prefixlen


def _answered(off_switches: Mapping[str, str], wanted: str) -> list[str]:
    return [entry for entry, answer in off_switches.items() if answer == wanted]


def _view(
    group: str,
    free: Iterator[int],
    *,
    ceiling: int | None = None,
    refused: bool = False,
    protect: bool = False,
) -> ViewDocument:
    return ViewDocument(
        group=group,
        ceiling=ceiling,
        counter=next(free),
        refused=refused,
        strips_ech=False,
        rebinding=next(free) if protect else None,
        policies=[],
    )


def _policy(
    name: str,
    ban: Ban,
    blocks: list[int],
    allows: list[int],
    switches: list[int],
    free: Iterator[int],
) -> PolicyDocument:
    return PolicyDocument(
        name=name,
        stage=ban.stage,
        answer="sinkhole" if ban.answer == "from-list" else ban.answer,
        from_list=ban.answer == "from-list",
        blocks=blocks,
        allows=allows,
        off_switches=ban.off_switches,
        counters=[(list_id, next(free)) for list_id in blocks + switches],
    )


def _packed(address: str) -> str:
    return ip_address(address).packed.hex()


def _subnet(text: str) -> tuple[str, int]:
    network = ip_network(text)
    return network.network_address.packed.hex(), network.prefixlen


def _upstream(url: str, trusted: bool, free: Iterator[int]) -> UpstreamDocument:
    parts = urlsplit(url)
    return UpstreamDocument(
        url=url,
        address=parts.hostname or "",
        port=parts.port or 53,
        tcp=parts.scheme == "tcp",
        trusted=trusted,
        counter=next(free),
    )
