"""A resolver that does what a script says, with a line of result for each of its lines."""

from array import array
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from ipaddress import ip_address
from typing import TextIO

from dnsguard.core.answer import compose_response
from dnsguard.core.forward import Forward
from dnsguard.core.generation import parse_generation
from dnsguard.core.protocol import Transport
from dnsguard.core.resolver import Resolver
from dnsguard.core.response import Response, Status, TtlBounds, parse_response
from dnsguard.core.wire import HAS_COOKIE, parse_query
from tests.compiled.setups import SETUPS, WALL

_PAGE = 1 << 15
_FIRST_FLOODING = 0x0A130000  # 10.19.0.0; the staff's addresses come when a table is full
_QUERY = ("id", "flags", "question", "qname", "key", "qtype", "qclass", "rcode")
_EDNS = ("has_edns", "verified", "wants_dnssec", "udp_size", "options", "cookie", "cookie_size")
_FORWARD = ("key", "address", "transport", "zone")
_RESPONSE = ("status", "rcode", "has_edns")
_ANSWER = ("rcode", "body", "ancount", "nscount", "ttl_offsets", "ttl", "authentic")


class Subject:
    """A resolver, its clock, and what it has forwarded."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._page = array("Q", bytes(8 * _PAGE))
        self._pending: list[Forward] = []
        self._generation = parse_generation(*_buffers(0))
        self._resolver = Resolver(self._generation.policy, self._generation.settings, self._page)
        self._resolver.replies.cookies.set_clock(WALL, self._now)

    def run(self, script: Sequence[str]) -> list[str]:
        """Return the results of a script's lines, and last the state that it leaves behind."""
        return [self._do(*line.split()) for line in script] + [self._state()]

    def _do(self, verb: str, *arguments: str) -> str:
        try:
            return _VERBS[verb](self, *arguments)
        except Exception as error:  # noqa: BLE001 - an exception is a result too, and a fault
            return f"{RAISED} {error!r}"

    def _swap(self, number: str) -> str:
        buffers = _buffers(int(number))
        self._generation = parse_generation(*buffers)
        self._resolver.swap(self._generation.policy, self._generation.settings)
        return sha256(b"".join(buffers)).hexdigest()

    def _clock(self, seconds: str) -> str:
        self._now += float(seconds)
        return repr(self._now)

    def _query(self, transport: str, client: str, data: str) -> str:
        address = ip_address(client).packed
        outcome = self._resolver.query(
            bytes.fromhex(data), address, Transport[transport.upper()], self._now
        )
        return self._outcome(outcome)

    def _flood(self, count: str, data: str) -> str:
        """Send a query from so many addresses, to pass the bounds of tables."""
        outcomes = sha256()
        for number in range(int(count)):
            address = (_FIRST_FLOODING + number).to_bytes(4, "big")
            outcome = self._resolver.query(bytes.fromhex(data), address, 0, self._now)
            outcomes.update(self._outcome(outcome).encode())
        return outcomes.hexdigest()

    def _outcome(self, outcome: bytes | Forward | None) -> str:
        if isinstance(outcome, Forward):
            if len(self._pending) < 64:
                self._pending.append(outcome)
            current = outcome.routing == self._resolver.settings.routing
            return f"{_fields(outcome, _FORWARD)} current={current}"
        if outcome is None:
            return "nothing"
        return f"{outcome.hex()} from {int(self._resolver.replies.source)}"

    def _answer(self, number: str, data: str) -> str:
        """Answer a forward, and all that ask the same: header without ID, records, no question."""
        forward = self._take(number)
        if forward is None:
            return "nothing pending"
        rest = bytes.fromhex(data)
        question = forward.query.question
        message = b"\0\0" + rest[:10] + question + rest[10:]
        bounds = self._generation.ttl_bounds
        response = parse_response(message, 0, question, bounds, trusted=forward.zone == 0)
        if response.status != Status.ANSWER or response.answer is None:
            self._pending.append(forward)
            return _response(response)
        waiting = [forward] + [known for known in self._pending if known.key == forward.key]
        self._pending = [known for known in self._pending if known.key != forward.key]
        answers = [
            self._outcome(self._resolver.response(known, response.answer, self._now))
            for known in waiting
        ]
        return " ".join([_response(response), *answers])

    def _fail(self, number: str, ede: str) -> str:
        forward = self._take(number)
        if forward is None:
            return "nothing pending"
        return self._outcome(self._resolver.failure(forward, int(ede), self._now))

    def _refuse(self, number: str) -> str:
        forward = self._take(number)
        if forward is None:
            return "nothing pending"
        return self._outcome(self._resolver.refuse(forward, self._now))

    def _stale(self, number: str) -> str:
        """Ask for what is stale in place of an answer; without any the forward waits on."""
        forward = self._take(number)
        if forward is None:
            return "nothing pending"
        outcome = self._resolver.stale(forward, self._now)
        if outcome is None:
            self._pending.append(forward)
        return self._outcome(outcome)

    def _refresh(self, data: str) -> str:
        """Answer what is to be refreshed: header without ID, records, no question."""
        refreshes, self._resolver.refreshes = self._resolver.refreshes, []
        rest = bytes.fromhex(data)
        results = [f"{len(refreshes)} refreshed"]
        for forward in refreshes:
            message = b"\0\0" + rest[:10] + forward.query.question + rest[10:]
            response = parse_response(
                message, 0, forward.query.question, self._generation.ttl_bounds, trusted=True
            )
            if response.answer is not None:
                self._resolver.refreshed(forward, response.answer, self._now)
            results.append(_response(response))
        return " ".join(results)

    def _take(self, number: str) -> Forward | None:
        return self._pending.pop(int(number) % len(self._pending)) if self._pending else None

    def _parse_query(self, transport: str, data: str) -> str:
        query = parse_query(bytes.fromhex(data), Transport[transport.upper()])
        return "None" if query is None else _fields(query, _QUERY + _EDNS)

    def _parse_response(self, question: str, trusted: str, data: str) -> str:
        return _response(
            parse_response(
                bytes.fromhex(data),
                0,
                bytes.fromhex(question),
                TtlBounds(5, 3600),
                trusted=trusted == "trusted",
            )
        )

    def _compose(
        self,
        transport: str,
        limit: str,
        age: str,
        ceiling: str,
        option: str,
        asked: str,
        data: str,
    ) -> str:
        """Compose for one query what an upstream says; `-` is no option."""
        query = parse_query(bytes.fromhex(asked), Transport[transport.upper()])
        if query is None or query.rcode or not query.question:
            return "no query"
        if query.options & HAS_COOKIE:
            query.response_options = bytes.fromhex("000a0018") + bytes(range(24))
        response = parse_response(bytes.fromhex(data), 0, query.question, TtlBounds(), trusted=True)
        if response.answer is None:
            return "no answer"
        composed = compose_response(
            query,
            response.answer,
            size_limit=int(limit),
            age=int(age),
            ceiling=int(ceiling),
            option=b"" if option == "-" else bytes.fromhex(option),
        )
        return composed.hex()

    def _state(self) -> str:
        counted = {index: value for index, value in enumerate(self._page) if value}
        cache = self._resolver.cache
        return f"counters {counted} cache {len(cache)} entries {cache.bytes} octets"


