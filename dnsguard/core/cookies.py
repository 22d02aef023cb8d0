"""Server cookies as all servers that share a secret make them (RFC 9018 section 4).

A server cookie is a version, a timestamp, and a hash over these, the client's cookie and its
address, so nothing is kept for a client. What is none of ours is no error: the query counts as
one with a client cookie alone (RFC 7873 section 5.2.4).
"""

from collections.abc import Sequence

from dnsguard.core import octets
from dnsguard.core.clients import unmap
from dnsguard.core.protocol import EdnsOption, Rcode
from dnsguard.core.wire import HEADER_SIZE, Query

SECRET_SIZE = 16
MAX_AGE = 3600  # of a server cookie in seconds (RFC 9018 section 4.3)
MAX_AHEAD = 300  # for the clocks of the servers that share a secret differ
RENEW_AGE = 1800  # a client is given a new one from then on

_MAX_AGE = MAX_AGE  # cookies.pxd types what is defined here, not what is imported
_MAX_AHEAD = MAX_AHEAD
_RENEW_AGE = RENEW_AGE
_HEADER_SIZE = HEADER_SIZE
_FORMERR = int(Rcode.FORMERR)
_BADCOOKIE = int(Rcode.BADCOOKIE)
_COOKIE = int(EdnsOption.COOKIE)
_VERSION = 1
_CLIENT_SIZE = 8
_HASHED_SIZE = 16  # of the two cookies, all but the hash itself
_SIZE = 24
_HEAD_SIZE = 4  # of an option before its data
_INVALID = 0
_OLD = 1
_CURRENT = 2
_HALF = 0x80000000
_MASK32 = 0xFFFFFFFF
_MASK64 = 0xFFFFFFFFFFFFFFFF
_INITIAL = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


class Key:
    """A secret of 16 octets as SipHash begins with it."""

    __slots__ = ("v0", "v1", "v2", "v3")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_SIZE:
            raise ValueError("a secret must have 16 octets")
        low = int.from_bytes(secret[:8], "little")
        high = int.from_bytes(secret[8:], "little")
        self.v0 = low ^ _INITIAL[0]
        self.v1 = high ^ _INITIAL[1]
        self.v2 = low ^ _INITIAL[2]
        self.v3 = high ^ _INITIAL[3]


class Cookies:
    """The server cookies of one worker: made with the first secret, accepted by any."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._offset = 0.0
        self.change(secrets)

    def change(self, secrets: Sequence[bytes]) -> None:
        """Go on with other secrets; without one, queries are answered without cookies."""
        self._keys = [Key(secret) for secret in secrets]

    def set_clock(self, wall: float, now: float) -> None:
        """Be told the seconds since 1970 at some `now`."""
        self._offset = wall - now

    def respond(self, query: Query, address: bytes, now: float) -> bytes:
        """Return the COOKIE option for the response to a query that has one.

        A query with a server cookie of ours is verified from then on.
        A query that has nothing else gets its result (RFC 7873 section 5.4).
        """
        only = query.end == _HEADER_SIZE and query.rcode == 0
        if not self._keys:
            if only:
                query.rcode = _FORMERR
            return b""
        if len(address) == 16:
            address = unmap(address)
        time = int(now + self._offset)
        time &= _MASK32
        state = _INVALID
        if query.cookie_size == _SIZE:
            state = self._judge(query.data, query.cookie, address, time)
            if state != _INVALID:
                query.verified = True
        if only and state == _INVALID and query.cookie_size != _CLIENT_SIZE:
            query.rcode = _BADCOOKIE
        option = octets.blank(_HEAD_SIZE + _SIZE)
        message = option
        octets.put16(message, 0, _COOKIE)
        octets.put16(message, 2, _SIZE)
        if state == _CURRENT:
            octets.copy(message, _HEAD_SIZE, query.data, query.cookie, query.cookie + _SIZE)
        else:
            self._make(message, query.data, query.cookie, address, time)
        return octets.whole(option)

    def _make(self, message: bytearray, data: bytes, start: int, address: bytes, time: int) -> None:
        """Put the client's cookie, which stands at `start`, and a new one of ours in an option."""
        key = self._keys[0]
        hashed = octets.blank(_HASHED_SIZE + len(address))
        into = hashed
        octets.copy(into, 0, data, start, start + _CLIENT_SIZE)
        octets.put32(into, _CLIENT_SIZE, _VERSION << 24)
        octets.put32(into, _CLIENT_SIZE + 4, time)
        octets.copy(into, _HASHED_SIZE, address, 0, len(address))
        whole = octets.whole(hashed)
        value = siphash(key, whole)
        octets.copy(message, _HEAD_SIZE, whole, 0, _HASHED_SIZE)
        for at in range(8):
            message[_HEAD_SIZE + _HASHED_SIZE + at] = value >> 8 * at & 0xFF

    def _judge(self, data: bytes, start: int, address: bytes, time: int) -> int:
        """Tell whether a server cookie is one of ours, and whether it is time for another."""
        message = data
        if message[start + _CLIENT_SIZE] != _VERSION:
            return _INVALID
        # Timestamps are serial numbers (RFC 1982): they go on after 2106.
        stamp = octets.get32(message, start + _CLIENT_SIZE + 4)
        age = (time - stamp + _HALF & _MASK32) - _HALF
        if age > _MAX_AGE or age < -_MAX_AHEAD:
            return _INVALID
        hashed = octets.cut(message, start, start + _HASHED_SIZE) + address
        said = _word(data, start + _HASHED_SIZE, start + _SIZE)
        for number in range(len(self._keys)):
            key = self._keys[number]
            if siphash(key, hashed) == said:
                return _CURRENT if number == 0 and age <= _RENEW_AGE else _OLD
        return _INVALID


def siphash(key: Key, data: bytes) -> int:
    """Return SipHash-2-4 of some octets, a number of 64 bits (Aumasson, Bernstein 2012)."""
    v0 = key.v0
    v1 = key.v1
    v2 = key.v2
    v3 = key.v3
    size = len(data)
    last = size >> 3
    for number in range(last + 2):
        word = 0
        rounds = 2
        if number < last:
            word = _word(data, 8 * number, 8 * number + 8)
        elif number == last:
            word = size & 0xFF
            word = word << 56 | _word(data, 8 * number, size)
        else:
            v2 ^= 0xFF
            rounds = 4
        v3 ^= word
        for _ in range(rounds):
            v0 = v0 + v1 & _MASK64
            v1 = _rotate(v1, 13) ^ v0
            v0 = _rotate(v0, 32)
            v2 = v2 + v3 & _MASK64
            v3 = _rotate(v3, 16) ^ v2
            v0 = v0 + v3 & _MASK64
            v3 = _rotate(v3, 21) ^ v0
            v2 = v2 + v1 & _MASK64
            v1 = _rotate(v1, 17) ^ v2
            v2 = _rotate(v2, 32)
        v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3


def _rotate(value: int, by: int) -> int:
    return (value << by | value >> 64 - by) & _MASK64


def _word(data: bytes, start: int, end: int) -> int:
    """Return up to eight octets as a number, the lowest first."""
    message = data
    word = 0
    for at in range(end - start):
        octet = message[start + at]
        word |= octet << 8 * at
    return word
