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
from dnsguard.core.answer import Answer, compose_ede, compose_error, compose_response
from dnsguard.core.cache import Cache, Entry
from dnsguard.core.local import RESOLVER_ARPA, LocalRecords, special_answer, special_zone
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

MAX_TCP_SIZE = 65_535

_META_TYPES = frozenset(
    {Rdatatype.TKEY, Rdatatype.TSIG, Rdatatype.IXFR, Rdatatype.AXFR}
    | {Rdatatype.MAILB, Rdatatype.MAILA}
)
_REFUSED = Answer(Rcode.REFUSED)
_FORMERR = Answer(Rcode.FORMERR)
_SERVFAIL = Answer(Rcode.SERVFAIL)
_PROHIBITED = compose_ede(Ede.PROHIBITED)
_NOT_AUTHORITATIVE = compose_ede(Ede.NOT_AUTHORITATIVE)


@dataclass(frozen=True)
class Forward:
    """A query that needs an upstream: hand it back with the response or the failure.

    Forwards with equal `key` ask the same question; one exchange serves them all.
    """

    query: Query
    address: bytes
    transport: int
    zone: int
    """The number of the forward zone whose upstreams are to be asked; 0 is the root's."""
    routing: str
    """Which upstreams were asked when; an answer by another routing is not kept."""

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
        self.policy = policy
        self.settings = settings
        self.page = page
        self.cache = Cache(settings.cache_size)
        self.source = int(Source.REFUSED)

    def swap(self, policy: Policy, settings: Settings) -> None:
        """Serve by a new policy from the next query on.

        The cache stays, unless other upstreams are asked from now on.
        """
        self.cache.resize(settings.cache_size)
        if settings.routing != self.settings.routing:
            self.cache.clear()
        self.policy = policy
        self.settings = settings

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
            self._count(Source.REFUSED, query.rcode)
            return compose_error(query)
        if view.refused:
            return self._compose(query, _REFUSED, transport, Source.REFUSED, option=_PROHIBITED)
        if query.qclass != Rdataclass.IN or query.qtype in _META_TYPES:
            return self._compose(query, _REFUSED, transport, Source.REFUSED)
        if query.qtype in (0, Rdatatype.OPT):
            return self._compose(query, _FORMERR, transport, Source.REFUSED)
        entry = self.cache.get(query.key)
        if entry is None or entry.epoch != policy.epoch:
            entry = self._match(query, entry)
        verdict = policy.verdict(view, entry.signature)
        if verdict.shadow is not None:
            self.page[_hit(verdict.shadow, query)] += 1
        if verdict.blocks:
            return self._block(query, verdict, view, transport)
        answer = entry.answer
        if not query.flags & RD and not entry.local:
            # What others asked for is not for a neighbour to find out.
            return self._compose(
                query, _REFUSED, transport, Source.REFUSED, option=_NOT_AUTHORITATIVE
            )
        if answer is not None and now < entry.expires:
            source = Source.LOCAL if entry.local else Source.CACHE
            age = 0 if entry.local else int(now - entry.stored)
            return self._compose(query, answer, transport, source, age=age, ceiling=view.ceiling)
        settings = self.settings
        zone = settings.zones.find(query.qname)
        return Forward(query, address, transport, zone, settings.routing)

    def response(self, forward: Forward, answer: Answer, now: float) -> bytes | None:
        """Take the upstream's answer to a forward; the verdict is that of the policy now."""
        query = forward.query
        entry = self._entry(query)
        current = forward.routing == self.settings.routing
        if entry.answer is not answer and answer.ttl > 0 and current and not entry.local:
            self.cache.store(query.key, entry, answer, now)
        return self._finish(forward, entry, answer, Source.UPSTREAM, b"")

    def failure(
        self,
        forward: Forward,
        ede: int,
        now: float,  # noqa: ARG002 - every entry point is told the time
    ) -> bytes | None:
        """Take notice that no upstream answered; `ede` says why (RFC 8914)."""
        return self._finish(
            forward, self._entry(forward.query), _SERVFAIL, Source.UPSTREAM, compose_ede(ede)
        )

    def _entry(self, query: Query) -> Entry:
        entry = self.cache.get(query.key)
        if entry is None or entry.epoch != self.policy.epoch:
            entry = self._match(query, entry)
        return entry

    def _finish(
        self, forward: Forward, entry: Entry, answer: Answer, source: Source, option: bytes
    ) -> bytes | None:
        query = forward.query
        view = self.policy.view(forward.address)
        verdict = self.policy.verdict(view, entry.signature)
        if verdict.blocks:
            return self._block(query, verdict, view, forward.transport)
        if entry.local and entry.answer is not None:
            answer, source = entry.answer, Source.LOCAL
        return self._compose(
            query, answer, forward.transport, source, ceiling=view.ceiling, option=option
        )

    def _match(self, query: Query, entry: Entry | None) -> Entry:
        """Look a question's name up in lists and local data, anew when the policy changed."""
        policy = self.policy
        qname = query.qname
        apex = special_zone(qname)
        pinned = apex == RESOLVER_ARPA
        signature = PASS if pinned else policy.signature(qname)
        if entry is None:
            entry = Entry(policy.epoch, signature)
            self.cache.add(query.key, entry)
        elif entry.local:
            self.cache.unpin(query.key, entry)
        entry.epoch = policy.epoch
        entry.signature = signature
        answer = None if pinned else self.settings.local.find(qname, query.qtype)
        if answer is None and apex and (pinned or not self.settings.zones.covers(qname, apex)):
            answer = special_answer(qname, query.qtype, apex)
        if answer is not None:
            self.cache.pin(query.key, entry, answer)
        return entry

    def _block(self, query: Query, verdict: Verdict, view: View, transport: int) -> bytes | None:
        self.page[_hit(verdict, query)] += 1
        if verdict.template is None:
            return None
        return self._compose(
            query,
            verdict.template(query),
            transport,
            Source.POLICY,
            ceiling=view.ceiling,
            option=verdict.option,
        )

    def _compose(
        self,
        query: Query,
        answer: Answer,
        transport: int,
        source: int,
        *,
        age: int = 0,
        ceiling: int = 0x7FFFFFFF,
        option: bytes = b"",
    ) -> bytes:
        self._count(source, answer.rcode)
        udp_size = self.settings.udp_size
        limit = min(query.udp_size, udp_size) if transport == Transport.UDP else MAX_TCP_SIZE
        return compose_response(
            query,
            answer,
            size_limit=limit,
            age=age,
            ceiling=ceiling,
            option=option,
            udp_size=udp_size,
        )

    def _count(self, source: int, rcode: int) -> None:
        self.source = source
        self.page[counters.response_index(source, rcode)] += 1


def _hit(verdict: Verdict, query: Query) -> int:
    return verdict.counter + counters.hit_offset(verdict.trigger, query.qtype)
