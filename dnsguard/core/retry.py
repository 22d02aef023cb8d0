"""What to do next for one question: which upstream, which transport, how long to wait.

The shell does what `next` says and hands what comes of it to `result`; the decision to take
an answer, to go on waiting, to try elsewhere or to give up is made here and tested here.
"""

from enum import IntEnum

from dnsguard.core import octets
from dnsguard.core.answer import Answer
from dnsguard.core.protocol import AD, CD, RD, Ede, Rcode
from dnsguard.core.randomness import Randomness
from dnsguard.core.response import NO_EDE, Response, Status, parse_response
from dnsguard.core.route import Attempt, Route
from dnsguard.core.wire import Query

MAX_ATTEMPTS = 8
MAX_TRIES = 3  # of one upstream over one transport (RFC 9520 section 3.1)
TIMEOUTS = (0.4, 0.8, 1.2)  # seconds until the next is asked as well, by how often one was
TCP_TIMEOUT = 0.9
DEADLINE = 5.0  # seconds until a client is told that nobody answered
DEADLINE_ALL_SILENT = 1.9  # the same if no upstream has sent anything at all since


class Step(IntEnum):
    """What the shell does after a result."""

    DONE = 0
    WAIT = 1
    NEXT = 2
    DOUBT = 3
    """NEXT, while whoever was asked may still send something better."""


_DONE = int(Step.DONE)  # retry.pxd types what is defined here, not what is imported
_WAIT = int(Step.WAIT)
_NEXT = int(Step.NEXT)
_DOUBT = int(Step.DOUBT)
_ANSWER = int(Status.ANSWER)
_FAILURE = int(Status.FAILURE)
_BARE = int(Status.BARE)
_FORMERR = int(Rcode.FORMERR)
_NOTIMP = int(Rcode.NOTIMP)
_NO_REACHABLE_AUTHORITY = int(Ede.NO_REACHABLE_AUTHORITY)
_NETWORK_ERROR = int(Ede.NETWORK_ERROR)
_NO_EDE = NO_EDE
_RD = RD
_AD = AD
_CD = CD
_MAX_ATTEMPTS = MAX_ATTEMPTS
_MAX_TRIES = MAX_TRIES
_HEADER_SIZE = 12
_OPT_SIZE = 11
_OPT = 41
_UDP_SIZE = 1232
_DO = 0x8000


