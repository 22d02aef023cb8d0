"""What leaves: an answer as one client gets it, composed by its query and counted.

What the answer is has been decided before, by `resolver`.
"""

from dnsguard.core import counters
from dnsguard.core.amplification import FACTOR, Amplification
from dnsguard.core.answer import MAX_SIZE, MAX_TTL, Answer, compose_error, compose_response
from dnsguard.core.cookies import Cookies
from dnsguard.core.edns import KEEPALIVE_OPTION
from dnsguard.core.protocol import Rdatatype, Source, Transport
from dnsguard.core.view import Verdict
from dnsguard.core.wire import HAS_COOKIE, MIN_UDP_SIZE, WANTS_KEEPALIVE, Query

# A response to ANY over UDP has so many times the octets of its query at most: a larger one is
# of use to nobody but a reflector (RFC 8482).
ANY_FACTOR = 3

_ANY = int(Rdatatype.ANY)  # replies.pxd types what is defined here, not what is imported
_ANY_FACTOR = ANY_FACTOR
_FACTOR = FACTOR
_UDP = int(Transport.UDP)
_FROM_REFUSAL = int(Source.REFUSED)
_HAS_COOKIE = HAS_COOKIE
_WANTS_KEEPALIVE = WANTS_KEEPALIVE
_MAX_SIZE = MAX_SIZE
_MAX_TTL = MAX_TTL
_AMPLIFICATION = counters.limit_index("amplification")
_MIN_UDP_SIZE = MIN_UDP_SIZE


class Replies:
    """Composes and counts for one worker; `source` tells where the latest answer came from."""

    def __init__(self, page: counters.Page, cookies: Cookies) -> None:
        self.amplification = Amplification()
        self.cookies = cookies
        self.source = _FROM_REFUSAL
        self.udp_size = 0
        self._page = page

    def compose_options(self, query: Query, now: float) -> None:
        """Compose the options that every response to a query has, whatever it says."""
        if query.options & _HAS_COOKIE:
            query.response_options = self.cookies.respond(query, query.address, now)
        if query.options & _WANTS_KEEPALIVE:
            query.response_options += KEEPALIVE_OPTION

    def compose_error(self, query: Query) -> bytes:
        """Compose the response to a query that is answered by its `rcode` alone."""
        return self._compose_bare(query, _MIN_UDP_SIZE)

    def refuse(
        self, query: Query, answer: Answer, transport: int, now: float, option: bytes
    ) -> bytes:
        """Compose the response to a query that is answered by an error, and why."""
        return self.compose(query, answer, transport, _FROM_REFUSAL, 0, _MAX_TTL, now, option)

    def send_to_tcp(self, query: Query) -> bytes:
        """Compose the response that says nothing but to ask again over TCP."""
        return self._compose_bare(query, 0)

    def _compose_bare(self, query: Query, limit: int) -> bytes:
        self._count(_FROM_REFUSAL, query.rcode)
        return compose_error(query, self.udp_size, limit)

    def compose(
        self,
        query: Query,
        answer: Answer,
        transport: int,
        source: int,
        age: int,
        ceiling: int,
        now: float,
        option: bytes = b"",
    ) -> bytes:
        """Compose the response to a query; see `answer.compose_response`."""
        self._count(source, answer.rcode)
        limit = _MAX_SIZE
        if transport == _UDP:
            limit = min(query.udp_size, self.udp_size)
            if query.qtype == _ANY:
                limit = min(limit, _ANY_FACTOR * len(query.data))
        if len(answer.body) > query.end and not query.verified:
            return self._compose_claimed(query, answer, limit, age, ceiling, now, option)
        # With no more records than that, the options never make ten times of it.
        return compose_response(query, answer, limit, self.udp_size, age, ceiling, option)

    def _compose_claimed(
        self,
        query: Query,
        answer: Answer,
        limit: int,
        age: int,
        ceiling: int,
        now: float,
        option: bytes,
    ) -> bytes:
        """Compose the response to an address that may be forged, as its network's budget allows."""
        response = compose_response(query, answer, limit, self.udp_size, age, ceiling, option)
        excess = len(response) - _FACTOR * len(query.data)
        if excess <= 0 or self.amplification.draw(query.address, excess, now):
            return response
        self._page[_AMPLIFICATION] += 1
        return compose_response(query, answer, 0, self.udp_size)

    def _count(self, source: int, rcode: int) -> None:
        self.source = source
        self._page[counters.response_index(source, rcode)] += 1

    def count_hit(self, verdict: Verdict, query: Query) -> None:
        """Count that a list decided on a query, or would have."""
        self._page[verdict.counter + counters.hit_offset(verdict.trigger, query.qtype)] += 1
