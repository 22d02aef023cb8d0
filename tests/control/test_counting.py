"""Ranges of counters, and the pages they stand in."""

import mmap
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.control.counting import Page, Ranges
from dnsguard.core import counters
from dnsguard.net.worker import map_page

KEYS = st.tuples(
    st.sampled_from(["group", "blocked", "shadow", "upstream"]), st.sampled_from("abc")
)
SIZES = {
    "group": counters.GROUP_SIZE,
    "blocked": counters.HITS_SIZE,
    "shadow": counters.HITS_SIZE,
    "upstream": counters.UPSTREAM_SIZE,
}


@given(keys=st.lists(KEYS, max_size=30))
def test_every_key_has_a_range_of_its_own_for_ever(keys: list[tuple[str, str]]) -> None:
    ranges = Ranges()
    bases: dict[tuple[str, str], int] = {}
    for key in keys:
        bases.setdefault(key, ranges.base(*key))
        assert ranges.base(*key) == bases[key]
    taken = [index for key, base in bases.items() for index in range(base, base + SIZES[key[0]])]
    assert len(taken) == len(set(taken))
    assert min(taken, default=counters.FIRST_FREE) == counters.FIRST_FREE
    assert max(taken, default=counters.FIRST_FREE - 1) == ranges.end - 1


def test_items_are_those_of_a_kind() -> None:
    ranges = Ranges()
    staff = ranges.base("group", "staff")
    ranges.base("upstream", "udp://192.0.2.53")
    assert ranges.items("group") == [(("staff",), staff)]


def test_a_copy_goes_its_own_way() -> None:
    ranges = Ranges()
    staff = ranges.base("group", "staff")
    copied = ranges.copy()
    assert copied.base("group", "staff") == staff
    copied.base("group", "public")
    assert ranges.items("group") == [(("staff",), staff)]


def test_a_full_page_is_told() -> None:
    ranges = Ranges()
    with pytest.raises(ValueError, match="restart dnsguard"):
        _fill(ranges)
    assert ranges.end <= counters.PAGE_SIZE


def _fill(ranges: Ranges) -> None:
    for number in range(counters.PAGE_SIZE):
        ranges.base("upstream", str(number))


def test_what_a_worker_counts_is_read_and_outlives_it() -> None:
    page = Page()
    for _ in range(2):  # one worker after the other
        worker = map_page(os.dup(page.descriptor))
        worker[counters.PENDING] += 20
        worker[counters.PAGE_SIZE - 1] += 1
        del worker
    assert page.read(counters.PAGE_SIZE)[counters.PENDING] == 40
    assert page.read(counters.PAGE_SIZE)[-1] == 2
    page.close()


def test_reading_leaves_what_nobody_touched_without_memory() -> None:
    page = Page()
    map_page(page.descriptor)[0] = 1
    assert len(page.read(counters.PAGE_SIZE)) == counters.PAGE_SIZE
    assert os.fstat(page.descriptor).st_blocks * 512 <= mmap.PAGESIZE
    page.close()
