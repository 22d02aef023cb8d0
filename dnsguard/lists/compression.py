"""gzip, xz and zstd, decompressed within bounds: lists come from outside, and so do bombs."""

import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

from dnsguard.lists.errors import Refused

Compression = Literal["gzip", "xz", "zstd"]

_MAX_PARTS = 100_000  # members of gzip, streams of xz, frames of zstd
_MAX_MEMORY = 2**27  # what a decoder may take: `zstd --ultra -22` needs it, `xz -9` half of it
# Four octets of zstd may stand for a block of 128 KiB, and its decoder takes no limit: so many
# octets at a time give 8 MiB at most.
_PIECE = 256
_CHUNK = 2**18  # so that what is taken for a long list is given back


class _Decoder(Protocol):
    """The decoder of one part, as the modules of all three have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def compression(data: bytes | memoryview) -> Compression | None:
    """Return how the data are compressed, by their first octets; None when they are not."""
    start = bytes(data[:6])
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start == b"\xfd7zXZ\0":
        return "xz"
    # Some begin with a frame that is skipped: RFC 8878 section 3.1.2.
    skippable = start[1:4] == b"\x2a\x4d\x18" and start[0] & 0xF0 == 0x50
    return "zstd" if skippable or start.startswith(b"\x28\xb5\x2f\xfd") else None


def decompress(data: bytes | memoryview, max_size: int) -> bytes:
    """Return the data decompressed, or as they are when they are not compressed.

    Raises Refused for `truncated` or damaged (`compression`) data and for more than `max_size`
    octets (`size`); at most 8 MiB above `max_size` are decompressed to find that out.
    """
    data = memoryview(data)
    kind = compression(data)
    output = io.BytesIO()
    for chunk in (data,) if kind is None else _chunks(data, kind):
        if output.tell() + len(chunk) > max_size:
            raise Refused(
                "size", f"it has more than {max_size} octets: raise max_size if that is right"
            )
        output.write(chunk)
    return output.getvalue()


def compress(data: bytes | memoryview) -> Iterator[bytes]:
    """Yield the data as one frame of zstd with a checksum, a little at a time."""
    import zstandard

    whole = memoryview(data)
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj(len(whole))
    for start in range(0, len(whole), _CHUNK):
        yield compressor.compress(whole[start : start + _CHUNK])
    yield compressor.flush()


def _chunks(data: memoryview, kind: Compression) -> Iterator[bytes]:
    new_decoder, failure = _codec(kind)
    position = 0
    for _ in range(_MAX_PARTS):
        decoder = new_decoder()
        while not decoder.eof:
            piece = bytes(data[position : position + _PIECE])
            if not piece:
                raise Refused("truncated", f"its {kind} data end too early: fetch it again")
            position += len(piece)
            try:
                yield decoder.decompress(piece)
            except failure:
                raise Refused(
                    "compression",
                    f"its {kind} data are damaged or need more than {_MAX_MEMORY >> 20} MiB of "
                    "memory: fetch it again, or tell its publisher",
                ) from None
        position -= len(decoder.unused_data)
        if kind != "zstd":
            position = _skip_padding(data, position)
        if position == len(data):
            return
        if compression(data[position:]) != kind:
            raise Refused(
                "compression", f"its {kind} data have something else behind: tell its publisher"
            )
    raise Refused("compression", f"its {kind} data have too many parts: tell its publisher")


def _codec(kind: Compression) -> tuple[Callable[[], _Decoder], type[Exception]]:
    if kind == "gzip":
        return lambda: zlib.decompressobj(16 + zlib.MAX_WBITS), zlib.error
    if kind == "xz":
        return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_MEMORY), lzma.LZMAError
    import zstandard

    zstd = zstandard.ZstdDecompressor(max_window_size=_MAX_MEMORY)
    return zstd.decompressobj, zstandard.ZstdError


def _skip_padding(data: memoryview, position: int) -> int:
    while position < len(data):
        piece = bytes(data[position : position + 65_536])
        rest = piece.lstrip(b"\0")
        position += len(piece) - len(rest)
        if rest:
            break
    return position
