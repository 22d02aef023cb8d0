"""The course of a soak: one fault after the other, calm between them, and a look at everything."""

import random
import time
from collections.abc import Callable

from tests.soak import schedule
from tests.soak.city import City
from tests.soak.faults import Fault
from tests.soak.oracle import MAX_VIOLATIONS, describe
from tests.soak.vitals import Vitals

FULL = 600.0  # seconds of a soak from which on faults and calm last as long as they should
FAULT_SECONDS, CALM_SECONDS = 6.0, 5.0
LOG_TAIL = 30  # lines of the log that are shown beside what must not be


class Course:
    """Goes on for so many seconds; what is found is shown at once."""

    def __init__(self, city: City, vitals: Vitals, seconds: float) -> None:
        pace = min(1.0, seconds / FULL)
        self.begin = time.monotonic()
        self._city, self._vitals = city, vitals
        self._seconds = seconds
        self._fault_seconds = max(1.0, FAULT_SECONDS * pace)
        self._calm_seconds = max(0.5, CALM_SECONDS * pace)
        self._shown = 0

    @property
    def passed(self) -> float:
        """How many seconds it has gone on for."""
        return time.monotonic() - self.begin

    def run(self, seed: int, words: str) -> None:
        """Have faults come in turn until the time is over, or too much was wrong."""
        self._calm_down("")
        for fault, chance in schedule.draw(seed, words):
            if self.passed > self._seconds or self._shown >= MAX_VIOLATIONS:
                return
            late = self.passed > self._seconds * schedule.RESTARTS_UNTIL
            if fault.replaces == "all" and late:
                self._city.hold(self._calm_seconds)
                continue
            self._inject(fault, chance)
            self._calm_down(fault.replaces)

    def _inject(self, fault: Fault, chance: random.Random) -> None:
        print(f"{self.passed:8.1f} s  {fault.name}", flush=True)
        with self._city.oracle.window(fault.name, fault.excuses):
            self._attempt(fault.name, lambda: fault.inject(self._city, chance, self._fault_seconds))

    def _calm_down(self, replaced: str) -> None:
        self._city.hold(self._calm_seconds)
        self._attempt("checking", lambda: self._check(replaced))
        self._show()

    def _check(self, replaced: str) -> None:
        for complaint in self._vitals.check(replaced):
            self._city.oracle.violation(time.monotonic(), complaint)

    def _attempt(self, what: str, act: Callable[[], object]) -> None:
        """Do something; where it fails, the rest of the soak is wanted all the same."""
        try:
            act()
        except Exception as error:  # noqa: BLE001
            self._city.oracle.violation(
                time.monotonic(), f"{what}: {type(error).__name__}: {error}"
            )

    def _show(self) -> None:
        """Show what was found to be wrong since the last time, and what the program logged."""
        new = self._city.oracle.violations[self._shown :]
        if new:
            self._shown += len(new)
            print(describe(new, self.begin))
            log = self._city.server.log().splitlines()[-LOG_TAIL:]
            print("the end of the log:", *log, sep="\n    ", flush=True)
