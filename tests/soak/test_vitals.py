"""Growth is seen, and what goes up and down is not taken for it."""

import os
import random
from typing import cast

from tests.soak.city import City
from tests.soak.vitals import Process, Sample, Vitals, life
from tests.support.processes import started

MIB = 1 << 20


def grown(mib_an_hour: float, seconds: int, noise: float = 0.5) -> float:
    """Return the slope that is found in samples of a process that grows and fluctuates."""
    chance = random.Random(1)
    samples = [
        Sample(when, int(MIB * (40 + mib_an_hour * when / 3600 + chance.uniform(0, noise))))
        for when in range(0, seconds, 2)
    ]
    return life("worker", samples).slope


def test_a_leak_is_seen_through_the_noise() -> None:
    assert abs(grown(0.0, 3600)) < 0.5
    assert 9.5 < grown(10.0, 3600) < 10.5


def test_a_warm_up_is_no_leak() -> None:
    samples = [Sample(when, min(40, 10 + when // 5) * MIB) for when in range(0, 1800, 2)]
    found = life("worker", samples)
    assert (found.slope, found.start, found.end) == (0.0, 40.0, 40.0)


def test_who_has_the_number_of_a_process_that_ended_is_another() -> None:
    vitals = Vitals(cast(City, None))
    pid = os.getpid()
    own = Process(pid, started(pid))
    vitals.sample([own, Process(pid, own.started - 1)])
    assert {process: len(samples) for process, samples in vitals.samples.items()} == {own: 1}
