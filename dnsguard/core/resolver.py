"""The decision, start to end: a query gives bytes, a `Forward`, or nothing.

    datagram in -> Query -> view -> entry -> verdict -> datagram out
                                       |
                                       +-> Forward -> response or failure -> bytes

`Resolver.recall` and `resolve` show the order of answers (first that applies): malformed, opcode,
class and client access; resolver.arpa, off-switches, `never_block` and policy, all in the verdict;
local records and special-use names; cache and forward, for those who ask for recursion (RFC 8914
section 4.21). The verdict is on the qname and, once there is an answer, on all that it leads
to, wherever it comes from. Nothing here raises on what the network sends.
"""

from dnsguard.core import counters
from dnsguard.core.answer import Answer
from dnsguard.core.cache import FOREVER, POPULAR, Cache, Entry
from dnsguard.core.cookies import Cookies
from dnsguard.core.denials import Denials
from dnsguard.core.ech import TYPES as ECH_TYPES
from dnsguard.core.ech import without_ech
from dnsguard.core.edns import ede_option, failure_option
from dnsguard.core.forward import Forward, Settings
from dnsguard.core.inspection import inspect, sign
from dnsguard.core.local import RESOLVER_ARPA, asks_parent, special_answer, special_zone
from dnsguard.core.policy import PASS, Policy
from dnsguard.core.protocol import RD, Ede, Rcode, Source
from dnsguard.core.recompose import rewrite
from dnsguard.core.refusals import asks_for_data, refusal
from dnsguard.core.replies import Replies
from dnsguard.core.tunnels import Tunnels
from dnsguard.core.view import Verdict, View
from dnsguard.core.wire import HEADER_SIZE, Query, parse_query

STALE_TTL = 30  # seconds a stale answer may be kept for (RFC 8767 section 4)
STALE_RETRY = 30.0  # seconds until it is asked again what nobody could answer (section 5)
PATIENCE = 1.8  # seconds a client waits before it is given a stale answer (section 5)
FAILURE_TTL = 2.0  # seconds a failure is remembered (RFC 9520 section 3.2)
MAX_REFRESHES = 64  # entries to be refreshed that nobody has taken yet

_RD = RD  # resolver.pxd types what is defined here, not what is imported
_HEADER_SIZE = HEADER_SIZE
_FROM_CACHE = int(Source.CACHE)
_FROM_UPSTREAM = int(Source.UPSTREAM)
_FROM_STALE = int(Source.STALE)
_FROM_POLICY = int(Source.POLICY)
_FROM_LOCAL = int(Source.LOCAL)
_STALE_TTL = STALE_TTL
_STALE_RETRY = STALE_RETRY
_PATIENCE = PATIENCE
_FAILURE_TTL = FAILURE_TTL
_FOREVER = FOREVER
_POPULAR = POPULAR
_NXDOMAIN = int(Rcode.NXDOMAIN)
_OTHER = int(Ede.OTHER)
_NO_REACHABLE_AUTHORITY = int(Ede.NO_REACHABLE_AUTHORITY)
_NETWORK_ERROR = int(Ede.NETWORK_ERROR)
_TUNNEL = counters.GROUP_SIGNALS + counters.SIGNALS.index("tunnel")
_REFUSED = Answer(Rcode.REFUSED)
_SERVFAIL = Answer(Rcode.SERVFAIL)
_PROHIBITED = (_REFUSED, ede_option(Ede.PROHIBITED))
_NOT_AUTHORITATIVE = ede_option(Ede.NOT_AUTHORITATIVE)
_STALE = ede_option(Ede.STALE_ANSWER)
_STALE_NXDOMAIN = ede_option(Ede.STALE_NXDOMAIN_ANSWER)
_CACHED_ERROR = ede_option(Ede.CACHED_ERROR)
_NOT_READY = ede_option(Ede.NOT_READY)


