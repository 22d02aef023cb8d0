"""Compressed lists, and what comes in their place: bombs, halves, garbage."""

import gzip
import itertools
import lzma
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.lists.compression import compress, compression, decompress
from dnsguard.lists.errors import Refused

TEXT = b"".join(b"name%d.example.org\n" % number for number in range(20_000))
MAX_SIZE = 1_000_000

Compress = Callable[[bytes], bytes]


def zstd_unsized(data: bytes) -> bytes:
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(data) + compressor.flush()


FORMATS: dict[str, Compress] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": lambda data: b"".join(compress(data)),
    "zstd of unknown size": zstd_unsized,
}
formats = pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)


def refusal(data: bytes, max_size: int = MAX_SIZE) -> str:
    with pytest.raises(Refused) as refused:
        decompress(data, max_size)
    assert str(refused.value).isprintable()
    return refused.value.reason


@formats
def test_a_compressed_list_is_decompressed(make: Compress) -> None:
    assert decompress(make(TEXT), MAX_SIZE) == TEXT
    assert decompress(memoryview(make(TEXT)), len(TEXT)) == TEXT
    assert decompress(make(b""), 0) == b""


@formats
def test_several_parts_are_one_list(make: Compress) -> None:
    assert decompress(make(TEXT[:1000]) + make(b"") + make(TEXT[1000:]), MAX_SIZE) == TEXT


@pytest.mark.parametrize("check", [lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_SHA256])
def test_xz_as_publishers_make_it(check: int) -> None:
    data = lzma.compress(TEXT, check=check, preset=9 | lzma.PRESET_EXTREME)
    assert compression(data) == "xz"
    assert decompress(data, MAX_SIZE) == TEXT


def test_zstd_as_publishers_make_it() -> None:
    strongest = zstandard.ZstdCompressionParameters.from_level(22, window_log=27)
    data = zstandard.ZstdCompressor(compression_params=strongest).compress(TEXT)
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0pzst"
    for whole in (data, skipped + data, data + skipped):
        assert compression(whole) == "zstd"
        assert decompress(whole, MAX_SIZE) == TEXT


@pytest.mark.parametrize("data", [b"", b"\x1f", b"\xfd7zX", b"P", b"example.org\n", b"PK\x03\x04"])
def test_anything_else_is_left_as_it_is(data: bytes) -> None:
    assert compression(data) is None
    assert decompress(data, 100) == data
    assert decompress(memoryview(data), 100) == data


@formats
def test_only_one_layer_is_taken_off(make: Compress) -> None:
    inner = gzip.compress(TEXT)
    assert decompress(make(inner), MAX_SIZE) == inner


@pytest.mark.parametrize("make", [*FORMATS.values(), bytes], ids=[*FORMATS, "plain"])
def test_more_than_allowed_is_refused(make: Compress) -> None:
    assert refusal(make(TEXT), len(TEXT) - 1) == "size"
    assert refusal(make(TEXT[:100]) + make(TEXT[100:]), len(TEXT) - 1) == "size"


@formats
def test_a_part_of_a_file_is_truncated(make: Compress) -> None:
    data = make(TEXT)
    ends = {len(data) - 1, len(data) // 2, 300, 20, 6}
    assert {refusal(data[:end]) for end in ends} == {"truncated"}
    assert refusal(make(TEXT) + data[:20]) == "truncated"


@formats
def test_something_behind_the_end_is_refused(make: Compress) -> None:
    for rest in (b"<html>", b"\n", b"\0\0\0\0x", *(other(TEXT) for other in FORMATS.values())):
        if compression(rest) != compression(make(TEXT)):
            assert refusal(make(TEXT) + rest) == "compression"


def test_zeros_fill_the_last_block_of_a_tape() -> None:
    padding = bytes(200_000)
    assert decompress(gzip.compress(TEXT) + padding, MAX_SIZE) == TEXT
    assert decompress(lzma.compress(TEXT) + padding, MAX_SIZE) == TEXT
    assert decompress(gzip.compress(TEXT) + padding + gzip.compress(TEXT), MAX_SIZE) == TEXT * 2
    assert refusal(b"".join(compress(TEXT)) + padding) == "compression"


@pytest.mark.parametrize("kind", ["gzip", "xz", "zstd"])
def test_a_damaged_octet_is_noticed(kind: str) -> None:
    make = FORMATS[kind]
    data = make(TEXT)
    for position in range(20, len(data), len(data) // 50):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        assert refusal(bytes(damaged)) in {"compression", "truncated", "size"}


def test_what_needs_much_memory_is_refused() -> None:
    hungry = bytearray(lzma.compress(b"x"))
    hungry[hungry.index(b"\x21\x01") + 2] = 34  # the dictionary: 256 MiB
    header = slice(12, 8 + (hungry[12] + 1) * 4)
    checksum = zlib.crc32(hungry[header]).to_bytes(4, "little")
    hungry[header.stop : header.stop + 4] = checksum
    assert lzma.decompress(hungry) == b"x"
    assert refusal(bytes(hungry)) == "compression"

    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=28)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wide = compressor.compress(b"x") + compressor.flush()
    decompressor = zstandard.ZstdDecompressor(max_window_size=2**28).decompressobj()
    assert decompressor.decompress(wide) == b"x"
    assert refusal(wide) == "compression"


def test_endless_parts_are_refused() -> None:
    frame = b"".join(compress(b""))
    assert decompress(frame * 1_000, 0) == b""
    assert refusal(frame * 100_001, 0) == "compression"


# A frame of zstd blocks that each repeat one octet 128 KiB times, and the last of them.
REPEATED = (131_072 << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
BOMBS = {
    "gzip": gzip.compress(bytes(200_000_000)),
    "xz": lzma.compress(bytes(200_000_000), preset=0),
    "zstd": b"\x28\xb5\x2f\xfd\x00\x58" + REPEATED * 10_000,
    "gzip in many members": gzip.compress(bytes(1_000_000)) * 200,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_little(bomb: bytes) -> None:
    assert compression(bomb) is not None
    tracemalloc.start()
    try:
        assert refusal(bomb) == "size"
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_SIZE + 2 * 2**23
    finally:
        tracemalloc.stop()


@given(
    st.sampled_from(list(FORMATS.values())),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
    st.binary(max_size=20),
)
def test_whatever_comes_is_data_or_a_refusal(
    make: Compress, changes: list[tuple[int, int]], rest: bytes
) -> None:
    data = bytearray(make(TEXT[:2_000]) + rest)
    for position, octet in changes:
        data[position % len(data)] = octet
    with suppress(Refused):
        assert len(decompress(bytes(data), 5_000)) <= 5_000


def test_what_is_compressed_comes_back() -> None:
    for size in itertools.chain(range(4), (131_071, 131_072, 131_073)):
        assert decompress(b"".join(compress(TEXT[:size])), size) == TEXT[:size]
