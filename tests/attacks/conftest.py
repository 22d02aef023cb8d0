"""What the attacks have in common: one dnsguard for those that need no setup of their own."""

from collections.abc import Iterator

import pytest

from tests.standards.subject import STAFF, Client, Subject, running_subject
from tests.support.scripted import ScriptedUpstream, telling


@pytest.fixture(scope="package")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A running dnsguard with upstreams that can be taught."""
    with running_subject(tmp_path_factory.mktemp("attacks")) as running:
        yield running


@pytest.fixture
def client(subject: Subject) -> Iterator[Client]:
    """A device that nothing is banned for."""
    with subject.client() as one:
        yield one


@pytest.fixture
def staff(subject: Subject) -> Iterator[Client]:
    """A device under the bans."""
    with subject.client(STAFF) as one:
        yield one


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """An upstream that tells the truth, until an attack changes its script."""
    with ScriptedUpstream(telling()) as running:
        yield running
