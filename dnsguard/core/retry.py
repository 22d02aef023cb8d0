"""What to do next for one question: which upstream, which transport, how long to wait.

The shell does what `next` says and hands what comes of it to `result`; the decision to take
an answer, to go on waiting, to try elsewhere or to give up is made here and tested here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from struct import pack

from dnsguard.core.answer import Answer
from dnsguard.core.protocol import CD, RD, Ede, Rcode
from dnsguard.core.response import Response, Status, TtlBounds, parse_response
from dnsguard.core.wire import Query

MAX_ATTEMPTS = 8
MAX_MISMATCHES = 32  # messages that answer something else, until UDP is not trusted any more
MAX_TRIES = 3  # of one upstream over one transport (RFC 9520 section 3.1)
TIMEOUTS = (0.4, 0.8, 1.2, 1.6)  # seconds until the next upstream is asked as well
TCP_TIMEOUT = 1.2
DEADLINE = 5.0  # seconds until a client is told that nobody answered
DEADLINE_ALL_DOWN = 1.5  # the same while no upstream is known to be up


@dataclass(frozen=True, eq=False)
class Attempt:
    """One message to one upstream; `timeout` is when to ask `next`, not when to stop listening."""

    upstream: int
    tcp: bool
    query_id: int
    message: bytes
    question: bytes
    timeout: float


class Step(Enum):
    """What the shell does after a result."""

    DONE = 0
    WAIT = 1
    NEXT = 2


class Retry:
    """One question on its way; not reused.

    `upstreams` are the numbers of those to ask, in order of preference, healthy ones first.
    `random_bytes` is the system's CSPRNG: IDs and letter case come from it (RFC 5452).
    """

    def __init__(
        self,
        query: Query,
        upstreams: list[int],
        random_bytes: Callable[[int], bytes],
        bounds: TtlBounds,
        now: float,
        *,
        tcp_only: frozenset[int] = frozenset(),
        trusted: frozenset[int] = frozenset(),
        all_down: bool = False,
    ) -> None:
        self.answer: Answer | None = None
        self.ede = int(Ede.NO_REACHABLE_AUTHORITY)
        self.deadline = now + (DEADLINE_ALL_DOWN if all_down else DEADLINE)
        self._query = query
        self._upstreams = upstreams
        self._random_bytes = random_bytes
        self._bounds = bounds
        self._tcp_only = tcp_only
        self._trusted = trusted
        self._attempts = 0
        self._turn = 0
        self._mismatches = 0
        self._given_up: set[int] = set()
        self._tries: dict[tuple[int, bool], int] = {}
        self._again: list[tuple[int, bool, bool]] = []

    def next(self) -> Attempt | None:
        """Return the next attempt, None when there is nothing left to try."""
        if self._attempts >= MAX_ATTEMPTS:
            return None
        if self._again:
            upstream, tcp, edns = self._again.pop(0)
            return self._attempt(upstream, tcp=tcp, edns=edns)
        for _ in self._upstreams:
            upstream = self._upstreams[self._turn % len(self._upstreams)]
            self._turn += 1
            tcp = upstream in self._tcp_only
            tries = self._tries.get((upstream, tcp), 0)
            if upstream not in self._given_up and tries < MAX_TRIES:
                return self._attempt(upstream, tcp=tcp, edns=True)
        return None

    def result(self, attempt: Attempt, data: bytes) -> tuple[Step, Response]:
        """Take what an upstream sent for an attempt."""
        response = parse_response(
            data,
            attempt.query_id,
            attempt.question,
            self._bounds,
            trusted=attempt.upstream in self._trusted,
        )
        status = response.status
        if status == Status.ANSWER:
            self.answer = response.answer
            return Step.DONE, response
        if status == Status.MISMATCH and not attempt.tcp:
            self._mismatches += 1
            if self._mismatches < MAX_MISMATCHES:
                return Step.WAIT, response
        if status in _ASK_OVER_TCP and not attempt.tcp:
            self._again.append((attempt.upstream, True, _has_opt(attempt)))
            return Step.NEXT, response
        without_edns = response.rcode in (Rcode.FORMERR, Rcode.NOTIMP) and not response.has_edns
        if status == Status.FAILURE and without_edns and _has_opt(attempt):
            self._again.append((attempt.upstream, attempt.tcp, False))
            return Step.NEXT, response
        self._given_up.add(attempt.upstream)
        return Step.NEXT, response

    def failed(self, attempt: Attempt) -> None:
        """Take notice that an attempt met a network error: its upstream is not asked again."""
        self.ede = int(Ede.NETWORK_ERROR)
        self._given_up.add(attempt.upstream)

    def _attempt(self, upstream: int, *, tcp: bool, edns: bool) -> Attempt:
        self._attempts += 1
        self._tries[upstream, tcp] = self._tries.get((upstream, tcp), 0) + 1
        query = self._query
        noise = self._random_bytes(2 + 32)
        # Nobody forges over TCP, and a server that changes the case is understood there.
        plain = query.qname + query.question[-4:]
        question = plain if tcp else _mix_case(plain, noise[2:])
        query_id = int.from_bytes(noise[:2], "big")
        header = pack("!HHHHHH", query_id, RD | (query.flags & CD), 1, 0, 0, 1 if edns else 0)
        opt = pack("!BHHIH", 0, 41, 1232, 0x8000 if query.wants_dnssec else 0, 0) if edns else b""
        timeout = TCP_TIMEOUT if tcp else TIMEOUTS[min(self._attempts, len(TIMEOUTS)) - 1]
        return Attempt(upstream, tcp, query_id, header + question + opt, question, timeout)


_ASK_OVER_TCP = (Status.TRUNCATED, Status.CASE_MISMATCH, Status.MISMATCH)


def _has_opt(attempt: Attempt) -> bool:
    return attempt.message[11] == 1


def _mix_case(question: bytes, noise: bytes) -> bytes:
    """Give each letter of the question's name a random case (draft-vixie-dnsext-dns0x20)."""
    mixed = bytearray(question)
    bits = int.from_bytes(noise, "big")
    for position in range(len(mixed) - 4):
        byte = mixed[position] | 0x20
        if 0x61 <= byte <= 0x7A:
            mixed[position] = byte ^ (0x20 if bits & 1 else 0)
            bits >>= 1
    return bytes(mixed)
