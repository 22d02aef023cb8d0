"""One generation: everything a worker serves by, in two buffers that it maps read-only.

The rules of the lists are large and change when a list does. The generation's own buffer is
small and changes with the config: a header, the settings as JSON, the rules that the config
itself holds. Rules are an image of names and the networks behind it. `why` and the tests
parse the very same bytes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import TypedDict

from dnsguard.core.answer import MAX_TTL
from dnsguard.core.blocked import TEMPLATES, DataTemplate, Sinkhole, Template
from dnsguard.core.clients import AddressTable
from dnsguard.core.edns import blocked_option
from dnsguard.core.forward import Settings
from dnsguard.core.image import Image
from dnsguard.core.judge import Judge
from dnsguard.core.local import LocalRecords, Record
from dnsguard.core.networks import Networks
from dnsguard.core.policy import Policy
from dnsguard.core.response import TtlBounds
from dnsguard.core.view import Effect, ListInfo, PolicyInView, Role, Stage, View
from dnsguard.core.zones import ForwardZones

MAGIC = b"dnsggen3"
_DAMAGED = "the generation is damaged or from another version: build it again"
_HEADER = Struct("<8sQ")

_Rules = tuple[Image, Networks]

Templates = dict[str, Template | None]
"""Templates by the name of the answer in the config; None sends nothing."""


class ListDocument(TypedDict):
    """The rules of a list that do the same; `records` are (type, TTL, rdata) of its answer."""

    name: str
    role: int
    effect: int
    answer: str
    records: list[tuple[int, int, str]]


class PolicyDocument(TypedDict):
    """A policy within a view; `counters` maps list numbers to counter ranges."""

    name: str
    stage: int
    answer: str
    """The name of a template; with from-list that of lists that ask for none."""
    from_list: bool
    blocks: list[int]
    allows: list[int]
    off_switches: bool
    counters: list[tuple[int, int]]


class ViewDocument(TypedDict):
    """A group; `ceiling` in seconds, None for none; `rebinding` as a counter, None for none."""

    group: str
    ceiling: int | None
    counter: int
    refused: bool
    strips_ech: bool
    rebinding: int | None
    policies: list[PolicyDocument]


class UpstreamDocument(TypedDict):
    """A server to ask; `counter` is the start of its range."""

    url: str
    address: str
    port: int
    tcp: bool
    trusted: bool
    counter: int


class SettingsDocument(TypedDict):
    """The settings of a generation; binary values are hexadecimal."""

    number: int
    lists: list[ListDocument]
    views: list[ViewDocument]
    subnets: list[tuple[str, int, int]]
    allowed: list[tuple[str, int]]
    sinkhole: tuple[str, str, int]
    local_records: list[tuple[str, int, int, str]]
    forward_zones: list[tuple[str, int]]
    upstreams: list[UpstreamDocument]
    upstream_sets: list[list[int]]
    min_ttl: int
    max_ttl: int
    udp_size: int
    cookie_secrets: list[str]
    cache_size: int
    serve_stale: int
    pending_per_client: int
    pending: int
    tcp_per_client: int
    exempt: list[tuple[str, int]]


@dataclass(frozen=True)
class Upstream:
    """A server to ask. `trusted`: its AD bit may be passed on."""

    url: str
    address: str
    port: int
    tcp: bool
    trusted: bool
    counter: int


@dataclass(frozen=True)
class Limits:
    """What one worker lets one client, and all of them, take."""

    pending_per_client: int
    pending: int
    tcp_per_client: int
    exempt: AddressTable


@dataclass(frozen=True)
class Generation:
    """A parsed generation: what the core and the shells of a worker serve by."""

    number: int
    policy: Policy
    settings: Settings
    upstreams: tuple[Upstream, ...]
    upstream_sets: tuple[tuple[int, ...], ...]
    ttl_bounds: TtlBounds
    limits: Limits


def compose_generation(settings: SettingsDocument, rules: bytes) -> bytes:
    """Compose the buffer of a generation; `rules` are the config's own."""
    text = json.dumps(settings, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return _HEADER.pack(MAGIC, len(text)) + text + rules


def parse_generation(buffer: bytes | memoryview, lists: bytes | memoryview) -> Generation:
    """Parse a buffer of `compose_generation` and the rules of its lists; neither is copied.

    Raises ValueError when it is damaged or from another version.
    """
    view = memoryview(buffer)
    if len(view) < _HEADER.size:
        raise ValueError(_DAMAGED)
    magic, size = _HEADER.unpack_from(view)
    if magic != MAGIC or len(view) < _HEADER.size + size:
        raise ValueError(_DAMAGED)
    rules = (_parse_rules(memoryview(lists)), _parse_rules(view[_HEADER.size + size :]))
    try:
        document: SettingsDocument = json.loads(bytes(view[_HEADER.size : _HEADER.size + size]))
        return _build(document, rules)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise ValueError(_DAMAGED) from error


def _parse_rules(view: memoryview) -> _Rules:
    image = Image(view)
    return image, Networks(view[image.end :])


def _build(document: SettingsDocument, rules: Sequence[_Rules]) -> Generation:
    ipv4, ipv6, ttl = document["sinkhole"]
    sinkhole = Sinkhole(bytes.fromhex(ipv4), bytes.fromhex(ipv6), ttl)
    templates: Templates = {"drop": None}
    templates |= {name: make(sinkhole) for name, make in TEMPLATES.items()}
    lists = tuple(_list(entry, templates, sinkhole) for entry in document["lists"])
    off_switches = {
        Role.OFF_SWITCH_NXDOMAIN: templates["nxdomain"],
        Role.OFF_SWITCH_NODATA: templates["nodata"],
    }
    policy = Policy(
        generation=document["number"],
        images=tuple(image for image, _ in rules),
        networks=tuple(networks for _, networks in rules),
        lists=lists,
        views=tuple(_build_view(view, templates) for view in document["views"]),
        subnets=AddressTable(
            (bytes.fromhex(network), length, number)
            for network, length, number in document["subnets"]
        ),
        allowed=_membership(document["allowed"]),
        judge=Judge(lists, off_switches, templates["nodata"]),
    )
    settings = Settings(
        local=LocalRecords(
            Record(bytes.fromhex(owner), rdatatype, ttl, bytes.fromhex(rdata))
            for owner, rdatatype, ttl, rdata in document["local_records"]
        ),
        zones=ForwardZones(
            {bytes.fromhex(apex): number for apex, number in document["forward_zones"]}
        ),
        routing=json.dumps(
            [document[key] for key in ("upstreams", "upstream_sets", "forward_zones")]
        ),
        udp_size=document["udp_size"],
        cookie_secrets=tuple(map(bytes.fromhex, document["cookie_secrets"])),
        cache_size=document["cache_size"],
        serve_stale=document["serve_stale"],
    )
    return Generation(
        number=document["number"],
        policy=policy,
        settings=settings,
        upstreams=tuple(Upstream(**upstream) for upstream in document["upstreams"]),
        upstream_sets=tuple(tuple(numbers) for numbers in document["upstream_sets"]),
        ttl_bounds=TtlBounds(document["min_ttl"], document["max_ttl"]),
        limits=Limits(
            pending_per_client=document["pending_per_client"],
            pending=document["pending"],
            tcp_per_client=document["tcp_per_client"],
            exempt=_membership(document["exempt"]),
        ),
    )


def _list(entry: ListDocument, templates: Templates, sinkhole: Sinkhole) -> ListInfo:
    if entry["answer"] == "data":
        records = [(number, ttl, bytes.fromhex(rdata)) for number, ttl, rdata in entry["records"]]
        template: Template | None = DataTemplate(records, sinkhole)
    else:
        template = templates[entry["answer"] or "sinkhole"]
    return ListInfo(entry["name"], Role(entry["role"]), Effect(entry["effect"]), template)


def _build_view(view: ViewDocument, templates: Templates) -> View:
    ceiling, rebinding = view["ceiling"], view["rebinding"]
    return View(
        group=view["group"],
        policies=tuple(
            PolicyInView(
                name=policy["name"],
                stage=Stage(policy["stage"]),
                template=templates[policy["answer"]],
                option=blocked_option(policy["name"]),
                blocks=frozenset(policy["blocks"]),
                allows=frozenset(policy["allows"]),
                off_switches=policy["off_switches"],
                counters=dict(policy["counters"]),
                from_list=policy["from_list"],
            )
            for policy in view["policies"]
        ),
        ceiling=MAX_TTL if ceiling is None else ceiling,
        counter=view["counter"],
        refused=view["refused"],
        strips_ech=view["strips_ech"],
        rebinding=-1 if rebinding is None else rebinding,
    )


def _membership(subnets: Sequence[tuple[str, int]]) -> AddressTable:
    return AddressTable((bytes.fromhex(network), length, 1) for network, length in subnets)
