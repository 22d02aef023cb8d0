"""Soak dnsguard: `make soak`, or `.venv/bin/python -P tests/soak`.

Clients that know every answer ask the whole program for an hour, while every fault of `schedule`
comes in turn, a while of calm after each. Prints what was seen and ends with 1 if anything was
that must not be. The same seed has the same questions asked and the same faults come in the same
order. Needs root, for the disk that is filled.
"""

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

# Behind site-packages, so that the installed, compiled dnsguard comes before the checkout's.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from dnsguard.build import BUILD
from tests.soak import report
from tests.soak.city import running_city
from tests.soak.client import Clients
from tests.soak.course import Course
from tests.soak.oracle import Oracle, describe
from tests.soak.pauses import Pauses
from tests.soak.report import Run
from tests.soak.vitals import Vitals

SECONDS = float(os.environ.get("DNSGUARD_SOAK_SECONDS", "3600"))
RATE = 300.0


def main() -> int:
    """Soak, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(description="Soak dnsguard under load and faults.")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rate", type=float, default=RATE, help="queries a second")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--faults", default="", help="only those whose names contain this")
    parser.add_argument("--report", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    expected = os.environ.get("DNSGUARD_BUILD", BUILD)
    if expected != BUILD:
        parser.error(f"this is the {BUILD} build of dnsguard, not the {expected} one")
    print(f"soaking the {BUILD} build for {options.seconds:.0f} s, seed {options.seed}", flush=True)
    oracle = Oracle()
    beside = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="dnsguard-soak-") as folder:
        course, vitals = soak(Path(folder), oracle, options)
    oracle.finish()
    for complaint in vitals.complaints():
        oracle.violation(time.monotonic(), complaint)
    run = Run(options.seed, course.passed, options.rate, BUILD, beside)
    text = report.compose(run, oracle, vitals)
    print(text)
    if options.report:
        options.report.write_text(text, "utf-8")
    if oracle.violations:
        print(describe(oracle.violations, course.begin))
        print(f"{oracle.counts['violations']} times something was that must not be")
    return 1 if oracle.violations else 0


def soak(folder: Path, oracle: Oracle, options: argparse.Namespace) -> tuple[Course, Vitals]:
    """Run it all; return the course it took and how the processes fared."""
    with (
        running_city(folder, oracle) as city,
        Pauses(oracle),
        Clients(city.server.places["127.0.0.1"], options.rate, options.seed) as clients,
        Vitals(city) as vitals,
    ):
        judging = threading.Thread(target=clients.read, args=(oracle.take,))
        judging.start()
        course = Course(city, vitals, options.seconds)
        try:
            course.run(options.seed, options.faults)
        finally:
            clients.stop()
            judging.join()
    return course, vitals


if __name__ == "__main__":
    sys.exit(main())
