"""What the resolver hands out when an upstream must be asked, and by which settings it does."""

from dataclasses import dataclass, field

from dnsguard.core.cache import Entry
from dnsguard.core.local import LocalRecords
from dnsguard.core.wire import Query
from dnsguard.core.zones import ForwardZones


class Forward:
    """A query that needs an upstream: hand it back with the response or the failure.

    Forwards with equal `key` ask the same question; one exchange serves them all. `zone` is
    the number of the forward zone whose upstreams are to be asked; 0 is the root's. `routing`
    tells which upstreams were asked when: an answer by another routing is not kept.
    `received` is the time of the query; at `patience`, if it is not 0, ask for `Resolver.stale`
    should there be no answer yet. `envelope` is the listener's: where the reply goes.
    """

    __slots__ = (
        "entry",
        "envelope",
        "patience",
        "query",
        "received",
        "routing",
        "transport",
        "zone",
    )

    query: Query
    entry: Entry
    transport: int
    zone: int
    routing: str
    received: float
    patience: float
    envelope: object

    @property
    def key(self) -> bytes:
        """Identify the question, DO and CD bits included."""
        return self.query.key

    @property
    def address(self) -> bytes:
        """Return who asked."""
        return self.query.address


@dataclass(frozen=True)
class Settings:
    """What a resolver needs beside its policy; part of the same generation."""

    local: LocalRecords
    zones: ForwardZones
    routing: str = ""
    """Stands for the upstreams and which zones go where: answers by another one are stale."""
    udp_size: int = 1232
    cookie_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """What server cookies are made with, the current one first; see `cookies`."""
    cache_size: int = 64 << 20
    serve_stale: float = 0.0
    """Seconds that an expired answer may be given for when no upstream answers."""
