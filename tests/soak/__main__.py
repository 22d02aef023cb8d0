"""Soak dnsguard: `make soak`, or `.venv/bin/python -P tests/soak`.

Clients that know every answer ask the whole program for an hour, while every fault of `schedule`
comes in turn, a while of calm after each. Prints what was seen and ends with 1 if anything was
that must not be. The same seed has the same questions asked and the same faults come in the same
order.
"""

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

# Behind site-packages, so that the installed, compiled dnsguard comes before the checkout's.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from dnsguard.build import BUILD
from tests.soak import report, schedule
from tests.soak.city import City, running_city
from tests.soak.client import Clients
from tests.soak.faults import Fault
from tests.soak.oracle import MAX_VIOLATIONS, Oracle, describe
from tests.soak.report import Run
from tests.soak.vitals import Vitals

SECONDS = float(os.environ.get("DNSGUARD_SOAK_SECONDS", "3600"))
FULL = 600.0  # seconds from which on faults and calm last as long as they should
FAULT_SECONDS, CALM_SECONDS = 6.0, 5.0
LOG_TAIL = 60  # lines of the log that are shown beside violations


def main() -> int:
    """Soak, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(description="Soak dnsguard under load and faults.")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rate", type=float, default=200.0, help="queries a second")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--faults", help="only those whose names contain this")
    parser.add_argument("--report", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    expected = os.environ.get("DNSGUARD_BUILD", BUILD)
    if expected != BUILD:
        parser.error(f"this is the {BUILD} build of dnsguard, not the {expected} one")
    print(f"soaking the {BUILD} build for {options.seconds:.0f} s, seed {options.seed}", flush=True)
    oracle = Oracle()
    beside = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="dnsguard-soak-") as folder:
        begin, faults, vitals, log = soak(Path(folder), oracle, options)
    run = Run(options.seed, time.monotonic() - begin, options.rate, BUILD, faults, beside)
    for complaint in vitals.complaints():
        oracle.violation(time.monotonic(), complaint)
    text = report.compose(run, oracle, vitals)
    print(text)
    if options.report:
        options.report.write_text(text, "utf-8")
    if not oracle.violations:
        return 0
    print(describe(oracle.violations, begin))
    print(f"the end of the log:\n{log}")
    print(f"{oracle.counts['violations']} times something was that must not be; seed {run.seed}")
    return 1


def soak(
    folder: Path, oracle: Oracle, options: argparse.Namespace
) -> tuple[float, Counter[str], Vitals, str]:
    """Run it all; return its begin, how often which fault came, the vitals, and the log's end."""
    faults: Counter[str] = Counter()
    with (
        running_city(folder, oracle) as city,
        Clients(city.server.places["127.0.0.1"], options.rate, options.seed) as clients,
        Vitals(city) as vitals,
    ):
        judging = threading.Thread(target=clients.read, args=(oracle.take,))
        judging.start()
        begin = time.monotonic()
        try:
            _go_through(city, vitals, options, begin, faults)
        except Exception as error:  # noqa: BLE001 - the figures so far are wanted all the same
            oracle.violation(time.monotonic(), f"the soak ends: {type(error).__name__}: {error}")
        clients.stop()
        judging.join()
        log = "\n".join(city.server.log().splitlines()[-LOG_TAIL:])
    return begin, faults, vitals, log


def _go_through(
    city: City, vitals: Vitals, options: argparse.Namespace, begin: float, faults: Counter[str]
) -> None:
    """Have faults come in turn until the time is over."""
    pace = min(1.0, options.seconds / FULL)
    calm = max(0.5, CALM_SECONDS * pace)
    city.hold(calm)
    _check(city, vitals)
    for fault, chance in schedule.draw(options.seed, options.faults or ""):
        passed = time.monotonic() - begin
        if passed > options.seconds or city.oracle.counts["violations"] >= MAX_VIOLATIONS:
            return
        if fault.replaces == "all" and passed > options.seconds * schedule.RESTARTS_UNTIL:
            city.hold(calm)
            continue
        print(f"{passed:8.1f} s  {fault.name}", flush=True)
        _inject(city, fault, chance, max(1.0, FAULT_SECONDS * pace))
        faults[fault.name] += 1
        city.hold(calm)
        _check(city, vitals, fault)


def _inject(city: City, fault: Fault, chance: random.Random, seconds: float) -> None:
    with city.oracle.window(fault.name, fault.excuses):
        try:
            fault.inject(city, chance, seconds)
        except AssertionError as error:
            city.oracle.violation(time.monotonic(), f"{fault.name}: {error}")


def _check(city: City, vitals: Vitals, fault: Fault | None = None) -> None:
    for complaint in vitals.check("" if fault is None else fault.replaces):
        city.oracle.violation(time.monotonic(), complaint)


if __name__ == "__main__":
    sys.exit(main())
