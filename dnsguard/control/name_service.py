"""Names of list servers, resolved by asking the upstreams with the very code that serves.

The system's resolver may be dnsguard itself, which answers by lists; here only the local records,
forward zones and upstreams of a generation count.
"""

import asyncio
import mmap
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain, zip_longest
from struct import pack
from time import monotonic
from typing import cast

import dnslib

from dnsguard.core import counters, names
from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation
from dnsguard.core.protocol import RD, Rcode, Rdatatype, Transport
from dnsguard.core.resolver import Resolver
from dnsguard.lists.destinations import is_local_name
from dnsguard.lists.fetched import FetchError
from dnsguard.net.upstream import Upstreams

TIMEOUT = 10.0  # seconds for both questions

Address = IPv4Address | IPv6Address

_CLIENT = b"\x7f\0\0\1"
_FAMILIES = (Rdatatype.A, Rdatatype.AAAA)


class NameService:
    """Resolves by a generation without policies whose clients include 127.0.0.1.

    To be made, used and closed in one running loop.
    """

    def __init__(self, generation: Generation) -> None:
        nowhere = memoryview(mmap.mmap(-1, counters.PAGE_SIZE * 8)).cast("Q")
        self._resolver = Resolver(
            generation.policy, generation.settings, cast(counters.Page, nowhere)
        )
        self._waiting: set[asyncio.Future[bytes | None]] = set()
        self._upstreams = Upstreams(self._resolver, asyncio.get_running_loop(), generation)

    def configure(self, generation: Generation) -> None:
        """Resolve by another generation from now on."""
        self._resolver.swap(generation.policy, generation.settings)
        self._upstreams.configure(generation)

    def close(self) -> None:
        """Stop asking; whoever waits is told that no upstream answered."""
        self._upstreams.close()
        for future in self._waiting:
            future.set_result(None)
        self._waiting.clear()

    async def addresses(self, host: str) -> list[Address]:
        """Return the addresses of a host, IPv4 and IPv6 in turn.

        Raises FetchError, saying why there is none and what to do.
        """
        try:
            return [ip_address(host)]
        except ValueError:
            pass
        if is_local_name(host.rstrip(".").lower()):
            return [IPv4Address("127.0.0.1"), IPv6Address("::1")]
        try:
            name = names.from_text(host)
        except ValueError as error:
            raise FetchError(f"its host is no domain name ({error}): correct the URL") from None
        responses = await self._ask_both(name)
        found = [[*_addresses(response)] for response in responses]
        if addresses := [one for one in chain(*zip_longest(*found)) if one is not None]:
            return addresses
        raise FetchError(_why_none(names.to_text(name), responses))

    async def _ask_both(self, name: bytes) -> list[dnslib.DNSRecord | None]:
        """Return the response for each family, None for one that did not come in time."""
        asked = [self._ask(name, rdatatype) for rdatatype in _FAMILIES]
        try:
            await asyncio.wait(asked, timeout=TIMEOUT)
        finally:
            self._waiting.difference_update(asked)
        return [_parse(future.result()) if future.done() else None for future in asked]

    def _ask(self, name: bytes, rdatatype: Rdatatype) -> "asyncio.Future[bytes | None]":
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        query = pack("!HHHHHH", 0, RD, 1, 0, 0, 0) + name + pack("!HH", rdatatype, 1)
        outcome = self._resolver.query(query, _CLIENT, Transport.TCP, monotonic())
        if isinstance(outcome, Forward):
            outcome.envelope = future
            self._upstreams.forward(outcome, self)
        else:
            self._answer(future, outcome)
        return future

    def reply(self, forward: Forward, response: bytes | None) -> None:
        """Hand the response to a forward to whoever waits for it."""
        self._answer(cast("asyncio.Future[bytes | None]", forward.envelope), response)

    def _answer(self, future: "asyncio.Future[bytes | None]", response: bytes | None) -> None:
        if future in self._waiting:
            self._waiting.remove(future)
            future.set_result(response)


def _parse(data: bytes | None) -> dnslib.DNSRecord | None:
    try:
        return None if data is None else dnslib.DNSRecord.parse(data)
    except dnslib.DNSError:
        return None


def _addresses(response: dnslib.DNSRecord | None) -> Iterable[Address]:
    """Yield the addresses of an answer, those at the end of a CNAME chain included."""
    for rr in [] if response is None else response.rr:
        if rr.rtype in _FAMILIES:
            yield ip_address(str(rr.rdata))


def _why_none(host: str, responses: list[dnslib.DNSRecord | None]) -> str:
    rcodes = {Rcode.SERVFAIL if r is None else r.header.rcode for r in responses}
    if Rcode.NXDOMAIN in rcodes:
        return f"{host} does not exist: correct the URL, or name another mirror"
    if rcodes == {Rcode.NOERROR}:
        return f"{host} has no address: correct the URL, or name another mirror"
    return f"no upstream resolves {host}: check the network and the upstreams"
