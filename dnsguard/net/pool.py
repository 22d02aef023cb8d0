"""UDP sockets to one upstream, each on a random port, each for some queries.

A forger must guess port, ID and letter case, and the kernel drops what comes from any other
address, since each socket is connected (RFC 5452 section 9). A query gets a fresh port unless
another was opened just before: then the messages of one wake-up share a socket, drawn from
the latest, so that they leave and their responses arrive by the batch.
"""

import asyncio
import errno
import secrets
import socket
from collections.abc import Callable
from time import monotonic

from dnsguard.core import octets
from dnsguard.core.generation import Upstream
from dnsguard.core.randomness import Randomness
from dnsguard.core.route import Attempt
from dnsguard.net import datagrams
from dnsguard.net.precedence import Precedence

FRESH_EVERY = 0.001  # seconds from one fresh port to the next, so that opening them costs little
FRESH_AHEAD = 0.1  # seconds' worth of them that may be opened at once
MAX_LIVE = 32  # sockets to choose from
MAX_SOCKETS = 1024  # with those that only wait for responses
MAX_USES = 1024  # messages from one port
MAX_MISMATCHES = 32  # messages that answer nothing, until a port is not trusted any more
PORT_IDLE_SECONDS = 0.5  # until a port is closed that nothing more is asked from

_MAX_BATCH = 8
_DATAGRAMS = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
_FIRST_PORT = 1024
_BIND_TRIES = 8

_LOST = frozenset({errno.EAGAIN, errno.ENOBUFS})  # as good as lost on the way


class Receiver:
    """What is told how an attempt went; nothing is told once the carrier has let go of it."""

    __slots__ = ()

    def received(self, attempt: Attempt, data: bytes, now: float) -> bool:
        """Take a message; tell whether it answers the attempt, be it with an error."""
        raise NotImplementedError

    def failed(self, attempt: Attempt, error: OSError | None) -> None:
        """Take notice that the attempt cannot succeed any more; without an error it was cut off."""
        raise NotImplementedError

    def distrusted(self, attempt: Attempt) -> None:
        """Take notice that too much comes over UDP that nobody asked for."""
        raise NotImplementedError


class PooledSocket:
    """One socket and the attempts on it by ID.

    An ID stays taken when its attempt is over: what comes then is late, not forged.
    """

    def __init__(self, pool: "Pool", sock: socket.socket, now: float) -> None:
        self._pool = pool
        self._socket = sock
        self._attempts: dict[int, Attempt | None] = {}
        self._messages: list[tuple[bytes, object]] = []
        self._open = 0
        self._mismatches = 0
        self._live = True
        self._used = now

    def has(self, query_id: int) -> bool:
        """Tell whether an ID is taken."""
        return query_id in self._attempts

    def add(self, attempt: Attempt) -> int:
        """Put down an attempt; return how many `flush` is to send, 0 when its ID is taken."""
        if self._attempts.setdefault(attempt.query_id, attempt) is not attempt:
            return 0
        self._messages.append((attempt.message, None))
        attempt.carrier = self
        self._open += 1
        self._used = attempt.sent
        return len(self._messages)

    def is_idle(self, now: float) -> bool:
        """Tell whether nothing is under way and has not been for a while."""
        return not self._open and now - self._used >= PORT_IDLE_SECONDS

    def flush(self) -> None:
        """Send what was put down."""
        messages, self._messages = self._messages, []
        if not messages or self._socket.fileno() < 0:
            return
        for _, error in datagrams.send(self._socket, messages):
            if error.errno not in _LOST:
                self._pool.loop.call_soon(self._fail, error)  # nobody expects it in mid-sending
                return
        if len(self._attempts) >= MAX_USES:
            self.retire()

    def release(self, attempt: Attempt) -> None:
        """Let go of an attempt that is over."""
        attempt.carrier = None
        self._attempts[attempt.query_id] = None
        self._open -= 1
        if not self._open and not self._live:
            self._close()

    def retire(self) -> None:
        """Take no more; close with the last attempt."""
        if self._live:
            self._live = False
            self._pool.forget(self)
            if not self._open:
                self._close()

    def _close(self) -> None:
        if self._socket.fileno() >= 0:
            self._pool.loop.remove_reader(self._socket)
            self._socket.close()
            self._pool.sockets -= 1
            self._pool.precedence.give()

    def readable(self) -> None:
        """Hand on what there is."""
        inbox = self._pool.inbox
        try:
            count = inbox.receive(self._socket)
        except OSError as error:  # the upstream's host refused: ICMP on a connected socket
            self._fail(error)
            return
        now = monotonic()
        for number in range(count):
            self._take(inbox.data(number), now)

    def _take(self, data: bytes, now: float) -> None:
        query_id = octets.get16(data, 0) if len(data) >= 2 else -1
        attempt = self._attempts.get(query_id)
        if attempt is not None and attempt.carrier is self:
            receiver: Receiver = attempt.receiver
            if not receiver.received(attempt, data, now):
                self._mistrust()
        elif query_id not in self._attempts:
            self._pool.mismatched()
            self._mistrust()

    def _mistrust(self) -> None:
        self._mismatches += 1
        if self._mismatches == MAX_MISMATCHES:
            self.retire()
            for attempt in self._under_way():
                if attempt.carrier is self:  # one may end another
                    attempt.receiver.distrusted(attempt)

    def _fail(self, error: OSError) -> None:
        """Fail all attempts: the error is that of the port asked, whichever message met it."""
        self.retire()
        for attempt in self._under_way():
            if attempt.carrier is self:
                attempt.receiver.failed(attempt, error)

    def _under_way(self) -> list[Attempt]:
        return [attempt for attempt in self._attempts.values() if attempt is not None]


