"""What the attacks have in common."""

from collections.abc import Iterator

import pytest

from tests.support.scripted import ScriptedUpstream, telling


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """An upstream that tells the truth, until an attack changes its script."""
    with ScriptedUpstream(telling()) as running:
        yield running
