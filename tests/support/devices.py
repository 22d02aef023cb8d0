"""A running dnsguard for all tests of a folder, and devices that ask it: fixtures of its conftest.

from tests.support.devices import client, staff, subject
"""

from collections.abc import Iterator

import pytest

from tests.standards.subject import STAFF, Client, Subject, running_subject


@pytest.fixture(scope="package")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A running dnsguard with upstreams that can be taught."""
    with running_subject(tmp_path_factory.mktemp("subject")) as running:
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