class Resolver:
    """One worker's resolver; `replies` knows where the latest bytes came from.

    `refreshes` are forwards that nobody waits for: whoever takes them out hands the answers to
    `refreshed`.
    """

    def __init__(self, policy: Policy, settings: Settings, page: counters.Page) -> None:
        self.page = page
        self.cache = Cache(settings.cache_size)
        self._denials = Denials(self.cache)
        self._tunnels = Tunnels()
        self.replies = Replies(page, Cookies(settings.cookie_secrets))
        self.refreshes: list[Forward] = []
        self.settings = settings
        self._was_answered = False
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
        self._serve_stale = settings.serve_stale
        self.replies.udp_size = settings.udp_size
        self.replies.cookies.change(settings.cookie_secrets)

    def query(
        self, data: bytes, address: bytes, transport: int, now: float
    ) -> bytes | Forward | None:
        """Take one message from the client with that packed address."""
        outcome = self.recall(data, address, transport, now)
        return self.resolve(outcome, transport, now) if isinstance(outcome, Query) else outcome

    def recall(
        self, data: bytes, address: bytes, transport: int, now: float
    ) -> bytes | Forward | Query | None:
        """Do as `query`, but leave to `resolve` a query of whose question nothing is known."""
        query = parse_query(data, transport)
        if query is None:
            return None
        query.address = address
        policy = self.policy
        view = policy.view(address)
        self.page[view.counter + transport] += 1
        replies = self.replies
        if query.options:
            replies.compose_options(query, now)
        if query.rcode or query.end == _HEADER_SIZE:
            return replies.compose_error(query)
        if view.refused or not asks_for_data(query):
            refused, option = _PROHIBITED if view.refused else refusal(query)
            return replies.refuse(query, refused, transport, now, option)
        entry = self.cache.get(query.key)
        if entry is None or entry.epoch != policy.epoch:
            return query
        return self._decide(query, entry, view, transport, now)

    def resolve(self, query: Query, transport: int, now: float) -> bytes | Forward | None:
        """Go on with a query that `recall` left."""
        view = self.policy.view(query.address)
        return self._decide(query, self._entry(query), view, transport, now)

    def _decide(
        self, query: Query, entry: Entry, view: View, transport: int, now: float
    ) -> bytes | Forward | None:
        replies = self.replies
        # Without RD: what others asked for is not for a neighbour to find out.
        allowed = query.flags & _RD or entry.local
        fresh = allowed and now < entry.expires
        verdict = self.policy.verdict(view, entry.signature if fresh else entry.name_signature)
        if verdict.blocks:
            return self._block(query, verdict, view, transport, now)
        if not allowed:
            return replies.refuse(query, _REFUSED, transport, now, _NOT_AUTHORITATIVE)
        answer = entry.answer
        if answer is None or not fresh:
            return self._answer_or_forward(query, entry, view, transport, now)
        if verdict.shadow is not None:
            replies.count_hit(verdict.shadow, query)
        if entry.local:
            return replies.compose(query, answer, transport, _FROM_LOCAL, 0, view.ceiling, now)
        entry.hits += 1
        if now >= entry.refresh and entry.hits > _POPULAR:
            self._refresh(query, entry, transport, now)
        if view.strips_ech:
            answer = self._without_ech(query, answer)
        age = int(now - entry.stored)
        return replies.compose(query, answer, transport, _FROM_CACHE, age, view.ceiling, now)

    def _answer_or_forward(
        self, query: Query, entry: Entry, view: View, transport: int, now: float
    ) -> bytes | Forward | None:
        """Answer what is not in the cache by what else is known, or else forward it."""
        if now < entry.retry:
            if self._is_stale(entry, now):
                return self._give_stale(query, entry, view, transport, now)
            option = _CACHED_ERROR + failure_option(entry.failure)
            return self._give(
                query, view, entry.name_signature, _SERVFAIL, transport, _FROM_CACHE, 0, now, option
            )
        zone = 0 if self._zones.empty else self._zones.find(query.qname)
        denial = (
            None if query.wants_dnssec else self._denials.find(query.key, self._zones, zone, now)
        )
        if denial is None or denial.answer is None:
            if entry.answer is None and self._tunnels.note(query.key, now):
                self.page[view.counter + _TUNNEL] += 1
            return self._forward(query, entry, transport, zone, now)
        answer = rewrite(denial.answer, denial.key[:-1], query.key[:-1])
        age = int(now - denial.stored)
        return self._give(
            query, view, entry.name_signature, answer, transport, _FROM_CACHE, age, now, b""
        )

    def _forward(
        self, query: Query, entry: Entry, transport: int, zone: int, now: float
    ) -> Forward:
        forward = Forward.__new__(Forward)
        forward.query = query
        forward.transport = transport
        forward.zone = zone
        forward.entry = entry
        forward.routing = self._routing
        forward.received = now
        forward.patience = now + _PATIENCE if self._is_stale(entry, now) else 0.0
        forward.envelope = None
        return forward

    def _refresh(self, query: Query, entry: Entry, transport: int, now: float) -> None:
        """Have an answer that is asked for often asked anew before it expires."""
        entry.refresh = _FOREVER
        if len(self.refreshes) < MAX_REFRESHES:
            zone = self._zones.find(query.qname)
            self.refreshes.append(self._forward(query, entry, transport, zone, now))

    def response(self, forward: Forward, answer: Answer, now: float) -> bytes | None:
        """Take the upstream's answer to a forward; the verdict is that of the policy now."""
        entry = self._keep(forward, answer, now)
        return self._finish(forward, entry, answer, now)

    def refreshed(self, forward: Forward, answer: Answer, now: float) -> None:
        """Take the upstream's answer to a forward that nobody waits for."""
        self._keep(forward, answer, now)

    def _keep(self, forward: Forward, answer: Answer, now: float) -> Entry:
        """Keep an answer if it may be, and what policy says of it."""
        self._was_answered = True
        entry = self._entry_of(forward)
        if entry.local or entry.answer is answer or forward.routing != self._routing:
            return entry
        entry.retry = 0.0
        if answer.ttl > 0:
            if entry.answer is not None and entry.answer.rcode == _NXDOMAIN:
                self._denials.forget(entry.key)
            signature = inspect(self.policy, entry, entry.name_signature, answer)
            self.cache.store(entry, answer, now)
            entry.signature = signature
            if answer.rcode == _NXDOMAIN and not forward.query.wants_dnssec:
                self._denials.keep(entry.key, answer, now)
        return entry

    def failure(self, forward: Forward, ede: int, now: float) -> bytes | None:
        """Take notice that no upstream answered; `ede` says why (RFC 8914)."""
        entry = self._entry_of(forward)
        stale = self._is_stale(entry, now)
        if ede != _OTHER and forward.routing == self._routing:  # else it is ours, not the name's
            entry.retry = now + (_STALE_RETRY if stale else _FAILURE_TTL)
            entry.failure = ede
        if stale:
            view = self.policy.view(forward.query.address)
            return self._give_stale(forward.query, entry, view, forward.transport, now)
        option = failure_option(ede)
        if not self._was_answered and ede in (_NO_REACHABLE_AUTHORITY, _NETWORK_ERROR):
            option += _NOT_READY
        return self._finish(forward, entry, _SERVFAIL, now, option)

    def refuse(self, forward: Forward, now: float) -> bytes | None:
        """Answer a forward for which there is no room.

        Whoever is not verified may take up the room in another's name, so all of these are sent
        to TCP, where nobody can.
        """
        query = forward.query
        if query.verified or self._is_stale(self._entry_of(forward), now):
            return self.failure(forward, _OTHER, now)
        return self.replies.send_to_tcp(query)

    def stale(self, forward: Forward, now: float) -> bytes | None:
        """Answer a forward that has waited until its `patience`; None if it has to wait on."""
        entry = self._entry_of(forward)
        if not self._is_stale(entry, now) or forward.routing != self._routing:
            return None
        return self.failure(forward, _NO_REACHABLE_AUTHORITY, now)

    def _is_stale(self, entry: Entry, now: float) -> bool:
        """Tell whether an entry has an answer to fall back on (RFC 8767)."""
        if entry.answer is None or entry.local or now < entry.expires:
            return False
        return now < entry.expires + self._serve_stale

    def _give_stale(
        self, query: Query, entry: Entry, view: View, transport: int, now: float
    ) -> bytes | None:
        answer = entry.answer
        if answer is None:
            answer = _SERVFAIL
        elif answer.authentic:  # it was, when it was whole
            answer = rewrite(answer, query.key[:-1], query.key[:-1])
        option = _STALE_NXDOMAIN if answer.rcode == _NXDOMAIN else _STALE
        return self._give(
            query, view, entry.signature, answer, transport, _FROM_STALE, 0, now, option
        )

    def _entry(self, query: Query) -> Entry:
        """Return what is known of a question, its signatures those of the policy now."""
        entry = self.cache.get(query.key)
        if entry is None or entry.epoch != self.policy.epoch:
            entry = self._match(query, entry)
        return entry

    def _entry_of(self, forward: Forward) -> Entry:
        entry = forward.entry
        if entry.kept and entry.epoch == self.policy.epoch:
            return entry
        return self._entry(forward.query)

    def _match(self, query: Query, entry: Entry | None) -> Entry:
        """Look a question up in local data and lists, anew when the policy changed."""
        qname = query.qname
        if entry is None:
            entry = Entry(query.key)
            self.cache.add(entry)
        elif entry.local:
            self.cache.unpin(entry)
        apex = special_zone(qname)
        ours = apex == RESOLVER_ARPA
        answer = None if ours else self._local.find(qname, query.qtype)
        if answer is None and apex and (ours or not self._is_forwarded(query, apex)):
            exists = self._local.is_above(qname) or self._zones.is_above(qname)
            answer = special_answer(qname, query.qtype, apex, exists=exists)
        if answer is not None:
            self.cache.pin(entry, answer)
        if ours:
            entry.epoch = self.policy.epoch
            entry.name_signature = entry.signature = PASS
        else:
            sign(self.policy, entry)
        return entry

    def _is_forwarded(self, query: Query, apex: bytes) -> bool:
        """Tell whether a question for a special-use zone goes to an upstream all the same."""
        qname = query.qname
        return self._zones.covers(qname, apex) or asks_parent(qname, query.qtype, apex)

    def _finish(
        self, forward: Forward, entry: Entry, answer: Answer, now: float, option: bytes = b""
    ) -> bytes | None:
        view = self.policy.view(forward.query.address)
        source = _FROM_UPSTREAM
        signature = entry.name_signature
        if entry.local and entry.answer is not None:
            answer = entry.answer
            source = _FROM_LOCAL
        if entry.answer is answer:
            signature = entry.signature
        elif answer.ancount:
            signature = inspect(self.policy, entry, signature, answer)
        return self._give(
            forward.query, view, signature, answer, forward.transport, source, 0, now, option
        )

    def _give(
        self,
        query: Query,
        view: View,
        signature: int,
        answer: Answer,
        transport: int,
        source: int,
        age: int,
        now: float,
        option: bytes,
    ) -> bytes | None:
        """Answer as policy says of an answer by its signature."""
        verdict = self.policy.verdict(view, signature)
        if verdict.blocks:
            return self._block(query, verdict, view, transport, now)
        if verdict.shadow is not None:
            self.replies.count_hit(verdict.shadow, query)
        if view.strips_ech:
            answer = self._without_ech(query, answer)
        ceiling = min(view.ceiling, _STALE_TTL) if source == _FROM_STALE else view.ceiling
        return self.replies.compose(query, answer, transport, source, age, ceiling, now, option)

    def _without_ech(self, query: Query, answer: Answer) -> Answer:
        if query.qtype not in ECH_TYPES or not answer.ancount:
            return answer
        return without_ech(query.key[:-1], answer)

    def _block(
        self, query: Query, verdict: Verdict, view: View, transport: int, now: float
    ) -> bytes | None:
        if verdict.shadow is not None:
            self.replies.count_hit(verdict.shadow, query)
        self.replies.count_hit(verdict, query)
        template = verdict.template
        if template is None:
            return None
        answer = template.answer(query)
        return self.replies.compose(
            query, answer, transport, _FROM_POLICY, 0, view.ceiling, now, verdict.option
        )
