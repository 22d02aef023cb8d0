"""The body of an HTTP response, kept as it comes in an anonymous file in memory."""

import hashlib
import os
import zlib
from collections.abc import Iterator

from dnsguard.lists.errors import Refused

_PIECE = 1 << 18  # octets decompressed at a time
_GZIP = 31  # zlib's wbits: the largest window, in a gzip wrapper
_DAMAGED = "the compression of the response is damaged"


class Body:
    """A file in memory of at most `max_size` octets. Whoever makes it closes the descriptor."""

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.size = 0
        self._hash = hashlib.sha256()
        self.descriptor = os.memfd_create("dnsguard-list", os.MFD_CLOEXEC)

    @property
    def sha256(self) -> str:
        """The hash of what was written so far, in hexadecimal."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Append octets; Refused once there are too many, OSError when memory is short."""
        self.size += len(data)
        if self.size > self.max_size:
            raise too_large(self.max_size)
        self._hash.update(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]


class GzipDecoder:
    """Undoes `Content-Encoding: gzip` in pieces of bounded size; members may follow another."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what some more octets stand for; Refused when they are no gzip."""
        while data:
            self._begun = True
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            try:
                yield self._member.decompress(data, _PIECE)
            except zlib.error:
                raise Refused("compression", _DAMAGED) from None
            data = self._member.unconsumed_tail or self._member.unused_data

    def finish(self) -> None:
        """Take notice of the end; Refused when it is not that of the gzip.

        Nothing is held back then: a member ends with a checksum of what was decoded.
        """
        if self._begun and not self._member.eof:
            raise Refused("truncated", "the compressed response ends too early")


def too_large(max_size: int) -> Refused:
    """Return the refusal of a response that exceeds the size the config allows."""
    return Refused("size", f"the file is larger than max_size, {max_size} octets")