class Pool:
    """The sockets to one upstream; `mismatched` is called for a message that answers nothing."""

    def __init__(
        self,
        upstream: Upstream,
        loop: asyncio.AbstractEventLoop,
        inbox: datagrams.Inbox,
        randomness: Randomness,
        mismatched: Callable[[], None],
        precedence: Precedence,
    ) -> None:
        self.loop = loop
        self.inbox = inbox
        self.mismatched = mismatched
        self.precedence = precedence
        self.sockets = 0
        self._upstream = upstream
        self._randomness = randomness
        self._live: list[PooledSocket] = []
        self._current: PooledSocket | None = None
        self._flushing = False
        self._fresh_after = 0.0
        self._closed = False

    def send(self, attempt: Attempt) -> None:
        """Send an attempt, with others if there are any at the time. Raises OSError."""
        count = 0 if self._current is None else self._current.add(attempt)
        if not count:
            self.flush()
            self._current = self._choose(attempt)
            count = self._current.add(attempt)
        if count == _MAX_BATCH:
            self._send_some()
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._flush_soon)

    def flush(self) -> None:
        """Send what was put down."""
        current = self._current
        if current is not None:
            self._send_some()
            self._current = None
            if self._closed:
                current.retire()

    def _send_some(self) -> None:
        """Send what was put down; what else comes at the time leaves from the same port."""
        if self._current is not None:
            self._current.flush()
            self.precedence.give()

    def _flush_soon(self) -> None:
        self._flushing = False
        self.flush()

    def retire_idle(self, now: float) -> None:
        """Close what has not been used for a while."""
        for pooled in list(self._live):
            if pooled.is_idle(now):
                pooled.retire()

    def renew(self) -> None:
        """Send from none of the ports that there are any more."""
        for pooled in list(self._live):
            pooled.retire()

    def close(self) -> None:
        """Keep no socket open but for what is under way."""
        self._closed = True
        self.renew()

    def forget(self, pooled: PooledSocket) -> None:
        """Choose a socket no more."""
        if pooled in self._live:
            self._live.remove(pooled)
        if self._current is pooled:
            self._current = None

    def _choose(self, attempt: Attempt) -> PooledSocket:
        """Return a fresh socket, or one of the latest when it is too early for that."""
        live = self._live
        in_time = attempt.sent + FRESH_AHEAD >= self._fresh_after
        if not live or (in_time and self.sockets < MAX_SOCKETS):
            try:
                return self._open(attempt.sent)
            except OSError:
                if not live:
                    raise
        count = len(live)
        first = self._randomness.draw() % count
        for number in range(count):
            pooled = live[(first + number) % count]
            if not pooled.has(attempt.query_id):
                return pooled
        return self._open(attempt.sent)

    def _open(self, now: float) -> PooledSocket:
        self._fresh_after = max(now, self._fresh_after) + FRESH_EVERY
        self.precedence.give()
        sock = open_socket(self._upstream, self.precedence)
        self.precedence.give()
        pooled = PooledSocket(self, sock, now)
        try:
            self.loop.add_reader(sock, pooled.readable)
        except OSError:
            sock.close()
            raise
        self.sockets += 1
        self.precedence.give()
        if len(self._live) >= MAX_LIVE:
            oldest = self._live[0]
            oldest.retire()
        self._live.append(pooled)
        return pooled


def open_socket(upstream: Upstream, precedence: Precedence) -> socket.socket:
    """Return a socket connected to an upstream, on a port from the system's CSPRNG.

    What is known is answered first before it is connected.
    """
    family = socket.AF_INET6 if ":" in upstream.address else socket.AF_INET
    opened = socket.socket(family, _DATAGRAMS)
    try:
        _bind_to_random_port(opened, family)
        precedence.give()
        opened.connect((upstream.address, upstream.port))
    except OSError:
        opened.close()
        raise
    return opened


def _bind_to_random_port(sock: socket.socket, family: int) -> None:
    anywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"
    for _ in range(_BIND_TRIES):
        port = _FIRST_PORT + secrets.randbelow(65_536 - _FIRST_PORT)
        try:
            sock.bind((anywhere, port))
        except OSError:
            continue
        return
    sock.bind((anywhere, 0))
