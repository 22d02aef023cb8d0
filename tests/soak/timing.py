"""How long answers took, in few numbers: a histogram whose buckets grow by a tenth."""

import math
from collections import Counter

from tests.soak.client import Seen

_FIRST = 1e-5  # seconds
_GROWTH = 1.1


class Histogram:
    """Times in buckets; a quantile is the upper bound of its bucket, at most a tenth too much."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Put down a time."""
        self.worst = max(self.worst, seconds)
        self._buckets[max(0, math.ceil(math.log(max(seconds, _FIRST) / _FIRST, _GROWTH)))] += 1

    def __len__(self) -> int:
        return self._buckets.total()

    def quantile(self, share: float) -> float:
        """Return the time that a share of all took at most."""
        left = share * len(self)
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                return min(self.worst, _FIRST * _GROWTH**bucket)
        return self.worst


class Latencies:
    """Times by what was asked for and whether a fault was near."""

    def __init__(self) -> None:
        self.histograms = {
            (whence, when): Histogram()
            for whence in ("without an upstream", "cached or forwarded")
            for when in ("calm", "under faults")
        }

    def add(self, seen: Seen, *, calm: bool) -> None:
        """Put down the time of an answer."""
        question = seen.question
        local = not question.needs_upstream or (question.kind == "blocked" and question.registered)
        whence = "without an upstream" if local else "cached or forwarded"
        self.histograms[whence, "calm" if calm else "under faults"].add(seen.received - seen.sent)
