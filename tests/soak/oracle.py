"""The judge of the soak: what each answer may be, by the policy and by the fault in force.

A switch is what changes the policy: an answer must be that of a value in force at some time
between the query and the answer. A window is a fault: it says what may be seen of it besides
right answers, and for how many seconds after its end.
"""

import threading
import time
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

import dns.rdatatype

from tests.soak.answers import (
    BLOCKED,
    CUT_OFF,
    LOST,
    ODDLY,
    REFUSED,
    SERVFAIL,
    STALE,
    TOLD,
    TRUNCATED,
)
from tests.soak.client import Report, Seen
from tests.soak.questions import STRANGER, Question
from tests.soak.timing import Latencies
from tests.support.list_server import marker

ENFORCE, OFF = "enforce", "off"
MAX_VIOLATIONS = 20  # that are kept whole
MOST_LOST = 64  # by the death of a worker: what it takes from its socket at a time
JUDGED_AFTER = 2.0  # seconds, so that what explains an answer is known by then

Excuses = Mapping[str, float]
"""By what may be seen (`lost`, `truncated`, `SERVFAIL` ...): for how long after the fault."""


class Change(NamedTuple):
    """A change of a switch: when it was asked for, when it was in force, and its new value."""

    asked: float
    returned: float
    value: object


class Switch:
    """The values of something that changes, over time."""

    def __init__(self, value: object) -> None:
        self._changes = [Change(-inf, -inf, value)]

    @property
    def value(self) -> object:
        """The value set last."""
        return self._changes[-1].value

    @contextmanager
    def change(self, value: object) -> Iterator[None]:
        """Change the value in a `with` block, which ends when it is in force."""
        asked = time.monotonic()
        self._changes = [*self._changes, Change(asked, inf, value)]
        yield
        self._changes = [*self._changes[:-1], Change(asked, time.monotonic(), value)]

    def values(self, begin: float, end: float) -> set[object]:
        """Return the values that were in force at some time between two times."""
        changes = self._changes
        oldest = bisect_right([change.returned for change in changes], begin) - 1
        newest = bisect_right([change.asked for change in changes], end) - 1
        return {change.value for change in changes[oldest : newest + 1]}


@dataclass
class Window:
    """A fault while it lasts, and what may be seen of it."""

    fault: str
    excuses: Excuses
    begin: float
    end: float = inf

    def covers(self, what: str, begin: float, end: float) -> bool:
        """Tell whether something seen between two times may be put down to it."""
        after = self.excuses.get(what)
        return after is not None and begin <= self.end + after and end >= self.begin

    def touches(self, begin: float, end: float) -> bool:
        """Tell whether the fault, or what comes of it, was there between two times."""
        after = max(self.excuses.values(), default=0.0)
        return begin <= self.end + after and end >= self.begin


class Violation(NamedTuple):
    """Something that must not be, and all that is known of it."""

    when: float
    what: str
    faults: tuple[str, ...]


