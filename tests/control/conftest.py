"""The control plane's HTTP as its two kinds of clients reach it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.api import FakePlane, Served, served


@pytest.fixture(params=[True, False], ids=["uvloop", "asyncio"])
def api(plane: FakePlane, request: pytest.FixtureRequest) -> Iterator[Served]:
    """The interface of a test's `plane`, served by either event loop."""
    with served(plane, on_uvloop=request.param) as where:
        yield where


@pytest.fixture
def admin(api: Served) -> Iterator[httpx.Client]:
    """A client of the admin's socket."""
    with httpx.Client(base_url=f"http://127.0.0.1:{api.port}", trust_env=False) as client:
        yield client


@pytest.fixture
def control(api: Served) -> Iterator[httpx.Client]:
    """A client of the control socket."""
    transport = httpx.HTTPTransport(uds=str(api.control))
    with httpx.Client(base_url="http://dnsguard", transport=transport) as client:
        yield client
