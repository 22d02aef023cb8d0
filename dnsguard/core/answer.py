"""Answers as they leave: an `Answer` for a question, and the bytes for one client's query."""

from struct import pack

from dnsguard.core.protocol import AD, CD, OPCODE_MASK, QR, RA, RCODE_MASK, RD, TC, EdnsOption
from dnsguard.core.wire import MIN_UDP_SIZE, Query

MAX_TTL = 0x7FFFFFFF
QNAME_OFFSET = 12  # where the question's name stands in every message

_NOBODY = b"\x06nobody\x07invalid\x00"
_EDE = int(EdnsOption.EDE)


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
    rdata = owner + _NOBODY + pack("!IIIII", 1, 3600, 1200, 604800, ttl)
    body = owner + pack("!HHIH", 6, 1, ttl, len(rdata)) + rdata
    return Answer(rcode, body, nscount=1, ttl_offsets=(6,), ttl=ttl)


def compose_ede(code: int, text: bytes = b"") -> bytes:
    """Compose the Extended DNS Error option (RFC 8914 section 2); `text` is UTF-8."""
    return pack("!HHH", _EDE, 2 + len(text), code) + text


def compose_response(
    query: Query,
    answer: Answer,
    *,
    size_limit: int,
    age: int = 0,
    ceiling: int = MAX_TTL,
    option: bytes = b"",
    udp_size: int = 1232,
) -> bytes:
    """Compose the response to a query.

    TTLs are reduced by `age` seconds and capped at `ceiling`. What does not fit into
    `size_limit` octets leaves only the question and TC (RFC 2181 section 9). An OPT record
    goes out when one came in (RFC 6891 section 6.1.1), with `option` in it.
    """
    flags = QR | RA | (query.flags & (OPCODE_MASK | RD | CD)) | (answer.rcode & RCODE_MASK)
    if answer.authentic and (query.wants_dnssec or query.flags & AD):
        flags |= AD
    opt = b""
    if query.has_edns:
        opt = pack(
            "!BHHBBHH",
            0,
            41,
            udp_size,
            answer.rcode >> 4,
            0,
            0x8000 if query.wants_dnssec else 0,
            len(option),
        )
        opt += option
    question = query.question
    body = answer.body
    ancount = answer.ancount
    nscount = answer.nscount
    if 12 + len(question) + len(body) + len(opt) > size_limit:
        flags |= TC
        body = b""
        ancount = nscount = 0
    elif answer.ttl_offsets and (age or ceiling < MAX_TTL):
        body = _with_ttls(body, answer.ttl_offsets, age, ceiling)
    header = pack(
        "!HHHHHH", query.id, flags, 1 if question else 0, ancount, nscount, 1 if opt else 0
    )
    return header + question + body + opt


def compose_error(query: Query) -> bytes:
    """Compose the response to a query that carries its own error (FORMERR, NOTIMP, BADVERS)."""
    return compose_response(query, Answer(query.rcode), size_limit=MIN_UDP_SIZE)


def _with_ttls(body: bytes, offsets: tuple[int, ...], age: int, ceiling: int) -> bytes:
    patched = bytearray(body)
    for offset in offsets:
        ttl = int.from_bytes(patched[offset : offset + 4], "big") - age
        patched[offset : offset + 4] = max(0, min(ttl, ceiling)).to_bytes(4, "big")
    return bytes(patched)
