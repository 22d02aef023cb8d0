"""Fetching in tests: the answer of `fetch` as a value, in a loop like the control plane's."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

import uvloop

from dnsguard.lists.errors import ListError
from dnsguard.lists.fetch import fetch
from dnsguard.lists.fetched import Fetched, FetchError, FetchLimits, NotModified, Validators

# Long enough for a busy machine, short enough not to hold a test up.
LIMITS = FetchLimits(connect=5.0, stall=10.0, total=20.0)


class Hosts:
    """A name service that knows a few hosts; `asked` is what it was asked for."""

    def __init__(self, hosts: Mapping[str, list[str]] | None = None) -> None:
        self.hosts = {"localhost": ["127.0.0.1"], **(hosts or {})}
        self.asked: list[str] = []

    async def resolve(self, host: str) -> list[IPv4Address | IPv6Address]:
        """Return the addresses of a host."""
        self.asked.append(host)
        if host not in self.hosts:
            raise FetchError(f"{host} does not exist: correct the URL")
        return [ip_address(text) for text in self.hosts[host]]


def outcome(
    url: str,
    *,
    validators: Validators | None = None,
    max_size: int = 1 << 20,
    named: frozenset[str] = frozenset(),
    hosts: Hosts | None = None,
    limits: FetchLimits = LIMITS,
    ssl_context: ssl.SSLContext | None = None,
    progress: list[tuple[int, int | None]] | None = None,
) -> Fetched | NotModified | ListError:
    """Return what a fetch returns, or the error it raises; no other exception may come."""
    seen: list[tuple[int, int | None]] = [] if progress is None else progress

    async def run() -> Fetched | NotModified | ListError:
        try:
            return await fetch(
                url,
                validators=validators or Validators(),
                max_size=max_size,
                named_hosts=named,
                resolve=(hosts or Hosts()).resolve,
                progress=lambda received, total: seen.append((received, total)),
                limits=limits,
                ssl_context=ssl_context,
            )
        except ListError as error:
            return error

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def content(result: Fetched | NotModified | ListError) -> bytes:
    """Return the octets of a file that was fetched, and close it."""
    assert isinstance(result, Fetched), result
    try:
        return os.pread(result.descriptor, result.size + 1, 0)
    finally:
        os.close(result.descriptor)


def message(result: Fetched | NotModified | ListError) -> str:
    """Return the message of a fetch that failed, which is fit for any terminal."""
    assert isinstance(result, ListError), result
    text = str(result)
    assert text.isascii()
    assert text.isprintable()
    return text