RAISED = "raised"

_VERBS: dict[str, Callable[..., str]] = {
    "swap": Subject._swap,
    "clock": Subject._clock,
    "query": Subject._query,
    "flood": Subject._flood,
    "answer": Subject._answer,
    "fail": Subject._fail,
    "refuse": Subject._refuse,
    "stale": Subject._stale,
    "refresh": Subject._refresh,
    "parse-query": Subject._parse_query,
    "parse-response": Subject._parse_response,
    "compose": Subject._compose,
}


def _response(response: Response) -> str:
    head = _fields(response, _RESPONSE)
    answer = response.answer
    return head if answer is None else f"{head} {_fields(answer, _ANSWER)}"


@cache
def _buffers(number: int) -> tuple[bytes, bytes]:
    return SETUPS[number].buffers()


def _fields(value: object, names: Sequence[str]) -> str:
    return " ".join(f"{name}={_text(getattr(value, name))}" for name in names)


def _text(value: object) -> str:
    # Flags are bools in one build and C integers in the other; both are what they equal.
    if isinstance(value, bytes):
        return value.hex()
    return str(tuple(value) if isinstance(value, tuple) else int(value))  # type: ignore[call-overload]


def serve(scripts: TextIO, results: TextIO) -> None:
    """Run scripts until there are no more; each ends with an empty line, and so do its results."""
    script: list[str] = []
    for line in scripts:
        if line != "\n":
            script.append(line)
            continue
        results.write("\n".join([*Subject().run(script), "", ""]))
        results.flush()
        script.clear()
