"""Responses of upstreams: any bytes in, a trustworthy `Answer` or the reason why not out.

Nothing an upstream says reaches a client or the cache but records that answer the question:
the chain of aliases from the queried name, the records asked for at its end, and the proof of
a negative answer. Additional records, other names and other types are left behind (RFC 5452
section 6, RFC 2181 section 5.4.1). Where the message holds what is wanted in one piece, that
is taken as it stands (`verbatim`), else it is composed anew (`recompose`).
"""

from enum import IntEnum

from dnsguard.core import octets
from dnsguard.core.answer import Answer
from dnsguard.core.protocol import EdnsOption, Rcode, Rdatatype
from dnsguard.core.recompose import parse_sections, recompose
from dnsguard.core.records import MalformedError, RecordParser, parse_records
from dnsguard.core.verbatim import Verbatim
from dnsguard.core.wire import HEADER_SIZE

MAX_RECORDS = 4096  # records read in one message
NO_EDE = -1


class Status(IntEnum):
    """What a datagram from an upstream turned out to be."""

    ANSWER = 0
    MISMATCH = 1
    """Not a response to this query: wrong ID or question."""
    CASE_MISMATCH = 2
    """The question came back in other letter case: forged, or a server that changes it.

    What it says is there all the same, if it says anything.
    """
    MALFORMED = 3
    TRUNCATED = 4
    FAILURE = 5
    """An rcode that says nothing of the name: SERVFAIL, REFUSED and the like."""
    BARE = 6
    """The same without the question: whoever guessed port and ID may have sent it."""


_MAX_RECORDS = MAX_RECORDS  # response.pxd types what is defined here, not what is imported
_NO_EDE = NO_EDE
_FIRST_PRIVATE_EDE = 49_152  # means nothing but to who agreed on it (RFC 8914 section 5.2)
_HEADER_SIZE = HEADER_SIZE
_NOERROR = int(Rcode.NOERROR)
_NXDOMAIN = int(Rcode.NXDOMAIN)
_OPT = int(Rdatatype.OPT)
_EDE = int(EdnsOption.EDE)
_ANSWER = int(Status.ANSWER)
_MISMATCH = int(Status.MISMATCH)
_CASE_MISMATCH = int(Status.CASE_MISMATCH)
_MALFORMED = int(Status.MALFORMED)
_TRUNCATED = int(Status.TRUNCATED)
_FAILURE = int(Status.FAILURE)
_BARE = int(Status.BARE)


class Response:
    """One message from an upstream, judged against the query it should answer.

    `status` is a `Status` as a number; `answer` is there when it is ANSWER, and perhaps when it
    is CASE_MISMATCH; `ede` when it is FAILURE and the upstream said why (RFC 8914), else NO_EDE.
    """

    __slots__ = ("answer", "ede", "has_edns", "rcode", "status")

    status: int
    rcode: int
    answer: Answer | None
    has_edns: bool
    ede: int


class TtlBounds:
    """The least and the most seconds an answer is kept, as configured."""

    __slots__ = ("maximum", "minimum")

    def __init__(self, minimum: int = 0, maximum: int = 86_400) -> None:
        self.minimum = minimum
        self.maximum = maximum


def parse_response(
    data: bytes, query_id: int, question: bytes, bounds: TtlBounds, *, trusted: bool
) -> Response:
    """Judge a message as the response to the query with that ID and question.

    `trusted` says whether the upstream's AD bit may be passed on.
    """
    if len(data) < _HEADER_SIZE:
        return _judged(_MISMATCH, 0)
    message = data
    flags = octets.get16(message, 2)
    if octets.get16(message, 0) != query_id or not flags & 0x8000 or flags & 0x7800:
        return _judged(_MISMATCH, 0)
    rcode = flags & 0x0F
    questions = octets.get16(message, 4)
    if questions == 0 and rcode not in (_NOERROR, _NXDOMAIN):
        return _judged(_BARE, rcode)
    start = _HEADER_SIZE + len(question)
    if questions != 1 or len(data) < start:
        return _judged(_MISMATCH, 0)
    echoed = message[_HEADER_SIZE:start]
    if echoed != question:
        if echoed.lower() != question.lower():
            return _judged(_MISMATCH, 0)
        response = _judge(data, echoed, bounds, trusted=False)
        response.status = _CASE_MISMATCH
        return response
    return _judge(data, question, bounds, trusted=trusted)


def _judge(data: bytes, question: bytes, bounds: TtlBounds, *, trusted: bool) -> Response:
    """Judge what a message says to the question that it has."""
    message = data
    flags = octets.get16(message, 2)
    rcode = flags & 0x0F
    if flags & 0x0200:
        return _judged(_TRUNCATED, rcode)
    response = _judged(_ANSWER, rcode)
    try:
        _parse_sections(response, data, question, bounds)
    except MalformedError:
        return _judged(_MALFORMED, rcode)
    if response.answer is not None:
        response.answer.authentic = trusted and flags & 0x0020 != 0
    return response


def _judged(status: int, rcode: int) -> Response:
    response = Response.__new__(Response)
    response.status = status
    response.rcode = rcode
    response.answer = None
    response.has_edns = False
    response.ede = _NO_EDE
    return response


def _parse_sections(response: Response, data: bytes, question: bytes, bounds: TtlBounds) -> None:
    message = data
    ancount = octets.get16(message, 6)
    nscount = octets.get16(message, 8)
    arcount = octets.get16(message, 10)
    if ancount + nscount + arcount > _MAX_RECORDS:
        raise MalformedError
    start = _HEADER_SIZE + len(question)
    qtype = octets.get16(message, start - 4)
    minimum = bounds.minimum
    maximum = bounds.maximum
    parser = parse_records(data, start)
    verbatim = Verbatim()
    sections = None
    if not verbatim.take(parser, ancount, nscount, qtype, minimum, maximum):
        parser = parse_records(data, start)
        sections = parse_sections(parser, ancount, nscount)
    _parse_additional(response, parser, arcount)
    if response.rcode not in (_NOERROR, _NXDOMAIN):
        response.status = _FAILURE
    elif sections is None:
        response.answer = verbatim.compose(response.rcode)
    else:
        response.answer = recompose(sections, response.rcode, question, minimum, maximum)


def _parse_additional(response: Response, parser: RecordParser, count: int) -> None:
    """Take the EDNS part of the rcode; one OPT at most (RFC 6891 section 6.1.1)."""
    for _ in range(count):
        parser.parse()
        if parser.rdatatype == _OPT:
            if response.has_edns:
                raise MalformedError
            response.has_edns = True
            response.rcode |= parser.ttl >> 24 << 4
            if response.rcode not in (_NOERROR, _NXDOMAIN):
                response.ede = _find_ede(parser.data, parser.rdata, parser.position)


def _find_ede(data: bytes, position: int, end: int) -> int:
    """Return the first public INFO-CODE among the options there; what is malformed is passed by."""
    message = data
    while position + 4 <= end:
        code = octets.get16(message, position)
        length = octets.get16(message, position + 2)
        position += 4
        if code == _EDE and length >= 2 and position + length <= end:
            ede = octets.get16(message, position)
            if 0 < ede < _FIRST_PRIVATE_EDE:  # 0 says nothing
                return ede
        position += length
    return _NO_EDE
