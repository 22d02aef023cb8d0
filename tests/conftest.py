"""What every test run says of itself: which build it tests, and which data it went without."""

import os
import sys
from pathlib import Path

import pytest

# Behind site-packages, so that the installed, compiled dnsguard comes before the checkout's.
sys.path.append(str(Path(__file__).parent.parent))

from dnsguard.build import BUILD
from tests.support.data import left_out


def pytest_report_header() -> str:
    expected = os.environ.get("DNSGUARD_BUILD", BUILD)
    if expected != BUILD:
        raise pytest.UsageError(f"this is the {BUILD} build of dnsguard, not the {expected} one")
    return f"dnsguard: {BUILD} build"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in left_out():
        terminalreporter.write_line(f"left out: {line}")
