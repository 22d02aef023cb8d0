"""The cache: one for all clients of a worker, neutral to policy, bounded by bytes.

An entry holds what the lists say of a question's name and, once resolved, the answer and what
they say of that. The verdict on it belongs to the client and is looked up at every answer, so
a policy change needs no flush and no group can be served another's verdict.
"""

from collections.abc import Iterator

from dnsguard.core import garbage
from dnsguard.core.answer import Answer

FOREVER = float("inf")

# How many recently used entries one addition may pass over, so that none takes long.
MAX_CHANCES = 16

# What an entry costs beside its key and its answer's body: objects, hash table and ring.
ENTRY_OVERHEAD = 440

# An answer that is asked for so often is refreshed in the last tenth of its time, if that is
# long enough to tell.
POPULAR = 3
MIN_REFRESHED = 10  # seconds
_REFRESH_AT = 0.9

# Entries are kept in so many hash tables that none is ever large: one table of 200,000 entries
# would stop all answers for milliseconds whenever it grows.
_TABLES = 256

_FOREVER = FOREVER  # cache.pxd types what only this module reads
_MIN_REFRESHED = MIN_REFRESHED
_MAX_CHANCES = MAX_CHANCES
_ENTRY_OVERHEAD = ENTRY_OVERHEAD


class Entry:
    """What is known of one question.

    `name_signature` is the qname's, `signature` that of the qname and the answer; they are
    valid while `epoch` is the policy's. `answer` may be used before `expires`; it was whole at
    `stored`. From `refresh` on it is worth asking again once it has been used for `hits` more
    than `POPULAR`. Before `retry` nothing is asked: `failure` is the EDE code of why that
    failed. Times are those of the caller's clock, in seconds. Only the cache sets an entry's
    answer, for it counts the bytes; `kept` tells whether it has the entry.
    """

    __slots__ = (
        "answer",
        "epoch",
        "expires",
        "failure",
        "hits",
        "kept",
        "key",
        "local",
        "name_signature",
        "refresh",
        "retry",
        "signature",
        "stored",
        "used",
    )

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.epoch = 0
        self.name_signature = 0
        self.signature = 0
        self.answer: Answer | None = None
        self.stored = 0.0
        self.expires = 0.0
        self.refresh = _FOREVER
        self.retry = 0.0
        self.failure = 0
        self.hits = 0
        self.local = False
        self.used = False
        self.kept = False


class Cache:
    """Entries by question key, at most `size` bytes of them; the least used go first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.bytes = 0
        self._tables: list[dict[bytes, Entry]] = [{} for _ in range(_TABLES)]
        self._ring: list[Entry] = []
        self._hand = 0

    def __len__(self) -> int:
        return len(self._ring)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._ring)

    def get(self, key: bytes) -> Entry | None:
        """Return the entry of a question, expired or not."""
        entry = self._table(key).get(key)
        if entry is not None:
            entry.used = True
        return entry

    def _table(self, key: bytes) -> dict[bytes, Entry]:
        # Not the low bits: those choose the place within a table.
        return self._tables[hash(key) >> 48 & (_TABLES - 1)]

    def add(self, entry: Entry) -> None:
        """Add an entry for a question that has none.

        It has been used once it is asked for again: a flood of names that nobody asks for a
        second time must not push out all others.
        """
        entry.used = entry.kept = True  # lest it make room for itself
        garbage.untrack(entry)
        self.bytes += _cost(entry)
        self._table(entry.key)[entry.key] = entry
        self._ring.append(entry)
        self._evict()
        entry.used = False

    def store(self, entry: Entry, answer: Answer, now: float) -> None:
        """Keep an upstream's answer in an entry for as long as it allows."""
        entry.stored = now
        entry.expires = now + answer.ttl
        entry.refresh = now + _REFRESH_AT * answer.ttl if answer.ttl >= _MIN_REFRESHED else _FOREVER
        entry.retry = 0.0
        entry.hits = 0
        entry.local = False
        self._replace(entry, answer)

    def pin(self, entry: Entry, answer: Answer) -> None:
        """Keep a local answer in an entry until `unpin`."""
        entry.expires = entry.refresh = _FOREVER
        entry.local = True
        self._replace(entry, answer)

    def unpin(self, entry: Entry) -> None:
        """Take a local answer out of an entry: what is local has changed."""
        entry.local = False
        entry.expires = 0.0
        self._replace(entry, None)

    def _replace(self, entry: Entry, answer: Answer | None) -> None:
        before = _cost(entry)
        entry.answer = answer
        if answer is not None:
            garbage.untrack(answer)
        if entry.kept:  # it may have been evicted meanwhile
            self.bytes += _cost(entry) - before
            self._evict()

    def clear(self) -> None:
        """Forget everything."""
        for entry in self._ring:
            entry.kept = False
        self._tables = [{} for _ in range(_TABLES)]
        self._ring.clear()
        self._hand = 0
        self.bytes = 0

    def resize(self, size: int) -> None:
        """Set the bound; the next additions bring the cache below it."""
        self.size = size

    def _evict(self) -> None:
        """Make the bound hold again: second chance by ring, with a bound on the chances."""
        chances = _MAX_CHANCES
        ring = self._ring
        while self.bytes > self.size and ring:
            if self._hand >= len(ring):
                self._hand = 0
            entry = ring[self._hand]
            if entry.used and chances:
                chances -= 1
                entry.used = False
                self._hand += 1
                continue
            last = ring.pop()
            if last is not entry:
                ring[self._hand] = last
                self._hand += 1
            del self._table(entry.key)[entry.key]
            entry.kept = False
            self.bytes -= _cost(entry)


def _cost(entry: Entry) -> int:
    answer = entry.answer
    kept = 0 if answer is None else len(answer.body) + 8 * len(answer.ttl_offsets)
    return _ENTRY_OVERHEAD + len(entry.key) + kept
