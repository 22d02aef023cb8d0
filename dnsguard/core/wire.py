"""Queries as they arrive: any bytes in, a `Query` or nothing out (RFC 1035, 6891, 9619).

Composing what goes out belongs to `answer`, reading an upstream's response to `response`.
"""

from dnsguard.core.protocol import EdnsOption, Rcode, Rdatatype

HEADER_SIZE = 12
MIN_UDP_SIZE = 512

_FORMERR = int(Rcode.FORMERR)
_NOTIMP = int(Rcode.NOTIMP)
_BADVERS = int(Rcode.BADVERS)
_OPT = int(Rdatatype.OPT)
_COOKIE = int(EdnsOption.COOKIE)


class Query:
    """One query, parsed; `rcode` is not NOERROR when it must be answered with that error.

    `question` is the question as it came, in the client's letter case, empty when it
    could not be read; `qname` is lower case; `key` identifies the question in the cache:
    qname, qtype, qclass and the DO and CD bits.
    """

    __slots__ = (
        "flags",
        "has_edns",
        "id",
        "key",
        "qclass",
        "qname",
        "qtype",
        "question",
        "rcode",
        "udp_size",
        "wants_dnssec",
    )

    def __init__(self, query_id: int, flags: int) -> None:
        self.id = query_id
        self.flags = flags
        self.question = b""
        self.qname = b""
        self.key = b""
        self.qtype = 0
        self.qclass = 0
        self.rcode = 0
        self.has_edns = False
        self.wants_dnssec = False
        self.udp_size = MIN_UDP_SIZE


def parse_query(data: bytes) -> Query | None:
    """Parse one message from a client; None when it must not be answered at all.

    Not answered: fewer than twelve octets, and responses (an answer to an answer loops).
    """
    size = len(data)
    if size < HEADER_SIZE or data[2] & 0x80:
        return None
    query = Query(data[0] << 8 | data[1], data[2] << 8 | data[3])
    if data[2] & 0x78:
        query.rcode = _NOTIMP
        return query
    # QDCOUNT must be one (RFC 9619); a query carries no answer and no authority records.
    if data[4] or data[5] != 1 or data[6] or data[7] or data[8] or data[9]:
        query.rcode = _FORMERR
        return query
    position = HEADER_SIZE
    while position < size:
        length = data[position]
        position += 1
        if length == 0:
            break
        if length > 63:  # a pointer or an unassigned label type
            position = size
            break
        position += length
    if position + 4 > size or position > HEADER_SIZE + 255:
        query.rcode = _FORMERR
        return query
    query.question = data[HEADER_SIZE : position + 4]
    query.qname = data[HEADER_SIZE:position].lower()
    query.qtype = data[position] << 8 | data[position + 1]
    query.qclass = data[position + 2] << 8 | data[position + 3]
    position += 4
    additional = data[10] << 8 | data[11]
    if additional or position != size:
        _parse_additional(query, data, position, additional)
    variant = (1 if query.wants_dnssec else 0) | (2 if query.flags & 0x10 else 0)
    query.key = query.qname + query.question[-4:] + (b"\x00", b"\x01", b"\x02", b"\x03")[variant]
    return query


def _parse_additional(query: Query, data: bytes, position: int, count: int) -> None:
    size = len(data)
    for _ in range(count):
        start = position
        position = skip_name(data, position)
        if position < 0 or position + 10 > size:
            query.rcode = _FORMERR
            return
        rdatatype = data[position] << 8 | data[position + 1]
        length = data[position + 8] << 8 | data[position + 9]
        end = position + 10 + length
        if end > size:
            query.rcode = _FORMERR
            return
        if rdatatype == _OPT:
            # One OPT at most, owned by the root (RFC 6891 section 6.1.1 and 6.1.2).
            if query.has_edns or data[start] != 0:
                query.rcode = _FORMERR
                return
            _parse_opt(query, data, position, end)
        position = end
    if position != size:
        query.rcode = _FORMERR


def _parse_opt(query: Query, data: bytes, position: int, end: int) -> None:
    query.has_edns = True
    query.udp_size = max(MIN_UDP_SIZE, data[position + 2] << 8 | data[position + 3])
    query.wants_dnssec = data[position + 6] & 0x80 != 0
    if data[position + 5]:
        query.rcode = _BADVERS
        return
    position += 10
    while position < end:
        if position + 4 > end:
            query.rcode = _FORMERR
            return
        code = data[position] << 8 | data[position + 1]
        length = data[position + 2] << 8 | data[position + 3]
        position += 4 + length
        # A client cookie has 8 octets, with a server cookie 16 to 40 (RFC 7873 section 5.2.2).
        bad_cookie = code == _COOKIE and length != 8 and not 16 <= length <= 40
        if position > end or bad_cookie:
            query.rcode = _FORMERR
            return


def skip_name(data: bytes, position: int) -> int:
    """Return the position after the possibly compressed name there, -1 when it is malformed."""
    size = len(data)
    while position < size:
        length = data[position]
        if length == 0:
            return position + 1
        if length >= 0xC0:
            return position + 2 if position + 2 <= size else -1
        if length > 63:
            return -1
        position += 1 + length
    return -1
