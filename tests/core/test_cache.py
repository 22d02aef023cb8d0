import gc
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dnsguard.build import BUILD
from dnsguard.core.answer import Answer
from dnsguard.core.cache import ENTRY_OVERHEAD, FOREVER, MAX_CHANCES, Cache, Entry

KEYS = [bytes([number]) * 20 for number in range(40)]
COST = ENTRY_OVERHEAD + 20


def filled(size: int, keys: list[bytes]) -> Cache:
    cache = Cache(size)
    for key in keys:
        cache.add(Entry(key))
    return cache


def kept(cache: Cache, keys: list[bytes]) -> list[bytes]:
    return [key for key in keys if cache.get(key) is not None]


def cache_keys(cache: Cache) -> list[bytes]:
    """Return what there is, without using it."""
    return [entry.key for entry in cache]


def test_an_entry_is_found_by_its_key() -> None:
    cache = Cache(10 * COST)
    entry = Entry(KEYS[0])
    cache.add(entry)
    assert cache.get(KEYS[0]) is entry
    assert cache.get(KEYS[1]) is None
    assert (entry.epoch, entry.signature, entry.answer, entry.local) == (0, 0, None, False)
    assert (len(cache), cache.bytes) == (1, COST)


def test_an_answer_is_kept_for_its_ttl() -> None:
    cache = Cache(10 * COST)
    entry = Entry(KEYS[0])
    cache.add(entry)
    answer = Answer(0, b"x" * 50, ttl=30)
    cache.store(entry, answer, 1000.0)
    assert entry.answer is answer
    assert (entry.stored, entry.expires, entry.local) == (1000.0, 1030.0, False)
    assert cache.bytes == COST + 50


def test_the_bound_is_one_of_memory() -> None:
    count = 20_000
    tracemalloc.start()
    try:
        cache = Cache(1 << 30)
        for number in range(count):
            key = number.to_bytes(40, "big")
            entry = Entry(key)
            cache.add(entry)
            answer = Answer(0, number.to_bytes(60, "big"), ttl_offsets=(6, 22, 38), ttl=30)
            cache.store(entry, answer, 1000.0)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.6 * cache.bytes < used < cache.bytes


@pytest.mark.parametrize("keep", [Cache.store, Cache.pin])
def test_what_is_kept_does_not_hold_up_the_garbage_collector(keep: Callable[..., None]) -> None:
    cache = Cache(10 * COST)
    entry, answer = Entry(KEYS[0]), Answer(0, b"x" * 50, ttl=30)
    cache.add(entry)
    keep(cache, entry, answer, *([1000.0] if keep is Cache.store else []))
    assert gc.is_tracked(entry) == gc.is_tracked(answer) == (BUILD == "plain")


def test_a_local_answer_is_pinned_until_it_is_unpinned() -> None:
    cache = Cache(10 * COST)
    entry = Entry(KEYS[0])
    cache.add(entry)
    cache.pin(entry, Answer(0, b"x" * 50, ttl=30))
    assert (entry.local, entry.expires, cache.bytes) == (True, FOREVER, COST + 50)
    cache.unpin(entry)
    assert (entry.local, entry.answer, cache.bytes) == (False, None, COST)


@pytest.mark.parametrize("size", [0, COST - 1])
def test_a_cache_too_small_for_one_entry_keeps_none(size: int) -> None:
    cache = filled(size, KEYS[:5])
    assert (len(cache), cache.bytes) == (0, 0)


def test_the_bound_holds_and_the_rest_stays() -> None:
    cache = filled(10 * COST, KEYS)
    assert (len(cache), cache.bytes) == (10, 10 * COST)
    assert KEYS[-1] in kept(cache, KEYS)


def test_what_is_asked_for_outlives_what_is_not() -> None:
    cache = filled(4 * COST, KEYS[:4])
    cache.add(Entry(KEYS[4]))  # everyone's first chance is spent
    popular = kept(cache, KEYS[:4])[0]
    for key in KEYS[5:30]:
        assert cache.get(popular) is not None
        cache.add(Entry(key))
    assert cache.get(popular) is not None


