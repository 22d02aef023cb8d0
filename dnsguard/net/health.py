"""Whether upstreams answer: decided by the results of queries and by probes.

Pure bookkeeping: the caller says what happened and when.
"""

from math import inf

FAILURES_UNTIL_DOWN = 3
PROBE_EVERY = 10.0  # seconds without news of an upstream that is up
PROBE_DOWN_EVERY = 1.0  # seconds between probes of one that is down

_FAILURES_UNTIL_DOWN = FAILURES_UNTIL_DOWN  # health.pxd types what only this module reads


class Health:
    """One upstream. It is down after three failures in a row, up after any response."""

    __slots__ = ("_failures", "_last_news", "_last_response", "_probed", "up")

    def __init__(self, now: float) -> None:
        self.up = True
        self._failures = 0
        self._last_news = now - PROBE_EVERY
        self._last_response = -inf
        self._probed = now - PROBE_EVERY

    def responded(self, now: float) -> None:
        """Take notice of a response, whatever it says."""
        self.up = True
        self._failures = 0
        self._last_news = self._last_response = now

    def failed(self, sent: float, now: float) -> None:
        """Take notice that a message sent at a time met an error, or silence until now.

        Silence is no failure when the upstream answered something else meanwhile.
        """
        self._last_news = now
        if self._last_response >= sent:
            return
        self._failures += 1
        if self._failures >= _FAILURES_UNTIL_DOWN:
            self.up = False

    def probe_due(self, now: float) -> bool:
        """Tell whether to probe now; counts as probed when it says yes."""
        if self.up:
            due = now - self._last_news >= PROBE_EVERY and now - self._probed >= PROBE_EVERY
        else:
            due = now - self._probed >= PROBE_DOWN_EVERY
        if due:
            self._probed = now
        return due
