"""What is true of every outcome of a query, whatever octets it came from."""

import struct

import dns.flags
import dns.message

from dnsguard.core.answer import PADDED_SIZE
from dnsguard.core.forward import Forward
from dnsguard.core.protocol import CD, OPCODE_MASK, RD, EdnsOption, Transport
from dnsguard.core.wire import (
    HAS_COOKIE,
    HEADER_SIZE,
    WANTS_KEEPALIVE,
    WANTS_PADDING,
    parse_query,
    skip_name,
)
from tests.support.gateway import Gateway

CLIENTS = ["10.20.0.7", "192.168.1.5", "203.0.113.9", "2001:db8:20::1", "::ffff:10.20.0.7"]
_ECHOED = OPCODE_MASK | RD | CD
_ANSWERED = {EdnsOption.COOKIE, EdnsOption.KEEPALIVE, EdnsOption.PADDING, EdnsOption.EDE}


def check(gateway: Gateway, data: bytes, transport: int, outcome: bytes | Forward | None) -> None:
    """Require of an outcome what is true of every one."""
    query = parse_query(data, transport)
    assert (query is None) == (len(data) < HEADER_SIZE or data[2] & 0x80 > 0)
    if outcome is None:
        assert query is None or not query.rcode, "silence where an error is due"
        return
    if isinstance(outcome, Forward):
        assert outcome.query.question == data[12 : 12 + len(outcome.query.question)]
        answer = gateway.resolver.failure(outcome, 22, gateway.now)
        assert answer is not None
    else:
        answer = outcome
    check_reply(data, transport, answer)


def check_reply(data: bytes, transport: int, answer: bytes) -> None:
    """Require of a reply to a message what is true of every one."""
    query = parse_query(data, transport)
    assert query is not None, "an answer to an answer, or to what is none"
    limit = 65_535 if transport != Transport.UDP else min(1232, query.udp_size)
    assert len(answer) <= limit
    assert is_well_formed(answer)
    # RDATA is passed on as it comes, but for what policy looks at: dnspython is stricter.
    message = dns.message.from_wire(answer, continue_on_error=True)
    assert not message.errors or answer[6:10] != bytes(4)
    assert (message.edns >= 0) == query.has_edns
    kinds = [int(option.otype) for option in message.options]
    once = [kind for kind in kinds if kind != EdnsOption.EDE]
    assert len(set(once)) == len(once)
    assert kinds.count(EdnsOption.EDE) <= 2, "a failure from memory, or before all was ready"
    assert set(kinds) <= _ANSWERED
    assert (EdnsOption.COOKIE in kinds) == bool(query.options & HAS_COOKIE)
    assert (EdnsOption.KEEPALIVE in kinds) == bool(query.options & WANTS_KEEPALIVE)
    if query.options & WANTS_PADDING:
        assert len(answer) % PADDED_SIZE == 0
    assert message.id == int.from_bytes(data[:2], "big")
    assert message.flags & dns.flags.QR
    assert (
        int.from_bytes(answer[2:4], "big") & _ECHOED == int.from_bytes(data[2:4], "big") & _ECHOED
    )
    assert answer[HEADER_SIZE : HEADER_SIZE + len(query.question)] == query.question
    assert len(message.question) == (len(query.question) > 0)
    if message.edns < 0 and transport == Transport.UDP:
        assert len(answer) <= 512


def is_well_formed(message: bytes) -> bool:
    """Tell whether a message has the question and the records its header counts, to the octet."""
    position = HEADER_SIZE
    if message[4:6] != b"\0\0":
        position = skip_name(message, position) + 4
    for _ in range(sum(struct.unpack_from("!HHH", message, 6))):
        position = skip_name(message, position)
        position += 10 + int.from_bytes(message[position + 8 : position + 10], "big")
    return position == len(message)
