"""A message of a client: any octets in, the reply that the RFCs want out.

The first octet chooses the transport, the client and the size of the answer, the rest is the
message.
"""

from collections.abc import Iterator
from random import Random

import dns.exception
import dns.flags
import dns.message
import dns.rdatatype

from dnsguard.core.answer import Answer, compose_error, compose_response
from dnsguard.core.protocol import Rcode, Transport
from dnsguard.core.wire import HEADER_SIZE, Query, parse_query
from tests.compiled import messages
from tests.fuzz.reader import Reader
from tests.support.gateway import Gateway, packed
from tests.support.generations import Ban, generation
from tests.support.invariants import CLIENTS, check, check_reply
from tests.support.responses import record

_TRANSPORTS = tuple(Transport)
_GENERATION = generation(
    local_records=["printer.example.org. 300 IN A 10.0.0.9"],
    policies={"ban": Ban(answer="nxdomain")},
)
_ADDRESS = record(b"\xc0\x0c", 1, b"\xc0\x00\x02\x01")
_SIZES = (1, 60, 5000)  # records of an answer


def run(data: bytes) -> None:
    """Have a message parsed, its reply composed, and the resolver answer it."""
    reader = Reader(data)
    which = reader.octet()
    transport = _TRANSPORTS[which % len(_TRANSPORTS)]
    client = CLIENTS[which // len(_TRANSPORTS) % len(CLIENTS)]
    message = reader.rest()
    query = parse_query(message, transport)
    if query is not None:
        size = _SIZES[which // len(_TRANSPORTS) // len(CLIENTS) % len(_SIZES)]
        _compose(query, message, transport, size)
        _check_reading(query, message)
    gateway = Gateway(_GENERATION)
    outcome = gateway.resolver.query(message, packed(client), transport, gateway.now)
    check(gateway, message, transport, outcome)
    assert outcome is not None or query is None, "silence where a reply is due"


def _compose(query: Query, message: bytes, transport: int, records: int) -> None:
    if not query.options:  # else the resolver has options to add
        error = compose_error(query)
        check_reply(message, transport, error)
        if not query.rcode and query.question:
            limit = min(1232, query.udp_size) if transport == Transport.UDP else 65_535
            answer = Answer(Rcode.NOERROR, _ADDRESS * records, ancount=records)
            reply = compose_response(query, answer, size_limit=limit)
            check_reply(message, transport, reply)
            truncated = reply[2] & 2 > 0
            whole = query.end + len(answer.body) + (11 if query.has_edns else 0)
            assert truncated == (whole > limit)


def _check_reading(query: Query, message: bytes) -> None:
    """Compare with what dnspython reads, where that has no reason to differ."""
    counts = message[4:12]
    if query.rcode in (Rcode.NOERROR, Rcode.BADVERS) and query.question:
        question = dns.message.from_wire(
            message[:6] + bytes(6) + query.question, question_only=True
        ).question[0]
        assert question.name.canonicalize().to_wire() == query.qname
        assert (question.rdtype, question.rdclass) == (query.qtype, query.qclass)
        _check_edns(query, message)
    elif counts == b"\0\1\0\0\0\0\0\0" and query.rcode == Rcode.FORMERR:
        try:
            asked = dns.message.from_wire(message)
        except dns.exception.DNSException:
            return
        # A pointer has nothing to point at but what it is part of, or the header.
        assert asked.question[0].name.to_wire() != message[HEADER_SIZE:-4], "no error is due"


def _check_edns(query: Query, message: bytes) -> None:
    try:
        asked = dns.message.from_wire(message, ignore_trailing=True)
    except dns.exception.DNSException:  # by RDATA that is of no importance
        return
    assert (asked.edns >= 0) == query.has_edns
    assert (asked.edns > 0) == (query.rcode == Rcode.BADVERS)
    assert max(512, asked.payload) == query.udp_size
    assert (asked.ednsflags & dns.flags.DO > 0) == query.wants_dnssec


def seeds() -> Iterator[bytes]:
    """Queries of every kind, some with something wrong."""
    random = Random(1)
    for _ in range(100):
        yield random.randbytes(1) + messages.query(random, messages.question(random))
