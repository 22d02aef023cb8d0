"""What the attacks have in common: one dnsguard for those that need no setup of their own."""

from collections.abc import Iterator

import pytest

from tests.support.devices import client, staff, subject
from tests.support.scripted import ScriptedUpstream, telling

__all__ = ["client", "staff", "subject", "upstream"]


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """An upstream that tells the truth, until an attack changes its script."""
    with ScriptedUpstream(telling()) as running:
        yield running