class Retry:
    """One question on its way along a `route`; not reused. `start` makes one.

    `response` is what `result` judged last, `latest` the attempt made last, from which
    `Attempt.earlier` leads to those before. `resume` is when `next` may have something again
    although it has nothing now, 0 where that is never. `ede` says why there is no answer: what
    an upstream said of it, or else what we saw of the upstreams. An answer in other letter case
    than the query's is taken where TCP, which would tell, cannot be had and nothing better comes
    in time. `deadline` is when to give up, `deadline_all_silent` when to do so if since it
    `began` no upstream has responded to anything.
    """

    __slots__ = (
        "_again",
        "_attempts",
        "_bare",
        "_doubtful",
        "_query",
        "_randomness",
        "_told",
        "_turn",
        "answer",
        "began",
        "deadline",
        "deadline_all_silent",
        "ede",
        "latest",
        "response",
        "resume",
        "route",
    )

    def begin(self, query: Query, route: Route, randomness: Randomness, now: float) -> None:
        """Set out; `next` is the first thing to do."""
        self.answer: Answer | None = None
        self.response: Response | None = None
        self.latest: Attempt | None = None
        self.ede = _NO_REACHABLE_AUTHORITY
        self.began = now
        self.deadline = now + DEADLINE
        self.deadline_all_silent = now + DEADLINE_ALL_SILENT
        self.resume = 0.0
        self._query = query
        self.route = route
        self._randomness = randomness
        self._attempts = 0
        self._doubtful: Answer | None = None
        self._bare = False
        self._told = False
        self._turn = 0
        self._again: list[tuple[int, bool, bool]] | None = None

    def next(self, now: float) -> Attempt | None:
        """Return the next attempt, None when there is an answer or nothing to try now."""
        self.resume = 0.0
        if self._doubtful is not None and self._is_alone():
            self.resume = self._listens_until(now)
            if not self.resume:
                self.answer = self._doubtful
            return None
        if self._attempts >= _MAX_ATTEMPTS:
            self.resume = self._listens_until(now)
            return None
        if self._again:
            upstream, tcp, edns = self._again.pop(0)
            return self._attempt(upstream, tcp=tcp, edns=edns)
        upstreams = self.route.upstreams
        count = len(upstreams)
        for _ in range(count):
            upstream = upstreams[self._turn % count]
            self._turn += 1
            tcp = upstream in self.route.tcp_only
            if self._may_ask(upstream, tcp=tcp):
                when = self._when(upstream)
                if when <= now:
                    return self._attempt(upstream, tcp=tcp, edns=True)
                if not self.resume or when < self.resume:
                    self.resume = when
        if not self.resume:
            self.resume = self._listens_until(now)
        return None

    def result(self, attempt: Attempt, data: bytes) -> int:
        """Take what an upstream sent for an attempt; return the `Step` to do."""
        response = parse_response(
            data,
            attempt.query_id,
            attempt.question,
            self.route.bounds,
            trusted=attempt.trusted,
        )
        self.response = response
        status = response.status
        if status == _ANSWER:
            self.answer = response.answer
            return _DONE
        if not attempt.tcp and status != _FAILURE:
            if self._doubtful is None:
                self._doubtful = response.answer
            if status == _BARE and response.rcode in (_FORMERR, _NOTIMP):
                self._bare = True
            if attempt.doubted:
                return _WAIT
            self._doubt(attempt)
            return _DOUBT
        self._doubtful = None
        if response.ede != _NO_EDE:
            self.ede = response.ede
            self._told = True
        without_edns = response.rcode in (_FORMERR, _NOTIMP) and not response.has_edns
        if status in (_FAILURE, _BARE) and without_edns and attempt.edns:
            self._ask_again(attempt.upstream, tcp=attempt.tcp, edns=False)
        else:
            attempt.given_up = True
        return _NEXT

    def distrust(self, attempt: Attempt) -> None:
        """Ask the upstream of an attempt over TCP next: what comes over UDP is of no use."""
        self._doubtful = None
        if not attempt.doubted:
            self._doubt(attempt)

    def failed(self, attempt: Attempt, *, by_us: bool = False) -> None:
        """Take notice that an attempt met a network error; `by_us`, that we ran out of something.

        Over UDP it is as good as lost, for an upstream that restarts or a link that comes back
        is worth another try: at once elsewhere, there when it would have timed out. That of one
        known to be down is the end of it, and so is one over TCP. What we ran out of does not
        say that there is no TCP, so then nothing is believed that TCP should have told.
        """
        if by_us:
            self._doubtful = None
        if not self._told:
            self.ede = _NETWORK_ERROR
        attempt.failed = True
        if attempt.tcp and self._bare:
            self._bare = False
            self._ask_again(attempt.upstream, tcp=False, edns=False)
        attempt.given_up = attempt.tcp or self.route.all_down

    def give_up(self, attempt: Attempt) -> None:
        """Ask the upstream of an attempt no more."""
        attempt.given_up = True

    def _doubt(self, attempt: Attempt) -> None:
        attempt.doubted = True
        self._ask_again(attempt.upstream, tcp=True, edns=attempt.edns)

    def _ask_again(self, upstream: int, *, tcp: bool, edns: bool) -> None:
        if self._again is None:
            self._again = []
        self._again.append((upstream, tcp, edns))

    def _is_alone(self) -> bool:
        """Tell whether TCP was the last thing tried and no other upstream is left to ask."""
        if self.latest is None or not self.latest.tcp:
            return False
        asked = set()
        attempt: Attempt | None = self.latest
        while attempt is not None:
            asked.add(attempt.upstream)
            attempt = attempt.earlier
        return asked.issuperset(self.route.upstreams)

    def _may_ask(self, upstream: int, *, tcp: bool) -> bool:
        tries = 0
        attempt = self.latest
        while attempt is not None:
            if attempt.upstream == upstream:
                if attempt.given_up:
                    return False
                tries += attempt.tcp == tcp
            attempt = attempt.earlier
        return tries < _MAX_TRIES

    def _tries(self, upstream: int) -> int:
        """Return how often an upstream was asked."""
        tries = 0
        attempt = self.latest
        while attempt is not None:
            tries += attempt.upstream == upstream
            attempt = attempt.earlier
        return tries

    def _when(self, upstream: int) -> float:
        """Return when an upstream may be asked: later where it just was, or was out of reach."""
        attempt = self.latest
        while attempt is not None:
            if attempt.upstream == upstream:
                waits = attempt.failed or attempt.carrier is not None
                return attempt.sent + attempt.timeout if waits else 0.0
            attempt = attempt.earlier
        return 0.0

    def _listens_until(self, now: float) -> float:
        """Return how long something better may come than what was doubted, 0 when that is over."""
        until = 0.0
        attempt = self.latest
        while attempt is not None:
            if attempt.doubted and attempt.carrier is not None:
                until = max(until, attempt.sent + attempt.timeout)
            attempt = attempt.earlier
        return until if until > now else 0.0

    def _attempt(self, upstream: int, *, tcp: bool, edns: bool) -> Attempt:
        attempt = Attempt.__new__(Attempt)
        attempt.upstream = upstream
        attempt.tcp = tcp
        attempt.trusted = upstream in self.route.trusted
        attempt.edns = edns
        attempt.reported = attempt.doubted = attempt.failed = attempt.given_up = False
        attempt.sent = attempt.patience = 0.0
        attempt.receiver = attempt.carrier = None
        attempt.earlier = self.latest
        self._compose(attempt)
        if tcp:
            attempt.timeout = TCP_TIMEOUT
        else:
            attempt.timeout = TIMEOUTS[min(self._tries(upstream), len(TIMEOUTS) - 1)]
            if (
                self._attempts == 0
                and len(self.route.upstreams) > 1
                and self.route.patience < attempt.timeout
            ):
                attempt.patience = self.route.patience
        self.latest = attempt
        self._attempts += 1
        return attempt

    def _compose(self, attempt: Attempt) -> None:
        """Compose the message of an attempt, with an ID and letter case of its own."""
        query = self._query
        key = query.key
        name = len(key) - 5
        end = _HEADER_SIZE + name + 4
        composed = octets.blank(end + _OPT_SIZE if attempt.edns else end)
        message = composed
        bits = self._randomness.draw()
        attempt.query_id = bits & 0xFFFF
        octets.put16(message, 0, bits & 0xFFFF)
        # AD asks for AD (RFC 6840 section 5.7); whoever has the answer from the cache may want it.
        octets.put16(message, 2, _RD | (query.flags & _CD) | (_AD if attempt.trusted else 0))
        octets.put16(message, 4, 1)
        octets.put16(message, 6, 0)
        octets.put16(message, 8, 0)
        octets.put16(message, 10, 1 if attempt.edns else 0)
        octets.copy(message, _HEADER_SIZE, key, 0, name + 4)
        # Nobody forges over TCP, and a server that changes the case is understood there.
        if not attempt.tcp:
            self._mix_case(composed, name, bits >> 16)
        if attempt.edns:
            message[end] = 0
            octets.put16(message, end + 1, _OPT)
            octets.put16(message, end + 3, _UDP_SIZE)
            octets.put16(message, end + 5, 0)
            octets.put16(message, end + 7, _DO if query.wants_dnssec else 0)
            octets.put16(message, end + 9, 0)
        attempt.message = octets.whole(composed)
        attempt.question = octets.cut(attempt.message, _HEADER_SIZE, end)

    def _mix_case(self, composed: bytearray, size: int, bits: int) -> None:
        """Give each letter of a name a random case (draft-vixie-dnsext-dns0x20); 48 bits come."""
        message = composed
        left = 48
        for position in range(_HEADER_SIZE, _HEADER_SIZE + size):
            octet = message[position]
            if 0x61 <= octet <= 0x7A:
                message[position] = octet ^ ((bits & 1) << 5)
                bits >>= 1
                left -= 1
                if left == 0:
                    bits = self._randomness.draw()
                    left = 64


def start(query: Query, route: Route, randomness: Randomness, now: float) -> Retry:
    """Return a question on its way to the upstreams of a route."""
    retry = Retry.__new__(Retry)
    retry.begin(query, route, randomness, now)
    return retry
