"""What holds for every test run, and what it says of itself: its build, and the data it lacks."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Behind site-packages, so that the installed, compiled dnsguard comes before the checkout's.
sys.path.append(str(Path(__file__).parent.parent))

from dnsguard.build import BUILD
from tests.support.data import left_out
from tests.support.netns import isolate

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# A port that was free a moment ago may be another run's by now, and its datagrams come here.
ISOLATED = isolate()


def pytest_report_header() -> str:
    expected = os.environ.get("DNSGUARD_BUILD", BUILD)
    if expected != BUILD:
        raise pytest.UsageError(f"this is the {BUILD} build of dnsguard, not the {expected} one")
    network = "its own" if ISOLATED else "the machine's"
    return f"dnsguard: {BUILD} build, {network} network"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in left_out():
        terminalreporter.write_line(f"left out: {line}")
