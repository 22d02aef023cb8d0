"""The upstreams that the tests of the shells have in common."""

from collections.abc import Iterator

import pytest

from dnsguard.core import retry
from tests.support.loops import DEADLINE
from tests.support.scripted import ScriptedUpstream, telling


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """An upstream that tells the truth, until a test changes its script."""
    with ScriptedUpstream(telling()) as running:
        yield running


@pytest.fixture
def other() -> Iterator[ScriptedUpstream]:
    """A second one, known by its answer."""
    with ScriptedUpstream(telling("192.0.2.81")) as running:
        yield running


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no question asked again for silence: for tests that count, should the machine pause."""
    monkeypatch.setattr(retry, "TIMEOUTS", (retry.DEADLINE,))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have clients wait for silent upstreams as long as tests do, should the machine pause."""
    monkeypatch.setattr(retry, "DEADLINE", DEADLINE)
    monkeypatch.setattr(retry, "DEADLINE_ALL_SILENT", DEADLINE)
