"""Names of which everyone knows the one right address, so that any wrong answer is seen.

`truth` is the script of an upstream that tells it; whoever asks compares with `address_of`.
"""

import struct
from zlib import crc32

from tests.support.scripted import Peer, Replies

LISTED = "www.tiktok.com"
BRIEF = "brief"
"""Names that begin so are kept for one second."""
ALIAS = "alias"
"""Names that begin so are aliases of `LISTED`."""

_TTL = 86_400  # longer than any test: nothing that is cached goes stale in a fault
_LISTED_WIRE = b"\3www\6tiktok\3com\0"


def address_of(name: str) -> str:
    """Return the IPv4 address of a name, in the range for measurements (RFC 2544)."""
    return ".".join(map(str, _packed(name.lower().rstrip(".").encode("ascii"))))


def truth(query: bytes, transport: str, peer: Peer) -> Replies:
    """Tell what a query asks, as a script of a `ScriptedUpstream`."""
    return [(0.0, respond(query))]


def respond(query: bytes) -> bytes:
    """Return the true response to a query; types other than A have no records."""
    end = query.index(b"\0", 12) + 1
    answers = []
    if query[end : end + 2] == b"\0\1":
        name = _text(query[12:end])
        ttl = 1 if name.startswith(BRIEF.encode()) else _TTL
        if name.startswith(ALIAS.encode()):
            answers.append(_record(b"\xc0\x0c", 5, ttl, _LISTED_WIRE))
            answers.append(_record(_LISTED_WIRE, 1, ttl, _packed(LISTED.encode())))
        else:
            answers.append(_record(b"\xc0\x0c", 1, ttl, _packed(name)))
    counts = struct.pack("!HHHH", 1, len(answers), 0, 0)
    return query[:2] + b"\x81\x80" + counts + query[12 : end + 4] + b"".join(answers)


def _record(owner: bytes, rdatatype: int, ttl: int, rdata: bytes) -> bytes:
    return owner + struct.pack("!HHIH", rdatatype, 1, ttl, len(rdata)) + rdata


def _packed(name: bytes) -> bytes:
    return (0xC612_0000 | crc32(name) & 0x1_FFFF).to_bytes(4, "big")


def _text(wire: bytes) -> bytes:
    labels = []
    position = 0
    while length := wire[position]:
        labels.append(wire[position + 1 : position + 1 + length].lower())
        position += 1 + length
    return b".".join(labels)
