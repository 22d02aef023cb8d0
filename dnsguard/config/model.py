"""The config file as a frozen model: each class is a section, each attribute a key.

What a single value may be is in `values`, `sources` and `records`; what holds between
sections is in `references`; what is not built yet is in `not_yet`.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from dnsguard.config import values
from dnsguard.config.records import parse_record
from dnsguard.config.settings import (
    Cache,
    Directories,
    Edns,
    Limits,
    Listen,
    QueryLog,
    Rebinding,
    Section,
    Sinkhole,
)
from dnsguard.config.sources import (
    ListReference,
    ListSources,
    PublicKey,
    RuleText,
    Sha256,
    Transport,
    UpstreamURL,
    parse_upstream,
)
from dnsguard.config.values import (
    Domain,
    Duration,
    GroupName,
    Name,
    Percentage,
    PolicyName,
    Size,
    Subnet,
    Text,
)

MIN_REFRESH = 60  # seconds


def _or_url(schema: dict[str, Any]) -> None:
    """Make the schema of an upstream that of its URL or a mapping."""
    mapping = dict(schema)
    schema.clear()
    schema["anyOf"] = [mapping["properties"]["url"], mapping]


class Upstream(Section):
    """A recursive resolver to send queries on to; made from a URL alone or a mapping."""

    model_config = ConfigDict(json_schema_extra=_or_url)

    url: UpstreamURL
    trusted: bool = False
    pins: tuple[Text, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_url(cls, value: object) -> object:
        return {"url": value} if isinstance(value, str) else value

    @property
    def transport(self) -> Transport:
        """How queries are sent."""
        return parse_upstream(self.url).transport

    @property
    def address(self) -> values.Address:
        """Where to."""
        return parse_upstream(self.url).address

    @property
    def port(self) -> int:
        """The port, the transport's own where the URL has none."""
        return parse_upstream(self.url).port

    @property
    def name(self) -> str | None:
        """The name that its certificate must have, where the transport has certificates."""
        return parse_upstream(self.url).name


def _distinct_upstreams(upstreams: tuple[Upstream, ...]) -> tuple[Upstream, ...]:
    values.refuse_repetition(upstream.url for upstream in upstreams)
    return upstreams


Upstreams = Annotated[
    tuple[Upstream, ...],
    AfterValidator(values.not_empty),
    AfterValidator(_distinct_upstreams),
]


class Group(Section):
    """Registered devices, by the subnets they are in; `max_ttl` caps every TTL they see."""

    description: Text = ""
    subnets: tuple[Subnet, ...] = ()
    identities: tuple[Name, ...] = ()
    max_ttl: Duration | None = None


def _not_too_often(seconds: int) -> int:
    if seconds < MIN_REFRESH:
        raise ValueError(f"is too short for those who publish lists: {MIN_REFRESH}s or more")
    return seconds


class ListSource(Section):
    """A list of names, where it comes from and how far it is trusted."""

    source: ListSources
    format: Literal["auto", "domains", "hosts", "adblock", "rpz", "dnsmasq", "unbound", "cidr"] = (
        "auto"
    )
    match: Literal["exact", "suffix"] | None = None
    refresh: Annotated[Duration, AfterValidator(_not_too_often)] = 6 * 3_600
    max_shrink: Percentage = 30
    max_growth: Percentage = 300
    max_size: Size = 256 * 2**20
    public_key: PublicKey | None = None
    sha256: Sha256 | None = None
    keep: Annotated[int, Field(ge=1, le=1_000)] = 10


class Schedule(Section):
    """When a policy is in force."""

    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...]
    hours: Text
    timezone: Text


class Policy(Section):
    """What is blocked for whom, how far it goes and what is answered."""

    groups: Annotated[tuple[str, ...], AfterValidator(values.not_empty)]
    lists: tuple[ListReference, ...] = ()
    block: tuple[RuleText, ...] = ()
    allow: tuple[RuleText, ...] = ()
    stage: Literal["off", "shadow", "enforce"] = "enforce"
    answer: Literal["sinkhole", "nxdomain", "nodata", "refused", "drop", "from-list"] = "sinkhole"
    off_switches: bool = True
    schedule: tuple[Schedule, ...] = ()
    reference: Text = ""
    owner: Text = ""
    starts: date | None = None
    review: date | None = None
    ends: date | None = None


def _record(value: object) -> str:
    parse_record(value)
    return str(value).strip()


LocalRecord = Annotated[str, PlainValidator(_record), WithJsonSchema({"type": "string"})]
Workers = Annotated[
    int | Literal["auto"],
    PlainValidator(values.workers),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}]}),
]


class Config(Section):
    """The whole file; `allow_clients` None is the default set of clients."""

    listen: Listen = Listen()
    allow_clients: tuple[Subnet, ...] | None = None
    upstreams: Upstreams
    forward_zones: dict[Domain, Upstreams] = Field(default_factory=dict)
    local_records: tuple[LocalRecord, ...] = ()
    groups: dict[GroupName, Group] = Field(default_factory=dict)
    lists: dict[Name, ListSource] = Field(default_factory=dict)
    policies: dict[PolicyName, Policy] = Field(default_factory=dict)
    sinkhole: Sinkhole = Sinkhole()
    never_block: tuple[Domain, ...] = ()
    rebinding: Rebinding = Rebinding()
    strip_ech: bool = False
    cache: Cache = Cache()
    edns: Edns = Edns()
    limits: Limits = Limits()
    query_log: QueryLog = QueryLog()
    workers: Workers = "auto"
    directories: Directories = Directories()
    include: tuple[str, ...] = ()

    @field_validator("allow_clients")
    @classmethod
    def _none_is_the_default_set(
        cls, value: tuple[values.Network, ...] | None
    ) -> tuple[values.Network, ...] | None:
        return value or None
