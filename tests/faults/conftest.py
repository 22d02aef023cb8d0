"""A server with two upstreams, for the faults that are the upstreams' alone."""

from collections.abc import Iterator

import pytest

from tests.faults.driver import Pair, running_pair


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair(tmp_path_factory.mktemp("city")) as pair:
        yield pair


@pytest.fixture
def pair(started: Pair) -> Pair:
    """Two upstreams that are up and tell the truth."""
    started.heal()
    return started
