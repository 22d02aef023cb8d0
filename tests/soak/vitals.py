"""How the processes of the soak fare: their memory and descriptors, and what /metrics says."""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.soak.city import City
from tests.support.background import InThread
from tests.support.metrics import Samples, gone_backwards, read_samples
from tests.support.processes import resident, started

SAMPLE_EVERY = 2.0
WARM_UP = 1_200.0  # seconds of a process's life in which it may grow: caches and heap fill
WARM_UP_SHARE = 0.5  # of its life, where that is shorter
MAX_SLOPE = 4.0  # MiB an hour
MAX_GROWTH = 24.0  # MiB from the first third of a life to the last, in a soak of minutes
SHORT_LIFE = 900.0  # seconds after which a slope says something
MAX_MORE_DESCRIPTORS = 40
ENOUGH_COUNTS = 30  # of descriptors, to tell what grows from what a fault holds for a while

_MIB = 1 << 20
_COMES_LATER = ("dnsguard_blocked_total{", "dnsguard_shadow_total{")
"""Series that come with their first hit; their labels are from fixed sets."""


class Sample(NamedTuple):
    """The memory of a process in octets at a time."""

    when: float
    memory: int


class Process(NamedTuple):
    """A process; another one may have its number once it has ended."""

    pid: int
    started: int


class Life(NamedTuple):
    """What became of the memory of one process, in MiB, and in MiB an hour after its warm-up."""

    process: str
    seconds: float
    start: float
    end: float
    slope: float


class Vitals(InThread):
    """Takes samples in a thread within a `with` block; `check` is for moments of calm."""

    def __init__(self, city: City) -> None:
        super().__init__()
        self._city = city
        self._processes: dict[Process, str] = {}
        self.samples: dict[Process, list[Sample]] = defaultdict(list)
        self.descriptors: dict[str, list[int]] = defaultdict(list)
        self._metrics: Samples = {}
        self._series: set[str] = set()
        self._pids: tuple[int, ...] = ()
        self._restarts = 0
        self._log_size = 0

    def check(self, replaces: str = "") -> list[str]:
        """Return what is not as it should be; `replaces` tells which processes may be others."""
        city = self._city
        city.learn_workers()
        pids = (city.server.pid, *city.workers)
        complaints = list(self._check_processes(pids, replaces))
        complaints += self._check_metrics(read_samples(city.server.metrics()), replaces)
        complaints += self._check_log()
        for name, pid in zip(("control plane", "worker 0", "worker 1"), pids, strict=True):
            self._processes[Process(pid, started(pid))] = name
            self.descriptors[name].append(_descriptors(pid))
        return complaints

    def _check_processes(self, pids: tuple[int, ...], replaces: str) -> Iterable[str]:
        expected = self._pids or pids
        if replaces == "worker":
            expected = (expected[0], pids[1], *expected[2:])
            self._restarts += 1
        elif replaces == "all":
            expected = pids
            self._restarts = 0
        if pids != expected:
            yield f"processes {pids}, not {expected}"
        self._pids = pids
        restarts = [worker["restarts"] for worker in self._city.server.status()["workers"]]
        if sum(restarts) != self._restarts:
            yield f"workers were started again {restarts} times, not {self._restarts}"

    def _check_metrics(self, samples: Samples, replaces: str) -> Iterable[str]:
        if replaces == "all":
            self._metrics = {}
        yield from (
            f"a counter went back: {found}" for found in gone_backwards(self._metrics, samples)
        )
        self._metrics = samples
        if samples["dnsguard_internal_errors_total"]:
            yield f"{samples['dnsguard_internal_errors_total']} internal errors"
        series = {name for name in samples if not name.startswith(_COMES_LATER)}
        if self._series and series != self._series:
            yield f"other series: {sorted(series ^ self._series)[:5]}"
        self._series = series

    def _check_log(self) -> Iterable[str]:
        log = self._city.server.log()
        new, self._log_size = log[self._log_size :], len(log)
        for word in ("Traceback", "internal error"):
            if word in new:
                yield f"the log has {word}:\n{new[-4000:]}"

    def run(self) -> None:
        """Take samples."""
        while not self.stopping.wait(SAMPLE_EVERY):
            self.sample(self._processes)

    def sample(self, processes: Iterable[Process]) -> None:
        """Take a sample of each process that still lives."""
        for process in tuple(processes):
            taken = resident(process.pid)
            if taken and started(process.pid) == process.started:
                self.samples[process].append(Sample(time.monotonic(), taken))

    def lives(self) -> list[Life]:
        """Return how each process fared that lived long enough to tell."""
        return [
            life(self._processes[process], samples)
            for process, samples in self.samples.items()
            if len(samples) >= 10
        ]

    def complaints(self) -> list[str]:
        """Return what grew in the course of the soak, to be asked at its end."""
        found = []
        for one in self.lives():
            if one.seconds >= SHORT_LIFE and one.slope > MAX_SLOPE:
                found.append(f"{one.process} grows by {one.slope:.1f} MiB an hour")
            if one.end - one.start > MAX_GROWTH:
                found.append(f"{one.process} grew from {one.start:.1f} to {one.end:.1f} MiB")
        for name, counts in self.descriptors.items():
            if len(counts) < ENOUGH_COUNTS:
                continue
            third = len(counts) // 3
            before, after = statistics.median(counts[:third]), statistics.median(counts[-third:])
            if after - before > MAX_MORE_DESCRIPTORS:
                found.append(f"{name} had {before} descriptors open, and {after} later")
        return found


def life(process: str, samples: list[Sample]) -> Life:
    """Return what samples say of one process."""
    begin, seconds = samples[0].when, samples[-1].when - samples[0].when
    warm = begin + min(WARM_UP, WARM_UP_SHARE * seconds)
    settled = [sample for sample in samples if sample.when >= warm]
    slope, _ = statistics.linear_regression(
        [sample.when for sample in settled], [sample.memory for sample in settled]
    )
    third = max(1, len(settled) // 3)
    start, end = (
        statistics.median(sample.memory for sample in part) / _MIB
        for part in (settled[:third], settled[-third:])
    )
    return Life(process, seconds, start, end, slope * 3600 / _MIB)


def _descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
