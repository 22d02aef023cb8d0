"""The decision, start to end: a query gives bytes, a `Forward`, or nothing.

    datagram in -> Query -> view -> entry -> verdict -> datagram out
                                       |
                                       +-> Forward -> response or failure -> bytes

`Resolver.query` shows the order of answers (first that applies): malformed, opcode, class and
client access; resolver.arpa, off-switches, `never_block` and policy, all in the verdict; local
records and special-use names; cache and forward, for those who ask for recursion (RFC 8914
section 4.21). Nothing here raises on what the network sends.
"""

from dataclasses import dataclass

from dnsguard.core import counters
from dnsguard.core.answer import (
    MAX_SIZE,
    MAX_TTL,
    Answer,
    compose_ede,
    compose_error,
    compose_response,
)
from dnsguard.core.cache import Cache, Entry
from dnsguard.core.local import (
    RESOLVER_ARPA,
    LocalRecords,
    asks_parent,
    special_answer,
    special_zone,
)
from dnsguard.core.policy import PASS, Policy, Verdict, View
from dnsguard.core.protocol import (
    RD,
    Ede,
    Rcode,
    Rdataclass,
    Rdatatype,
    Source,
    Transport,
)
from dnsguard.core.wire import Query, parse_query
from dnsguard.core.zones import ForwardZones

_META_TYPES = frozenset(
    {Rdatatype.TKEY, Rdatatype.TSIG, Rdatatype.IXFR, Rdatatype.AXFR}
    | {Rdatatype.MAILB, Rdatatype.MAILA}
)
_FIRST_META_TYPE = min(_META_TYPES)
_OPT = int(Rdatatype.OPT)  # resolver.pxd types what is defined here, not what is imported
_IN = int(Rdataclass.IN)
_UDP = int(Transport.UDP)
_RD = RD
_MAX_SIZE = MAX_SIZE
_MAX_TTL = MAX_TTL
_FROM_CACHE = int(Source.CACHE)
_FROM_UPSTREAM = int(Source.UPSTREAM)
_FROM_POLICY = int(Source.POLICY)
_FROM_LOCAL = int(Source.LOCAL)
_FROM_REFUSAL = int(Source.REFUSED)
_REFUSED = Answer(Rcode.REFUSED)
_FORMERR = Answer(Rcode.FORMERR)
_SERVFAIL = Answer(Rcode.SERVFAIL)
_PROHIBITED = compose_ede(Ede.PROHIBITED)
_NOT_AUTHORITATIVE = compose_ede(Ede.NOT_AUTHORITATIVE)


class Forward:
    """A query that needs an upstream: hand it back with the response or the failure.

    Forwards with equal `key` ask the same question; one exchange serves them all. `zone` is
    the number of the forward zone whose upstreams are to be asked; 0 is the root's. `routing`
    tells which upstreams were asked when: an answer by another routing is not kept.
    `received` is the time of the query. `envelope` is the listener's: where the reply goes.
    """

    __slots__ = (
        "address",
        "entry",
        "envelope",
        "query",
        "received",
        "routing",
        "transport",
        "zone",
    )

    query: Query
    entry: Entry
    address: bytes
    transport: int
    zone: int
    routing: str
    received: float
    envelope: object

    @property
    def key(self) -> bytes:
        """Identify the question, DO and CD bits included."""
        return self.query.key


@dataclass(frozen=True)
class Settings:
    """What a resolver needs beside its policy; part of the same generation."""

    local: LocalRecords
    zones: ForwardZones
    routing: str = ""
    """Stands for the upstreams and which zones go where: answers by another one are stale."""
    udp_size: int = 1232
    cache_size: int = 64 << 20


