"""Faults are all counted, and told once in a while."""

import logging

import pytest

from dnsguard.core import counters
from dnsguard.net.faults import Faults


def test_many_faults_are_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    page = [0] * counters.FIRST_FREE
    faults = Faults(page)
    with caplog.at_level(logging.ERROR):
        for number in range(100):
            try:
                raise ZeroDivisionError(number)
            except ZeroDivisionError:
                faults.report("testing")
    assert page[counters.INTERNAL_ERRORS] == 100
    (record,) = caplog.records
    assert record.getMessage() == "internal error while testing; please report this"
    assert record.exc_info is not None
