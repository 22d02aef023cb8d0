"""Answers as they leave: an `Answer` for a question, and the bytes for one client's query."""

from struct import pack

from dnsguard.core import octets
from dnsguard.core.protocol import AD, CD, OPCODE_MASK, QR, RA, RCODE_MASK, RD, TC, EdnsOption
from dnsguard.core.wire import MIN_UDP_SIZE, WANTS_PADDING, Query

MAX_TTL = 0x7FFFFFFF
MAX_SIZE = 65_535
QNAME_OFFSET = 12  # where the question's name stands in every message
PADDED_SIZE = 468  # padded responses are multiples of it (RFC 8467 section 4.1)

_HEADER_SIZE = 12  # answer.pxd types what is defined here, not what is imported
_OPT_SIZE = 11
_OPT = 41
_MAX_SIZE = MAX_SIZE
_MAX_TTL = MAX_TTL
_RESPONSE = QR | RA
_ECHOED = OPCODE_MASK | RD | CD
_RCODE_MASK = RCODE_MASK
_AD = AD
_TC = TC
_DO = 0x8000

_CODE_SIZE = 2  # octets of the code of an Extended DNS Error
_PADDING = int(EdnsOption.PADDING)
_WANTS_PADDING = WANTS_PADDING

# What stands between the name of the server and the minimum TTL in the SOA of a zone that is
# served locally (RFC 6303 section 3).
SOA_REST = b"\x06nobody\x07invalid\x00" + pack("!IIII", 1, 3600, 1200, 604800)


class Answer:
    """What is said to a question, for every client alike: never changed once made.

    `body` is the answer and authority section as they stand after the question, with
    compression pointers that hold for any query with the same qname; `ttl_offsets` are the
    positions of its TTLs; `ttl` is how many seconds it may be kept, 0 for not at all.
    """

    __slots__ = ("ancount", "authentic", "body", "nscount", "rcode", "ttl", "ttl_offsets")

    def __init__(
        self,
        rcode: int,
        body: bytes = b"",
        *,
        ancount: int = 0,
        nscount: int = 0,
        ttl_offsets: tuple[int, ...] = (),
        ttl: int = 0,
        authentic: bool = False,
    ) -> None:
        self.rcode = rcode
        self.body = body
        self.ancount = ancount
        self.nscount = nscount
        self.ttl_offsets = ttl_offsets
        self.ttl = ttl
        self.authentic = authentic


def negative_answer(rcode: int, owner_offset: int, ttl: int) -> Answer:
    """Return an answer without records: NXDOMAIN or NODATA, with the SOA it is kept by.

    The SOA (RFC 2308 section 2) is owned by the name at `owner_offset` of the response, the
    question's name or an ancestor of it, and has the form RFC 6303 section 3 gives to zones
    that are served locally.
    """
    owner = pack("!H", 0xC000 | owner_offset)
    rdata = owner + SOA_REST + pack("!I", ttl)
    body = owner + pack("!HHIH", 6, 1, ttl, len(rdata)) + rdata
    return Answer(rcode, body, nscount=1, ttl_offsets=(6,), ttl=ttl)


def compose_response(
    query: Query,
    answer: Answer,
    size_limit: int,
    udp_size: int = 1232,
    age: int = 0,
    ceiling: int = MAX_TTL,
    option: bytes = b"",
) -> bytes:
    """Compose the response to a query.

    TTLs are reduced by `age` seconds and capped at `ceiling`. An OPT record goes out when one
    came in (RFC 6891 section 6.1.1), with our `udp_size`, the query's `response_options`, and
    `option`, an Extended DNS Error, if there is room beside the records, without its text if
    there is less. Records that do not fit into `size_limit` octets leave only the question and
    TC (RFC 2181 section 9).
    """
    flags = _RESPONSE | (query.flags & _ECHOED) | (answer.rcode & _RCODE_MASK)
    if answer.authentic and (query.wants_dnssec or query.flags & _AD):
        flags |= _AD
    limit = min(size_limit, _MAX_SIZE)
    end = query.end
    body = len(answer.body)
    options = query.response_options
    opt = _OPT_SIZE + len(options) if query.has_edns else 0
    fits = end + body + opt <= limit
    if not fits:
        flags |= _TC
        body = 0
    if opt:
        if option and end + body + opt + len(option) > limit:
            option = _without_text(option)
        if option and end + body + opt + len(option) <= limit:
            options = options + option if options else option
        if query.options & _WANTS_PADDING:
            options += _padding(end + body + _OPT_SIZE + len(options), limit)
        opt = _OPT_SIZE + len(options)
    response = octets.blank(end + body + opt)
    message = response
    octets.put16(message, 0, query.id)
    octets.put16(message, 2, flags)
    octets.put16(message, 4, 1 if end > _HEADER_SIZE else 0)
    octets.put16(message, 6, answer.ancount if fits else 0)
    octets.put16(message, 8, answer.nscount if fits else 0)
    octets.put16(message, 10, 1 if opt else 0)
    octets.copy(message, _HEADER_SIZE, query.data, _HEADER_SIZE, end)
    if body:
        octets.copy(message, end, answer.body, 0, body)
        if age or ceiling < _MAX_TTL:
            for offset in answer.ttl_offsets:
                ttl = octets.get32(message, end + offset) - age
                octets.put32(message, end + offset, max(0, min(ttl, ceiling)))
    end += body
    if opt:
        message[end] = 0
        octets.put16(message, end + 1, _OPT)
        octets.put16(message, end + 3, udp_size)
        octets.put16(message, end + 5, answer.rcode >> 4 << 8)
        octets.put16(message, end + 7, _DO if query.wants_dnssec else 0)
        octets.put16(message, end + 9, opt - _OPT_SIZE)
        octets.copy(message, end + _OPT_SIZE, options, 0, opt - _OPT_SIZE)
    return octets.whole(response)


def _without_text(option: bytes) -> bytes:
    """Return the first of some Extended DNS Errors by its code alone (RFC 8914 section 2)."""
    return pack("!HH", EdnsOption.EDE, _CODE_SIZE) + octets.cut(option, 4, 4 + _CODE_SIZE)


def _padding(size: int, limit: int) -> bytes:
    """Return the padding option for a response of some octets, none where it has no room."""
    least = size + 4
    padded = min(limit, (least + PADDED_SIZE - 1) // PADDED_SIZE * PADDED_SIZE)
    return pack("!HH", _PADDING, padded - least) + bytes(padded - least) if padded >= least else b""


def compose_error(query: Query, udp_size: int = 1232, size_limit: int = MIN_UDP_SIZE) -> bytes:
    """Compose the response to a query that is answered by its `rcode` alone."""
    return compose_response(query, Answer(query.rcode), size_limit, udp_size)