class Resolver:
    """One worker's resolver. `source` tells where the latest bytes came from, for the counters."""

    def __init__(self, policy: Policy, settings: Settings, page: counters.Page) -> None:
        self.page = page
        self.cache = Cache(settings.cache_size)
        self.source = _FROM_REFUSAL
        self.settings = settings
        self.swap(policy, settings)

    def swap(self, policy: Policy, settings: Settings) -> None:
        """Serve by a new policy from the next query on.

        The cache stays, unless other upstreams are asked from now on.
        """
        self.cache.resize(settings.cache_size)
        if settings.routing != self.settings.routing:
            self.cache.clear()
        self.policy = policy
        self.settings = settings
        self._zones = settings.zones
        self._local = settings.local
        self._routing = settings.routing
        self._udp_size = settings.udp_size

    def query(
        self, data: bytes, address: bytes, transport: int, now: float
    ) -> bytes | Forward | None:
        """Take one message from the client with that packed address."""
        query = parse_query(data)
        if query is None:
            return None
        policy = self.policy
        view = policy.view(address)
        self.page[view.counter + transport] += 1
        if query.rcode:
            self._count(_FROM_REFUSAL, query.rcode)
            return compose_error(query, self._udp_size)
        if view.refused:
            return self._refuse(query, _REFUSED, transport, _PROHIBITED)
        qtype = query.qtype
        if query.qclass != _IN or (qtype >= _FIRST_META_TYPE and qtype in _META_TYPES):
            return self._refuse(query, _REFUSED, transport)
        if qtype == 0 or qtype == _OPT:
            return self._refuse(query, _FORMERR, transport)
        entry = self._entry(query)
        verdict = policy.verdict(view, entry.signature)
        if verdict.shadow is not None:
            self._count_hit(verdict.shadow, query)
        if verdict.blocks:
            return self._block(query, verdict, view, transport)
        if not query.flags & _RD and not entry.local:
            # What others asked for is not for a neighbour to find out.
            return self._refuse(query, _REFUSED, transport, _NOT_AUTHORITATIVE)
        answer = entry.answer
        if answer is not None and now < entry.expires:
            if entry.local:
                return self._compose(query, answer, transport, _FROM_LOCAL, 0, view.ceiling)
            age = int(now - entry.stored)
            return self._compose(query, answer, transport, _FROM_CACHE, age, view.ceiling)
        return self._forward(query, entry, address, transport, now)

    def _forward(
        self, query: Query, entry: Entry, address: bytes, transport: int, now: float
    ) -> Forward:
        forward = Forward.__new__(Forward)
        forward.query = query
        forward.address = address
        forward.transport = transport
        forward.zone = 0 if self._zones.empty else self._zones.find(query.qname)
        forward.entry = entry
        forward.routing = self._routing
        forward.received = now
        forward.envelope = None
        return forward

    def response(self, forward: Forward, answer: Answer, now: float) -> bytes | None:
        """Take the upstream's answer to a forward; the verdict is that of the policy now."""
        entry = self._entry_of(forward)
        current = forward.routing == self._routing
        if entry.answer is not answer and answer.ttl > 0 and current and not entry.local:
            self.cache.store(entry, answer, now)
        return self._finish(forward, entry, answer, b"")

    def failure(
        self,
        forward: Forward,
        ede: int,
        now: float,  # noqa: ARG002 - every entry point is told the time
    ) -> bytes | None:
        """Take notice that no upstream answered; `ede` says why (RFC 8914)."""
        return self._finish(forward, self._entry_of(forward), _SERVFAIL, compose_ede(ede))

    def _entry(self, query: Query) -> Entry:
        """Return what is known of a question, its signature that of the policy now."""
        entry = self.cache.get(query.key)
        if entry is None or entry.epoch != self.policy.epoch:
            entry = self._match(query, entry)
        return entry

    def _entry_of(self, forward: Forward) -> Entry:
        entry = forward.entry
        if entry.kept and entry.epoch == self.policy.epoch:
            return entry
        return self._entry(forward.query)

    def _finish(
        self, forward: Forward, entry: Entry, answer: Answer, option: bytes
    ) -> bytes | None:
        query = forward.query
        transport = forward.transport
        view = self.policy.view(forward.address)
        verdict = self.policy.verdict(view, entry.signature)
        if verdict.blocks:
            return self._block(query, verdict, view, transport)
        source = _FROM_UPSTREAM
        if entry.local and entry.answer is not None:
            answer = entry.answer
            source = _FROM_LOCAL
        return self._compose(query, answer, transport, source, 0, view.ceiling, option)

    def _match(self, query: Query, entry: Entry | None) -> Entry:
        """Look a question's name up in lists and local data, anew when the policy changed."""
        policy = self.policy
        qname = query.qname
        apex = special_zone(qname)
        pinned = apex == RESOLVER_ARPA
        signature = PASS if pinned else policy.signature(qname)
        if entry is None:
            entry = Entry(query.key, policy.epoch, signature)
            self.cache.add(entry)
        elif entry.local:
            self.cache.unpin(entry)
        entry.epoch = policy.epoch
        entry.signature = signature
        answer = None if pinned else self._local.find(qname, query.qtype)
        if answer is None and apex and (pinned or not self._is_forwarded(query, apex)):
            exists = self._local.is_above(qname) or self._zones.is_above(qname)
            answer = special_answer(qname, query.qtype, apex, exists=exists)
        if answer is not None:
            self.cache.pin(entry, answer)
        return entry

    def _is_forwarded(self, query: Query, apex: bytes) -> bool:
        """Tell whether a question for a special-use zone goes to an upstream all the same."""
        qname = query.qname
        return self._zones.covers(qname, apex) or asks_parent(qname, query.qtype, apex)

    def _block(self, query: Query, verdict: Verdict, view: View, transport: int) -> bytes | None:
        self._count_hit(verdict, query)
        template = verdict.template
        if template is None:
            return None
        answer = template.answer(query)
        return self._compose(
            query, answer, transport, _FROM_POLICY, 0, view.ceiling, verdict.option
        )

    def _refuse(self, query: Query, answer: Answer, transport: int, option: bytes = b"") -> bytes:
        return self._compose(query, answer, transport, _FROM_REFUSAL, 0, _MAX_TTL, option)

    def _compose(
        self,
        query: Query,
        answer: Answer,
        transport: int,
        source: int,
        age: int,
        ceiling: int,
        option: bytes = b"",
    ) -> bytes:
        self._count(source, answer.rcode)
        limit = min(query.udp_size, self._udp_size) if transport == _UDP else _MAX_SIZE
        return compose_response(query, answer, limit, self._udp_size, age, ceiling, option)

    def _count(self, source: int, rcode: int) -> None:
        self.source = source
        self.page[counters.response_index(source, rcode)] += 1

    def _count_hit(self, verdict: Verdict, query: Query) -> None:
        self.page[verdict.counter + counters.hit_offset(verdict.trigger, query.qtype)] += 1
