"""Fetching a list over HTTP, from a server that may be slow, broken or hostile.

What is kept of it and whether it may go live is decided elsewhere. The HTTP library is loaded by
the first fetch, since a city that uses files alone never needs it.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from dnsguard.lists.errors import ListError

Resolve = Callable[[str], Awaitable[list[IPv4Address | IPv6Address]]]
"""Returns the addresses of a host in lower case; ListError when it has none."""

Progress = Callable[[int, int | None], None]
"""Is told how many octets have come, and of how many when that is known."""


class FetchError(ListError):
    """The list could not be had: network, TLS, status, time-out, redirect or name."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What makes the next request for a URL a conditional one (RFC 9110 section 8.8)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long a fetch may take, in seconds: to connect, between octets, altogether."""

    connect: float = 10.0
    stall: float = 30.0
    total: float = 600.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was fetched, without HTTP's own compression but otherwise as it was served."""

    descriptor: int
    """An anonymous file in memory, positioned anywhere; the caller closes it."""
    size: int
    sha256: str
    url: str
    """Where it came from in the end, without user, password and query string."""
    validators: Validators


class NotModified:
    """The file is the one that the validators are of."""


def _no_progress(_received: int, _total: int | None) -> None:
    pass


async def fetch(
    url: str,
    *,
    validators: Validators,
    max_size: int,
    named_hosts: frozenset[str],
    resolve: Resolve,
    progress: Progress = _no_progress,
    limits: FetchLimits | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> Fetched | NotModified:
    """Fetch an http:// or https:// URL of the config, whose user and password are sent if any.

    Redirects may lead into local networks only to `named_hosts`, host names and addresses that
    the config names; the host of the URL is one of them. `max_size` is in octets. Certificates
    are checked against those the system trusts unless an `ssl_context` is given.

    Raises FetchError when the file could not be had and Refused when what came must not be used;
    messages hold neither user, password and query string nor words of the server.
    """
    from dnsguard.lists.transfer import Transfer
    from dnsguard.lists.urls import parse_url, shown

    limits = limits or FetchLimits()
    transfer = Transfer(
        validators=validators,
        max_size=max_size,
        named_hosts=named_hosts,
        resolve=resolve,
        progress=progress,
        limits=limits,
        ssl_context=ssl_context or ssl.create_default_context(),
    )
    try:
        async with asyncio.timeout(limits.total):
            return await transfer.run(url)
    except TimeoutError:
        raise FetchError(
            f"{shown(parse_url(url))}: not complete within {limits.total:g} s: "
            "check the network, or name a faster mirror"
        ) from None
