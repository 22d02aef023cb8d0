"""Bodies: gzip in any pieces, and a file that never grows past its size."""

import gzip
import os
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers, lists

from dnsguard.lists.body import Body, GzipDecoder
from dnsguard.lists.errors import Refused

MIB = 1 << 20


def decode(data: bytes, step: int) -> bytes:
    decoder = GzipDecoder()
    chunks = [data[start : start + step] for start in range(0, len(data), step)]
    pieces = [piece for chunk in chunks for piece in decoder.decode(chunk)]
    decoder.finish()
    return b"".join(pieces)


@given(lists(binary(), min_size=1, max_size=3), integers(1, 40))
def test_members_one_after_another_in_any_pieces(parts: list[bytes], step: int) -> None:
    data = b"".join(gzip.compress(part) for part in parts)
    assert decode(data, step) == b"".join(parts)


@given(binary(), integers(1))
def test_an_end_that_is_missing(part: bytes, cut: int) -> None:
    data = gzip.compress(part)
    with pytest.raises(Refused) as refused:
        decode(data[: -(cut % (len(data) - 1) + 1)], 10)
    assert refused.value.reason == "truncated"


@given(binary(min_size=1), integers(1, 40))
def test_any_octets_are_decoded_or_refused(data: bytes, step: int) -> None:
    with suppress(Refused):
        decode(data, step)


def test_a_wrong_checksum_is_damage() -> None:
    data = bytearray(gzip.compress(b"example.org"))
    data[-5] ^= 1
    with pytest.raises(Refused) as refused:
        decode(bytes(data), 1000)
    assert refused.value.reason == "compression"


def test_nothing_at_all_is_an_empty_file() -> None:
    assert decode(b"", 1) == b""


@pytest.mark.parametrize("size", [(1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3 << 18])
def test_ends_that_fall_together_with_the_end_of_a_piece(size: int) -> None:
    assert decode(gzip.compress(bytes(size)), MIB) == bytes(size)


def test_a_bomb_is_decoded_piece_by_piece() -> None:
    compressor = zlib.compressobj(wbits=31)
    bomb = b"".join(compressor.compress(bytes(MIB)) for _ in range(64)) + compressor.flush()
    tracemalloc.start()
    try:
        assert sum(len(piece) for piece in GzipDecoder().decode(bomb)) == 64 * MIB
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


def test_a_body_is_written_up_to_its_size_and_no_further() -> None:
    body = Body(10)
    try:
        body.write(b"12345")
        body.write(b"67890")
        with pytest.raises(Refused) as refused:
            body.write(b"1")
        assert refused.value.reason == "size"
        assert os.pread(body.descriptor, 100, 0) == b"1234567890"
        assert not os.get_inheritable(body.descriptor)
    finally:
        os.close(body.descriptor)
