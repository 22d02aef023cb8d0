"""Tests of what is compiled; the plain run of the suite leaves them to the compiled one."""

from collections.abc import Iterator

import pytest

from dnsguard.build import BUILD
from tests.compiled.builds import Builds

collect_ignore_glob = [] if BUILD == "compiled" else ["test_*.py"]


@pytest.fixture(scope="package")
def builds() -> Iterator[Builds]:
    with Builds() as both:
        yield both
