"""Whether upstreams answer, and how soon: decided by the results of queries and by probes.

Pure bookkeeping: the caller says what happened and when.
"""

from enum import IntEnum
from math import inf

FAILURES_UNTIL_DOWN = 3
RESPONSES_UNTIL_UP = 3  # so that one that comes and goes is not asked first again each time
PROBE_EVERY = 10.0  # seconds without news of an upstream that is up
PROBE_DOWN_EVERY = 1.0  # seconds between probes of one that is down
PROBE_SUSPECT_EVERY = 1.0  # seconds between probes of one that falls silent
LOOP_SECONDS = 10.0  # that an upstream is not asked after a message to it came back to us

MIN_PATIENCE = 0.02  # seconds: below, another upstream would be asked for a hiccup of our own


class Probe(IntEnum):
    """What to probe an upstream with."""

    NONE = 0
    ROUTINE = 1
    """Nothing is known against it."""
    DOUBTFUL = 2
    """It is new, fails, or is late: perhaps what it is asked comes back to us."""


_FAILURES_UNTIL_DOWN = FAILURES_UNTIL_DOWN  # health.pxd types what only this module reads
_RESPONSES_UNTIL_UP = RESPONSES_UNTIL_UP
_PROBE_SUSPECT_EVERY = PROBE_SUSPECT_EVERY
_MIN_PATIENCE = MIN_PATIENCE
_GAIN = 1 / 8  # as TCP estimates round trips (RFC 6298 section 2)
_DEVIATION_GAIN = 1 / 4
_DEVIATIONS = 4


class Health:
    """One upstream. It is down after three failures in a row, up after three responses in a row."""

    __slots__ = (
        "_deviation",
        "_doubtful",
        "_failures",
        "_last_news",
        "_last_response",
        "_looped",
        "_mean",
        "_probed",
        "_responses",
        "_suspected",
        "up",
    )

    def __init__(self, now: float) -> None:
        self.up = True
        self._failures = 0
        self._responses = 0
        self._mean = self._deviation = 0.0
        self._doubtful = True
        self._looped = -inf
        self._last_news = now - PROBE_EVERY
        self._last_response = -inf
        self._probed = now - PROBE_EVERY
        self._suspected = -inf

    def responded(self, seconds: float, now: float) -> None:
        """Take notice of a response after so many seconds, whatever it says."""
        self._failures = 0
        self._last_news = self._last_response = now
        if self._mean == 0.0:
            self._mean = seconds
            self._deviation = seconds / 2
        else:
            error = seconds - self._mean
            self._mean += _GAIN * error
            self._deviation += _DEVIATION_GAIN * (abs(error) - self._deviation)
        if not self.up:
            self._responses += 1
            self.up = self._responses >= _RESPONSES_UNTIL_UP

    def failed(self, sent: float, now: float) -> None:
        """Take notice that a message sent at a time met an error, or silence until now.

        Silence is no failure when the upstream answered something else meanwhile.
        """
        self._last_news = now
        if self._last_response >= sent:
            return
        self._failures += 1
        self._responses = 0
        if self._failures >= _FAILURES_UNTIL_DOWN:
            self.up = False

    def is_silent(self, since: float) -> bool:
        """Tell whether it fails, and has responded to nothing since a time."""
        return self._failures > 0 and self._last_response < since

    def doubt(self) -> None:
        """Have it probed soon: it is late, or what it says is an error."""
        self._doubtful = True

    def looped(self, now: float) -> None:
        """Take notice that what it was asked came back to us as a query."""
        self._looped = now

    def loops(self, now: float) -> bool:
        """Tell whether what it is asked comes back to us."""
        return now - self._looped < LOOP_SECONDS

    def patience(self) -> float:
        """Return after how many seconds it is later than usual, 0 when that is not known."""
        if self._mean == 0.0:
            return 0.0
        return max(_MIN_PATIENCE, self._mean + _DEVIATIONS * self._deviation)

    def is_suspect(self, now: float) -> bool:
        """Tell whether to probe it at once, as it falls silent; counts as probed if so.

        Once a second at most, and not when it is down: then it is probed anyway.
        """
        if not self.up or not self._failures or now - self._suspected < _PROBE_SUSPECT_EVERY:
            return False
        self._suspected = now
        return True

    def probe_due(self, now: float) -> Probe:
        """Tell with what to probe now; counts as probed unless that is nothing."""
        since = now - self._probed
        if not self.up or self.loops(now):
            due = since >= PROBE_DOWN_EVERY
            self._doubtful = True
        else:
            due = since >= PROBE_EVERY and (self._doubtful or now - self._last_news >= PROBE_EVERY)
        if not due:
            return Probe.NONE
        self._probed = now
        probe = Probe.DOUBTFUL if self._doubtful else Probe.ROUTINE
        self._doubtful = False
        return probe
