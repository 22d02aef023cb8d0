"""Queries as they arrive: any bytes in, a `Query` or nothing out (RFC 1035, 6891, 9619).

Composing what goes out belongs to `answer`, reading an upstream's response to `response`.
"""

from dnsguard.core import octets
from dnsguard.core.protocol import EdnsOption, Rcode, Rdatatype, Transport

HEADER_SIZE = 12
MIN_UDP_SIZE = 512

# What its options ask of the response to a query: the bits of `Query.options`.
HAS_COOKIE = 1
WANTS_KEEPALIVE = 2
WANTS_PADDING = 4

_HEADER_SIZE = HEADER_SIZE  # wire.pxd types what is defined here, not what is imported
_MIN_UDP_SIZE = MIN_UDP_SIZE
_MAX_NAME = 255
_KEY_SUFFIX = 5  # octets of a key after the name
_FORMERR = int(Rcode.FORMERR)
_NOTIMP = int(Rcode.NOTIMP)
_BADVERS = int(Rcode.BADVERS)
_OPT = int(Rdatatype.OPT)
_CLIENT_SUBNET = int(EdnsOption.ECS)
_COOKIE = int(EdnsOption.COOKIE)
_KEEPALIVE = int(EdnsOption.KEEPALIVE)
_PADDING = int(EdnsOption.PADDING)
_UDP = int(Transport.UDP)
_TCP = int(Transport.TCP)
_DOT = int(Transport.DOT)
_HAS_COOKIE = HAS_COOKIE
_WANTS_KEEPALIVE = WANTS_KEEPALIVE
_WANTS_PADDING = WANTS_PADDING


class Query:
    """One query, parsed; `rcode` is not NOERROR when it must be answered with that error.

    `data` is the message and `end` where its question ends, 12 when it could not be read.
    `key` identifies the question in the cache: qname in lower case, qtype, qclass, and an
    octet with the DO and CD bits. A query without a question has `end` 12 and no error when it
    asks for a server cookie (RFC 7873 section 5.4).

    `options` has the bits of what the client asks by EDNS options; a COOKIE stands in `data`
    at `cookie` with `cookie_size` octets. `response_options` are those of every response to
    this query, composed: whoever answers it puts them there.

    `address` is who asked, put there by whoever knows. It is `verified` when it cannot be
    forged: the query came over a connection, or with a server cookie of ours.
    """

    __slots__ = (
        "address",
        "cookie",
        "cookie_size",
        "data",
        "end",
        "flags",
        "has_edns",
        "id",
        "key",
        "options",
        "qclass",
        "qtype",
        "rcode",
        "response_options",
        "udp_size",
        "verified",
        "wants_dnssec",
    )

    address: bytes
    data: bytes
    end: int
    key: bytes
    response_options: bytes
    id: int
    flags: int
    qtype: int
    qclass: int
    rcode: int
    udp_size: int
    options: int
    cookie: int
    cookie_size: int
    has_edns: bool
    verified: bool
    wants_dnssec: bool

    @property
    def question(self) -> bytes:
        """The question as it came, in the client's letter case."""
        return self.data[_HEADER_SIZE : self.end]

    @property
    def qname(self) -> bytes:
        """The queried name in lower case."""
        return octets.cut(self.key, 0, max(0, len(self.key) - _KEY_SUFFIX))


def parse_query(data: bytes, transport: int = _UDP) -> Query | None:
    """Parse one message from a client; None when it must not be answered at all.

    Not answered: fewer than twelve octets, and responses (an answer to an answer loops).
    `transport` decides which options mean something.
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
    query.key = query.response_options = b""
    query.id = message[0] << 8 | message[1]
    query.flags = message[2] << 8 | message[3]
    query.qtype = query.qclass = query.rcode = 0
    query.options = query.cookie = query.cookie_size = 0
    query.has_edns = query.wants_dnssec = False
    query.verified = transport != _UDP
    query.udp_size = _MIN_UDP_SIZE
    if message[2] & 0x78:
        query.rcode = _NOTIMP
        return query
    additional = message[10] << 8 | message[11]
    # QDCOUNT must be one (RFC 9619); a query carries no answer and no authority records.
    others = message[4] | message[6] | message[7] | message[8] | message[9]
    if others or message[5] != 1:
        if not others and message[5] == 0:
            _parse_additional(query, data, _HEADER_SIZE, additional, transport)
        if not query.options & _HAS_COOKIE:
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
    if additional or position != size:
        _parse_additional(query, data, position, additional, transport)
    variant = (1 if query.wants_dnssec else 0) | (2 if query.flags & 0x10 else 0)
    query.key = octets.question_key(message, _HEADER_SIZE, query.end, variant)
    return query


def _parse_additional(query: Query, data: bytes, position: int, count: int, transport: int) -> None:
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
            _parse_opt(query, data, position, end, transport)
        position = end
    if position != size:
        query.rcode = _FORMERR


def _parse_opt(query: Query, data: bytes, position: int, end: int, transport: int) -> None:
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
        start = position + 4
        position = start + length
        if position > end or not _take_option(query, data, code, start, length, transport):
            query.rcode = _FORMERR
            return


def _take_option(
    query: Query, data: bytes, code: int, start: int, length: int, transport: int
) -> bool:
    """Note what an option asks for; tell whether it is well formed. Unknown ones are."""
    if code == _COOKIE:
        # All but the first are ignored (RFC 7873 section 5.2); a client cookie has 8 octets,
        # with a server cookie 16 to 40 (section 5.2.2).
        if not query.options & _HAS_COOKIE:
            if length != 8 and not 16 <= length <= 40:
                return False
            query.options |= _HAS_COOKIE
            query.cookie = start
            query.cookie_size = length
    elif code == _CLIENT_SUBNET:
        return _is_client_subnet(data, start, length)
    elif code == _KEEPALIVE:
        # Ignored over UDP (RFC 7828 section 3.3.1); a client sends no time-out (section 3.2.1).
        if transport in (_TCP, _DOT):
            query.options |= _WANTS_KEEPALIVE
            return length == 0
    elif code == _PADDING and transport >= _DOT:  # never in the clear (RFC 7830 section 6)
        query.options |= _WANTS_PADDING
    return True


def _is_client_subnet(data: bytes, start: int, length: int) -> bool:
    """Tell whether the data of an ECS option are well formed (RFC 7871 sections 6, 7.1.2)."""
    message = data
    if length < 4 or message[start + 3]:  # SCOPE PREFIX-LENGTH is for responses
        return False
    family = message[start] << 8 | message[start + 1]
    longest = 32 if family == 1 else 128 if family == 2 else 0
    prefix = message[start + 2]
    if family > 2 or prefix > longest or length != 4 + (prefix + 7) // 8:
        return False
    return prefix & 7 == 0 or message[start + length - 1] & 0xFF >> (prefix & 7) == 0


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
