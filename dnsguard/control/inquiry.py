"""`why` with the answer: what would be forwarded is asked of the upstreams, outside the workers."""

import asyncio
from dataclasses import replace
from time import monotonic
from typing import Any

from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation
from dnsguard.core.response import TtlBounds
from dnsguard.evidence.why import Inquiry
from dnsguard.net.upstream import Upstreams

MAX_AT_ONCE = 4  # so that who may only read cannot have much asked

_turn = asyncio.Semaphore(MAX_AT_ONCE)


async def inquire(generation: Generation, name: str, client: str, rdatatype: str) -> dict[str, Any]:
    """Return why a name is answered as it is, with the answer. Raises ValueError."""
    # What may not be kept at all would be gone before it is told.
    bounds = TtlBounds(max(1, generation.ttl_bounds.minimum), generation.ttl_bounds.maximum)
    generation = replace(generation, ttl_bounds=bounds)
    inquiry = Inquiry(generation, name, client, rdatatype)
    if inquiry.forward is not None:
        async with _turn:
            inquiry.take(await _ask(inquiry, inquiry.forward, generation))
    return inquiry.explain()


async def _ask(inquiry: Inquiry, forward: Forward, generation: Generation) -> bytes | None:
    loop = asyncio.get_running_loop()
    waiter = _Waiter(loop.create_future())
    upstreams = Upstreams(inquiry.resolver, loop, generation)
    forward.received = monotonic()
    try:
        upstreams.forward(forward, waiter)
        return await waiter.response
    finally:
        upstreams.close()


class _Waiter:
    def __init__(self, response: "asyncio.Future[bytes | None]") -> None:
        self.response = response

    def reply(self, forward: Forward, response: bytes | None) -> None:  # noqa: ARG002 - the only one
        if not self.response.done():
            self.response.set_result(response)
