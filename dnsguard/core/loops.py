"""Names by which a forwarder knows its own messages, should they come back as queries.

Two forwarders that ask each other, or one that asks itself, would pass a question round until
each gives up. So what is doubtful is probed with a name that nobody else can make: who is
asked for it has found a loop, whichever worker it is and whoever stands in between.
"""

from hashlib import blake2b
from hmac import compare_digest
from secrets import token_bytes

from dnsguard.core.protocol import RD
from dnsguard.core.wire import Query, parse_query

SUFFIX = b"\x13dnsguard-loop-check\0"

_LABEL = 32  # hexadecimal digits
_MARK_SIZE = 3
_RANDOM_SIZE = 6
_SEAL_SIZE = _LABEL // 2 - _MARK_SIZE - _RANDOM_SIZE
_HEADER = bytes([0, 0, RD >> 8, 0, 0, 1, 0, 0, 0, 0, 0, 0])
_TYPE_A = b"\0\1\0\1"


class LoopNames:
    """The names of those who share a secret; `mark` is a number below 2 ** 24 in each."""

    def __init__(self, secret: bytes) -> None:
        self._secret = blake2b(secret, person=b"dnsguard loops").digest()

    def make(self, mark: int) -> Query:
        """Return a query for a new name."""
        body = mark.to_bytes(_MARK_SIZE, "big") + token_bytes(_RANDOM_SIZE)
        label = (body + self._seal(body)).hex().encode("ascii")
        query = parse_query(_HEADER + bytes([_LABEL]) + label + SUFFIX + _TYPE_A)
        assert query is not None  # noqa: S101 - it is as above
        return query

    def find(self, key: bytes) -> int:
        """Return the mark of the name in a question's key, -1 when it is not one of these."""
        if not key.startswith(SUFFIX, 1 + _LABEL) or key[0] != _LABEL:
            return -1
        try:
            octets = bytes.fromhex(key[1 : 1 + _LABEL].decode("ascii"))
        except ValueError:
            return -1
        body, seal = octets[:-_SEAL_SIZE], octets[-_SEAL_SIZE:]
        if not compare_digest(seal, self._seal(body)):
            return -1
        return int.from_bytes(body[:_MARK_SIZE], "big")

    def _seal(self, body: bytes) -> bytes:
        return blake2b(body, key=self._secret, digest_size=_SEAL_SIZE).digest()
