"""What the scripted upstream of these scenarios says: quick, so that thousands can be asked."""

import struct

from tests.support.scripted import Peer, Replies, Script

ADDRESSES = {1: bytes([192, 0, 2, 1]), 28: bytes.fromhex("20010db8" + "0" * 23 + "1")}
"""The address that every name has, by type of record."""


def knowing_every_name(ttl: int = 300) -> Script:
    """Return a script that tells an address for every name, and NODATA for other types."""

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        return [(0.0, respond(query, ttl))]

    return script


def keeping_all_but_cold(query: bytes, transport: str, peer: Peer) -> Replies:
    """Tell an address for every name, and forbid to keep it where the name begins with `cold`."""
    cold = query[13:17].lower() == b"cold"
    return [(0.0, respond(query, 0 if cold else 300))]


def respond(query: bytes, ttl: int) -> bytes:
    """Return the response of `knowing_every_name` to a query."""
    end = query.index(b"\0", 12) + 5
    rdatatype = int.from_bytes(query[end - 4 : end - 2], "big")
    rdata = ADDRESSES.get(rdatatype)
    answer = b""
    if rdata is not None:
        answer = struct.pack("!HHHIH", 0xC00C, rdatatype, 1, ttl, len(rdata)) + rdata
    counts = struct.pack("!HHHH", 1, 1 if answer else 0, 0, 0)
    return query[:2] + b"\x81\x80" + counts + query[12:end] + answer
