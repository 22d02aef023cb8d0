"""Queries as they arrive: any bytes in, a `Query` or nothing out (RFC 1035, 6891, 9619).

Composing what goes out belongs to `answer`, reading an upstream's response to `response`.
"""

from dnsguard.core import octets
from dnsguard.core.protocol import EdnsOption, Rcode, Rdatatype

HEADER_SIZE = 12
MIN_UDP_SIZE = 512

_HEADER_SIZE = HEADER_SIZE  # wire.pxd types what is defined here, not what is imported
_MIN_UDP_SIZE = MIN_UDP_SIZE
_MAX_NAME = 255
_KEY_SUFFIX = 5  # octets of a key after the name
_FORMERR = int(Rcode.FORMERR)
_NOTIMP = int(Rcode.NOTIMP)
_BADVERS = int(Rcode.BADVERS)
_OPT = int(Rdatatype.OPT)
_COOKIE = int(EdnsOption.COOKIE)


class Query:
    """One query, parsed; `rcode` is not NOERROR when it must be answered with that error.

    `data` is the message and `end` where its question ends, 12 when it could not be read.
    `key` identifies the question in the cache: qname in lower case, qtype, qclass, and an
    octet with the DO and CD bits.
    """

    __slots__ = (
        "data",
        "end",
        "flags",
        "has_edns",
        "id",
        "key",
        "qclass",
        "qtype",
        "rcode",
        "udp_size",
        "wants_dnssec",
    )

    data: bytes
    end: int
    key: bytes
    id: int
    flags: int
    qtype: int
    qclass: int
    rcode: int
    udp_size: int
    has_edns: bool
    wants_dnssec: bool

    @property
    def question(self) -> bytes:
        """The question as it came, in the client's letter case."""
        return self.data[_HEADER_SIZE : self.end]

    @property
    def qname(self) -> bytes:
        """The queried name in lower case."""
        return octets.cut(self.key, 0, max(0, len(self.key) - _KEY_SUFFIX))


def parse_query(data: bytes) -> Query | None:
    """Parse one message from a client; None when it must not be answered at all.

    Not answered: fewer than twelve octets, and responses (an answer to an answer loops).
    """
    size = len(data)
    if size < _HEADER_SIZE:
        return None
    message = data
    if message[2] & 0x80:
        return None
    query = Query.__new__(Query)
    query.data = data
    query.end = _HEADER_SIZE
    query.key = b""
    query.id = message[0] << 8 | message[1]
    query.flags = message[2] << 8 | message[3]
    query.qtype = query.qclass = query.rcode = 0
    query.has_edns = query.wants_dnssec = False
    query.udp_size = _MIN_UDP_SIZE
    if message[2] & 0x78:
        query.rcode = _NOTIMP
        return query
    # QDCOUNT must be one (RFC 9619); a query carries no answer and no authority records.
    if message[4] or message[5] != 1 or message[6] or message[7] or message[8] or message[9]:
        query.rcode = _FORMERR
        return query
    position = _HEADER_SIZE
    while position < size:
        length = message[position]
        position += 1
        if length == 0:
            break
        if length > 63:  # a pointer or an unassigned label type
            position = size
            break
        position += length
    if position + 4 > size or position > _HEADER_SIZE + _MAX_NAME:
        query.rcode = _FORMERR
        return query
    query.qtype = message[position] << 8 | message[position + 1]
    query.qclass = message[position + 2] << 8 | message[position + 3]
    position += 4
    query.end = position
    additional = message[10] << 8 | message[11]
    if additional or position != size:
        _parse_additional(query, data, position, additional)
    variant = (1 if query.wants_dnssec else 0) | (2 if query.flags & 0x10 else 0)
    query.key = octets.question_key(message, _HEADER_SIZE, query.end, variant)
    return query


def _parse_additional(query: Query, data: bytes, position: int, count: int) -> None:
    message = data
    size = len(data)
    for _ in range(count):
        start = position
        position = skip_name(data, position)
        if position < 0 or position + 10 > size:
            query.rcode = _FORMERR
            return
        rdatatype = message[position] << 8 | message[position + 1]
        length = message[position + 8] << 8 | message[position + 9]
        end = position + 10 + length
        if end > size:
            query.rcode = _FORMERR
            return
        if rdatatype == _OPT:
            # One OPT at most, owned by the root (RFC 6891 section 6.1.1 and 6.1.2).
            if query.has_edns or message[start] != 0:
                query.rcode = _FORMERR
                return
            _parse_opt(query, data, position, end)
        position = end
    if position != size:
        query.rcode = _FORMERR


def _parse_opt(query: Query, data: bytes, position: int, end: int) -> None:
    """Take the OPT record whose fixed part starts at a position; `end` is within the message."""
    message = data
    query.has_edns = True
    query.udp_size = max(_MIN_UDP_SIZE, message[position + 2] << 8 | message[position + 3])
    query.wants_dnssec = message[position + 6] & 0x80 != 0
    if message[position + 5]:
        query.rcode = _BADVERS
        return
    position += 10
    while position < end:
        if position + 4 > end:
            query.rcode = _FORMERR
            return
        code = message[position] << 8 | message[position + 1]
        length = message[position + 2] << 8 | message[position + 3]
        position += 4 + length
        # A client cookie has 8 octets, with a server cookie 16 to 40 (RFC 7873 section 5.2.2).
        bad_cookie = code == _COOKIE and length != 8 and not 16 <= length <= 40
        if position > end or bad_cookie:
            query.rcode = _FORMERR
            return


def skip_name(data: bytes, position: int) -> int:
    """Return the position after the possibly compressed name there, -1 when it is malformed."""
    message = data
    size = len(data)
    while position < size:
        length = message[position]
        if length == 0:
            return position + 1
        if length >= 0xC0:
            return position + 2 if position + 2 <= size else -1
        if length > 63:
            return -1
        position += 1 + length
    return -1
