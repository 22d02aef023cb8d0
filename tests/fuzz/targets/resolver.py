"""The whole step from query to reply: a script of what clients and upstreams do, and of time.

Each step begins with an octet that says what happens. Of every reply is required what is true
of all (`tests/support/invariants.py`), and that no client of a policy is led where a plain
reading of the design (`tests/support/reference.py`) says that it is not to go.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address, ip_address, ip_network
from random import Random

import dns.name

from dnsguard.core.forward import Forward
from dnsguard.core.protocol import Source, Transport
from dnsguard.core.route import Attempt
from dnsguard.core.wire import parse_query
from tests.compiled import messages
from tests.compiled.setups import SETUPS
from tests.fuzz.answers import destinations, read_records
from tests.fuzz.flow import Asked, Exchange, Flow
from tests.fuzz.reader import Reader, sized
from tests.support.generations import Setup
from tests.support.invariants import check_reply
from tests.support.reference import NOBODY, Hop, judge

_UPSTREAMS = ("udp://192.0.2.53:53", "udp://192.0.2.54:53", "tcp://192.0.2.55:53")
_SETUPS = [replace(setup, upstreams=_UPSTREAMS, trusted=_UPSTREAMS[1:]) for setup in SETUPS]
_CLIENTS = ("10.20.0.7", "10.20.30.5", "10.30.1.1", "10.0.0.1", "::ffff:10.20.0.7", "203.0.113.9")
_TRANSPORTS = (Transport.UDP, Transport.UDP, Transport.TCP, Transport.DOT)
_SECONDS = (0.03, 0.45, 1.9, 6.0, 61.0, 275.0, 301.0, 100_000.0)
_MAX_STEPS = 60
_READS_ALIKE = re.compile(r"[a-z0-9_.:-]+").fullmatch  # as text and as labels

_random = Random(4)
_QUESTIONS = [messages.question(_random) for _ in range(40)]
_QUERIES = [messages.query(_random, _QUESTIONS[n % 40]) for n in range(200)]
_RESPONSES = [messages.response(_random) for _ in range(250)]
_HEAD = b"\x81\x80\0\1\0\1\0\0\0\0"
_ADDRESS = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"


def run(data: bytes) -> None:
    """Play a script to its end, and then wait until nothing waits any more."""
    reader = Reader(data)
    flow = Flow(reader.choose(_SETUPS), _check)
    for _ in range(_MAX_STEPS):
        if not reader.left:
            break
        reader.choose(_STEPS)(flow, reader)
        flow.check_counts()
    flow.check_end()


def _ask(flow: Flow, reader: Reader) -> None:
    client, transport = reader.choose(_CLIENTS), reader.choose(_TRANSPORTS)
    flow.ask(Asked(client, transport, reader.choose(_QUERIES)))


def _ask_again(flow: Flow, reader: Reader) -> None:
    """Have others ask what was asked last, now and then so often that it is refreshed."""
    client, transport, times = reader.choose(_CLIENTS), reader.choose(_TRANSPORTS), reader.octet()
    for _ in range(1 + times % 8 if flow.latest else 0):
        assert flow.latest is not None
        flow.ask(Asked(client, transport, flow.latest.data))


def _ask_anything(flow: Flow, reader: Reader) -> None:
    client, transport = reader.choose(_CLIENTS), reader.choose(_TRANSPORTS)
    flow.ask(Asked(client, transport, reader.sized()))


def _hear(flow: Flow, reader: Reader) -> None:
    if (found := _attempt(flow, reader)) is not None:
        head, records = reader.choose(_RESPONSES)
        _say(flow, found, head, records)


def _hear_address(flow: Flow, reader: Reader) -> None:
    if (found := _attempt(flow, reader)) is not None:
        _say(flow, found, _HEAD, _ADDRESS)


def _hear_anything(flow: Flow, reader: Reader) -> None:
    if (found := _attempt(flow, reader)) is not None:
        head = reader.octets(10).ljust(10, b"\0")
        _say(flow, found, head, reader.sized())


def _say(flow: Flow, found: tuple[Exchange, Attempt], head: bytes, records: bytes) -> None:
    attempt = found[1]
    message = attempt.query_id.to_bytes(2, "big") + head + attempt.question + records
    flow.hear(*found, message)


def _hear_what_is_none(flow: Flow, reader: Reader) -> None:
    if (found := _attempt(flow, reader)) is not None:
        flow.hear(*found, reader.sized())


def _fail(flow: Flow, reader: Reader) -> None:
    if (found := _attempt(flow, reader)) is not None:
        flow.fail(*found)


def _distrust(flow: Flow, reader: Reader) -> None:
    if (found := _attempt(flow, reader)) is not None:
        flow.distrust(*found)


def _attempt(flow: Flow, reader: Reader) -> tuple[Exchange, Attempt] | None:
    """Return one of the attempts that are under way."""
    open_attempts = [(known, attempt) for known in flow.exchanges for attempt in known.open]
    which = reader.octet()
    return open_attempts[which % len(open_attempts)] if open_attempts else None


def _wait(flow: Flow, reader: Reader) -> None:
    flow.advance(reader.choose(_SECONDS))


def _swap(flow: Flow, reader: Reader) -> None:
    flow.swap(reader.choose(_SETUPS))


def _break(flow: Flow, reader: Reader) -> None:
    which = reader.octet()
    flow.unreachable = {number for number in range(3) if which >> number & 1}


def _refresh(flow: Flow, _: Reader) -> None:
    flow.refresh()


_STEPS = (
    *(_ask, _ask, _ask_again, _ask_anything, _hear, _hear, _hear_address, _hear_anything),
    *(_hear_what_is_none, _fail, _distrust, _wait, _wait, _swap, _break, _refresh),
)


def _check(setup: Setup, asked: Asked, outcome: bytes | Forward | None, source: int) -> None:
    """Require of an outcome that it is a reply, and leads nowhere that policy forbids."""
    query = parse_query(asked.data, asked.transport)
    if outcome is None:
        assert query is None or not query.rcode, "silence where an error is due"
        return
    assert query is not None
    group = _GROUPS[setup.number][asked.client]
    if isinstance(outcome, bytes):
        check_reply(asked.data, asked.transport, outcome)
        assert group != "strangers" or outcome[6:8] == b"\0\0", "an answer for a stranger"
        if query.rcode or source not in (Source.CACHE, Source.UPSTREAM, Source.STALE):
            return
    assert group != "strangers", "a stranger's query went on"
    hops = [Hop("name", _text(dns.name.from_wire(query.qname, 0)[0].to_text()))]
    if isinstance(outcome, bytes):
        found = sorted(destinations(read_records(outcome)))
        hops += [Hop("address" if _is_address(to) else "cname", _text(to)) for to in found]
    if all(_READS_ALIKE(hop.value) for hop in hops):
        assert judge(setup, group, hops)[0] == NOBODY, "led where policy forbids"


def _text(name: str) -> str:
    return name.removesuffix(".")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _group(setup: Setup, client: str) -> str:
    address = ip_address(client)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if not any(address in ip_network(subnet) for subnet in setup.allow_clients):
        return "strangers"
    subnets = [
        (ip_network(subnet), group) for group, known in setup.groups.items() for subnet in known
    ]
    within = [(subnet.prefixlen, group) for subnet, group in subnets if address in subnet]
    return max(within, default=(0, "unregistered"))[1]


_GROUPS = {s.number: {client: _group(s, client) for client in _CLIENTS} for s in _SETUPS}


def seeds() -> Iterator[bytes]:
    """Scripts at random, and some of what comes most."""
    random = Random(5)
    for _ in range(60):
        yield random.randbytes(120)
    for number in range(60):
        steps = [bytes([number])]
        for _ in range(12):
            which = random.randbytes(1)
            steps += [b"\0" + random.randbytes(3), random.choice((b"\4", b"\6")) + which]
            steps += [random.randbytes(1), b"\x0b" + random.randbytes(1)]
        yield b"".join(steps)
    for number in range(60):  # an answer that is popular, refreshed, expired, and at last stale
        asked = bytes([number, 0, 0, 0, number]) + b"\6\0"
        popular = b"\2" + bytes([number % 3, 0, 7]) + b"\x0b\5" + b"\2\0\0\0"
        broken = b"\x0b\6" + b"\x0e\xff" + b"\2\0\0\1" + b"\x0b\4" + b"\2\1\0\1"
        yield asked + popular + b"\x0f\6\0" + b"\2\1\2\0" + broken
    yield b"\0\3\0\0" + sized(_QUERIES[0]) + b"\7\0" + _HEAD + sized(_ADDRESS)
