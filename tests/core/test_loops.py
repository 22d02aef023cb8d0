"""Names by which a forwarder knows its own messages."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core.loops import SUFFIX, LoopNames

SECRET = os.urandom(16)


@pytest.mark.parametrize("mark", [0, 1, 4711, (1 << 20) - 1, (1 << 24) - 1])
def test_a_name_is_known_by_all_who_have_the_secret(mark: int) -> None:
    query = LoopNames(SECRET).make(mark)
    assert LoopNames(SECRET).find(query.key) == mark
    assert query.rcode == 0


def test_every_name_is_new() -> None:
    names = LoopNames(SECRET)
    assert len({names.make(7).key for _ in range(1000)}) == 1000


def test_nobody_else_can_make_one() -> None:
    key = LoopNames(SECRET).make(7).key
    assert LoopNames(os.urandom(16)).find(key) == -1
    for position in range(1, 33):
        changed = bytearray(key)
        changed[position] = ord("0") if key[position] != ord("0") else ord("1")
        assert LoopNames(SECRET).find(bytes(changed)) == -1


@given(label=st.binary(min_size=0, max_size=63), rest=st.sampled_from([SUFFIX, b"\3com\0", b"\0"]))
def test_no_other_name_is_one(label: bytes, rest: bytes) -> None:
    assert LoopNames(SECRET).find(bytes([len(label)]) + label + rest + b"\0\1\0\1\0") == -1