def test_a_flood_of_names_asked_for_once_pushes_out_few_others() -> None:
    popular = [bytes([number]) * 20 for number in range(100)]
    cache = filled(1000 * COST, popular)
    lost = 0
    for number in range(20_000):
        cache.add(Entry(b"new" + number.to_bytes(17, "big")))
        if number % 5 == 0:
            key = popular[number // 5 % 100]
            if cache.get(key) is None:
                lost += 1
                cache.add(Entry(key))
    assert lost < 50, "of 4,000"


def test_an_entry_makes_no_room_for_itself() -> None:
    cache = filled(10 * COST, KEYS[:10])
    for number in range(1000):
        for key in KEYS[:10]:  # whatever is there has been used, wherever eviction goes on
            cache.get(key)
        key = b"new" + number.to_bytes(17, "big")
        cache.add(Entry(key))
        assert key in cache_keys(cache)


def test_one_addition_gives_few_chances() -> None:
    keys = [number.to_bytes(20, "big") for number in range(10 * MAX_CHANCES)]
    cache = filled(len(keys) * COST, keys)
    assert kept(cache, keys) == keys  # from here on all have been used
    cache.add(Entry(b"one more"))
    assert len(cache) == len(keys)
    assert set(keys) - set(kept(cache, keys)) == {keys[MAX_CHANCES]}


def test_an_answer_for_an_evicted_entry_costs_nothing() -> None:
    cache = Cache(2 * COST)
    lost = Entry(KEYS[0])
    cache.add(lost)
    for key in KEYS[1:]:
        cache.add(Entry(key))
    assert cache.get(KEYS[0]) is None
    before = cache.bytes
    cache.store(lost, Answer(0, b"x" * 500, ttl=30), 1.0)
    assert cache.bytes == before
    assert cache.get(KEYS[0]) is None


def test_clear_forgets_everything() -> None:
    cache = filled(5 * COST, KEYS[:20])
    cache.clear()
    assert (len(cache), cache.bytes, kept(cache, KEYS)) == (0, 0, [])
    for key in KEYS:
        cache.add(Entry(key))
    assert (len(cache), cache.bytes) == (5, 5 * COST)


def test_a_smaller_bound_holds_after_the_next_addition() -> None:
    cache = filled(20 * COST, KEYS[:20])
    cache.resize(5 * COST)
    cache.add(Entry(KEYS[20]))
    assert len(cache) == 5


class Additions(RuleBasedStateMachine):
    """Whatever is done to a cache, its bytes are those of its entries and within the bound."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = Cache(8 * COST)
        self.entries: dict[bytes, Entry] = {}

    @rule(key=st.sampled_from(KEYS), body=st.integers(0, 3 * COST))
    def add_and_store(self, key: bytes, body: int) -> None:
        entry = self.cache.get(key)
        if entry is None:
            entry = self.entries[key] = Entry(key)
            self.cache.add(entry)
        self.cache.store(entry, Answer(0, b"x" * body, ttl=30), 1.0)

    @rule(key=st.sampled_from(KEYS), body=st.integers(0, 100))
    def pin(self, key: bytes, body: int) -> None:
        for entry in self._any(key):
            self.cache.pin(entry, Answer(0, b"x" * body))

    @rule(key=st.sampled_from(KEYS))
    def unpin(self, key: bytes) -> None:
        for entry in self._any(key):
            self.cache.unpin(entry)

    @rule(key=st.sampled_from(KEYS))
    def get(self, key: bytes) -> None:
        assert self.cache.get(key) in (None, self.entries.get(key))

    @rule(entries=st.integers(0, 12))
    def resize(self, entries: int) -> None:
        self.cache.resize(entries * COST)
        key = next(key for key in map(bytes, range(100)) if self.cache.get(key) is None)
        self.entries[key] = Entry(key)
        self.cache.add(self.entries[key])

    def _any(self, key: bytes) -> list[Entry]:
        """Return the entry that was last made for a key, in the cache or long out of it."""
        entry = self.entries.get(key)
        return [] if entry is None else [entry]

    @invariant()
    def the_bound_holds(self) -> None:
        assert 0 <= self.cache.bytes <= self.cache.size


TestAdditions = Additions.TestCase


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 400)), max_size=60))
def test_the_bytes_are_those_of_the_entries(stored: list[tuple[bytes, int]]) -> None:
    cache = Cache(8 * COST)
    sizes: dict[bytes, int] = {}
    keep: list[Callable[[Entry, Answer], None]] = [
        lambda entry, answer: cache.store(entry, answer, 1.0),
        cache.pin,
    ]
    for number, (key, body) in enumerate(stored):
        entry = cache.get(key)
        if entry is None:
            entry = Entry(key)
            cache.add(entry)
        keep[number % 2](entry, Answer(0, b"x" * body, ttl=30))
        sizes[key] = body
    present = kept(cache, KEYS)
    assert len(cache) == len(present)
    assert cache.bytes == sum(COST + sizes[key] for key in present)