@dataclass
class Oracle:
    """Judges what the clients see; `violation` is for what others find."""

    toggled: Switch = field(default_factory=lambda: Switch(ENFORCE))
    version: Switch = field(default_factory=lambda: Switch(0))
    windows: list[Window] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    excused: dict[str, Counter[str]] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    latencies: Latencies = field(default_factory=Latencies)
    pause: float = 0.0
    """How long the clients themselves were held up at most."""
    times: Counter[str] = field(default_factory=Counter)
    """How often each fault came."""
    _waiting: deque[Seen] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def window(self, fault: str, excuses: Excuses) -> Iterator[Window]:
        """Have a fault in force for the length of a block."""
        window = Window(fault, excuses, time.monotonic())
        self.add(window)
        try:
            yield window
        finally:
            window.end = time.monotonic()

    def add(self, window: Window) -> None:
        """Take note of a fault."""
        with self._lock:
            self.windows = [*self.windows, window]
            self.times[window.fault] += 1

    def take(self, report: Report) -> None:
        """Take a report of the clients, and judge what is old enough."""
        self.pause = max(self.pause, report.pause)
        self._waiting.extend(report.seen)
        while self._waiting and self._waiting[0].received < time.monotonic() - JUDGED_AFTER:
            self.judge(self._waiting.popleft())

    def finish(self) -> None:
        """Judge all that is left, and how much was lost in all."""
        while self._waiting:
            self.judge(self._waiting.popleft())
        for fault, seen in self.excused.items():
            if seen[LOST] > MOST_LOST * self.times[fault]:
                self.violation(time.monotonic(), f"{seen[LOST]} queries lost by: {fault}")

    def judge(self, seen: Seen) -> None:
        """Judge one answer, or its absence."""
        question, said = seen.question, seen.said
        self.asked[question.kind] += 1
        what = _class_of(said)
        calm = not any(window.touches(seen.sent, seen.received) for window in self.windows)
        if what != LOST:
            self.latencies.add(seen, calm=calm)
        if said in self.expected(question, seen.sent, seen.received):
            self.counts["right"] += 1
            return
        if not self._may_be_excused(question, what, seen):
            self.violation(seen.received, f"{_describe(question)}: {said}")
            self.counts["wrong" if what == "wrong" else f"unexplained {what}"] += 1
            return
        self.counts[what] += 1

    def expected(self, question: Question, begin: float, end: float) -> set[str]:
        """Return what may be said to a question that was under way between two times."""
        if question.odd >= 0:
            return {ODDLY}
        if question.client == STRANGER:
            return {REFUSED}
        truth = {TOLD}
        if question.kind == "big" and question.transport == "udp":
            truth = {TRUNCATED}
        if not question.registered:
            return truth
        if question.kind in ("blocked", "alias", "hosted"):
            return {BLOCKED}
        if question.kind == "toggled":
            values = self.toggled.values(begin, end)
            return {BLOCKED if value == ENFORCE else TOLD for value in values}
        if question.kind == "listed":
            if question.name.startswith("name"):
                return {BLOCKED}
            values = self.version.values(begin, end)
            return {BLOCKED if question.name == marker(str(v)) else TOLD for v in values}
        return truth

    def violation(self, when: float, what: str) -> None:
        """Put down something that must not be."""
        faults = tuple(w.fault for w in self.windows if w.touches(when - 60, when))
        with self._lock:
            self.counts["violations"] += 1
            if len(self.violations) < MAX_VIOLATIONS:
                self.violations.append(Violation(when, what, faults[-3:]))

    def _may_be_excused(self, question: Question, what: str, seen: Seen) -> bool:
        expected = self.expected(question, seen.sent, seen.received)
        if what in (SERVFAIL, TRUNCATED) and (
            not question.needs_upstream or _is_blocked(question, expected)
        ):
            return False
        if what == STALE and TOLD not in expected:
            return False  # a blocked name beats its stale entry
        for window in reversed(self.windows):
            if window.covers(what, seen.sent, seen.received):
                self.excused.setdefault(window.fault, Counter())[what] += 1
                return True
        return False


def _is_blocked(question: Question, expected: set[str]) -> bool:
    """Tell whether a question is blocked by its name, so that nobody need be asked."""
    return expected == {BLOCKED} and question.kind in ("blocked", "toggled", "listed")


def _class_of(said: str) -> str:
    for what in (LOST, CUT_OFF):
        if said.startswith(what):
            return what
    return said if said in (SERVFAIL, STALE, TRUNCATED) else "wrong"


def _describe(question: Question) -> str:
    words = {"EDNS": question.edns, "DO": question.dnssec, "cookie": question.cookie}
    words[f"odd {question.odd}"] = question.odd >= 0
    words[question.kind] = True
    rdatatype = dns.rdatatype.to_text(question.rdatatype)
    return (
        f"{question.client} asked {question.name} type {rdatatype} over {question.transport} "
        f"({', '.join(word for word, applies in words.items() if applies)})"
    )


def describe(violations: Iterable[Violation], begin: float) -> str:
    """Return the violations as text, their times counted from the begin of the soak."""
    lines = []
    for violation in violations:
        faults = ", ".join(violation.faults) or "none"
        lines.append(f"at {violation.when - begin:.1f} s (faults lately: {faults}):")
        lines.extend(f"    {line}" for line in violation.what.splitlines())
    return "\n".join(lines)
