"""Fetching a list over HTTP, from a server that may be slow, broken or hostile.

What is kept of it and whether it may go live is decided elsewhere. The HTTP library is loaded by
the first fetch, since a city that uses files alone never needs it.
"""

import asyncio
import ssl

from dnsguard.lists.fetched import (
    Fetched,
    FetchError,
    FetchLimits,
    NotModified,
    Progress,
    Resolve,
    Validators,
)


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
