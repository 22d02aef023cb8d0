"""A message of an upstream for one of some questions: any octets in, an answer or a reason out.

Five octets choose the question, the bounds of TTLs and the ID, question and rcode's part of
the message; the rest is the message, or what follows the ID and, but for its counts, the
question in one that is a response at least.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from random import Random

import dns.name

from dnsguard.core.answer import Answer, compose_response
from dnsguard.core.ech import without_ech
from dnsguard.core.inspection import find_hops
from dnsguard.core.records import MalformedError
from dnsguard.core.response import NO_EDE, Response, Status, TtlBounds, parse_response
from dnsguard.core.view import Trigger
from dnsguard.core.wire import parse_query
from tests.compiled import messages
from tests.fuzz.answers import Records, check_belonging, destinations, read_records
from tests.fuzz.reader import Reader
from tests.support.gateway import question
from tests.support.invariants import is_well_formed
from tests.support.two_ways import Message

_QUESTIONS = [
    question(f"{name} {rdatatype}", edns=False).to_wire()[12:]
    for name in ("www.tiktok.com", "x.DEEP.in.example.test", ".")
    for rdatatype in ("A", "AAAA", "HTTPS", "CNAME", "MX", "SOA", "DNAME", "NAPTR", "DS", "ANY")
]
_BOUNDS = [(0, 86_400), (5, 3600), (90, 90), (0, 0), (0, 0x7FFFFFFF)]
_ID = 0x1234


def run(data: bytes) -> None:
    """Have a message judged, and look at the answer from all sides."""
    reader = Reader(data)
    asked = reader.choose(_QUESTIONS)
    minimum, maximum = reader.choose(_BOUNDS)
    trusted, whole = reader.octet() & 1 > 0, reader.octet() & 1 > 0
    message = reader.rest() if whole else _message(reader, asked)
    response = parse_response(message, _ID, asked, TtlBounds(minimum, maximum), trusted=trusted)
    assert response.status in set(Status)
    assert 0 <= response.rcode < 1 << 12
    assert -1 <= response.ede < 49_152
    assert response.ede == NO_EDE or response.rcode not in (0, 3)
    if response.answer is None:
        assert response.status != Status.ANSWER
        return
    assert response.status in (Status.ANSWER, Status.CASE_MISMATCH)
    assert trusted or not response.answer.authentic
    records = _check_answer(asked, response, message)
    for record in records.answers + records.authority:
        assert record.ttl <= maximum, "a TTL above the bound"
    assert response.answer.ttl <= maximum
    _check_both_ways(asked, message, response.rcode, (minimum, maximum))


def _message(reader: Reader, asked: bytes) -> bytes:
    head = reader.octets(10).ljust(10, b"\0")
    return _ID.to_bytes(2, "big") + head + asked + reader.rest()


def _check_answer(asked: bytes, response: Response, message: bytes) -> Records:
    answer = response.answer
    assert answer is not None
    if response.status == Status.CASE_MISMATCH:
        asked = message[12 : 12 + len(asked)]
    records = _reread(asked, answer)
    qname = dns.name.from_wire(asked, 0)[0]
    qtype = int.from_bytes(asked[-4:-2], "big")
    check_belonging(qname, qtype, records)
    hops = find_hops(asked[:-4].lower() + asked[-4:], answer)
    judged = {_shown(trigger, value) for trigger, value in hops}
    assert destinations(records) == judged, "a client may go where policy has not looked"
    _check_ech(asked, answer)
    return records


def _reread(asked: bytes, answer: Answer) -> Records:
    """Return the records as a client gets them that asked in other letter case."""
    swapped = asked[:-4].swapcase() + asked[-4:]
    query = parse_query(bytes(2) + b"\1\0\0\1" + bytes(6) + swapped)
    assert query is not None
    composed = compose_response(query, answer, size_limit=65_535)
    if composed[2] & 2:
        assert len(answer.body) > 65_535 - 12 - len(asked)
        return Records([], [])
    assert is_well_formed(composed)
    records = read_records(composed)
    found = [record.ttl_offset - 12 - len(asked) for record in records.answers + records.authority]
    assert tuple(found) == answer.ttl_offsets
    kept = [record.ttl for record in records.answers + records.authority]
    assert answer.ttl in (0, min(kept, default=0))
    assert len(records.answers) == answer.ancount
    return records


def _check_ech(asked: bytes, answer: Answer) -> None:
    stripped = without_ech(asked[:-4].lower() + asked[-4:], answer)
    assert destinations(_reread(asked, stripped)) == destinations(_reread(asked, answer))


def _check_both_ways(asked: bytes, message: bytes, rcode: int, bounds: tuple[int, int]) -> None:
    echoed = message[12 : 12 + len(asked)]
    ancount, nscount = (int.from_bytes(message[at : at + 2], "big") for at in (6, 8))
    said = Message(echoed, ancount, nscount, message[12 + len(asked) :])
    try:
        verbatim = said.verbatim(rcode, bounds)
        recomposed = said.recomposed(rcode, bounds)
    except MalformedError:  # by what the header of `Message` has in other places
        return
    if verbatim is not None:
        sized = len(recomposed.body) < 0x4000 - 0x200  # `told` counts on the question's size alone
        assert not sized or said.told(verbatim) == said.told(recomposed)


def _shown(trigger: int, value: bytes) -> str:
    if trigger < Trigger.ADDRESS:
        return dns.name.from_wire(value, 0)[0].to_text()
    return str(ip_address(value))


def seeds() -> Iterator[bytes]:
    """Chains, services, proofs and jumbles."""
    random = Random(2)
    for _ in range(200):
        header, records = messages.response(random)
        yield random.randbytes(3) + b"\0" + header + records
