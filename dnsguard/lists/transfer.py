"""One transfer over HTTP: redirects, addresses, the request, and what the server responds.

Every connection goes to an address that was resolved and judged here. Responses are handled below
httpx's client, which would keep cookies, decode without limit and log whole URLs.
"""

import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import httpx

from dnsguard import __version__
from dnsguard.lists.body import Body, GzipDecoder, too_large
from dnsguard.lists.destinations import Address, is_public, parse_literal
from dnsguard.lists.errors import ListError, Refused
from dnsguard.lists.failures import mend_for_status, reason_of
from dnsguard.lists.fetched import (
    Fetched,
    FetchError,
    FetchLimits,
    NotModified,
    Progress,
    Resolve,
    Validators,
)
from dnsguard.lists.proxies import ProxyServer, find_proxy
from dnsguard.lists.urls import (
    credentials_of,
    host_of,
    is_local_host,
    normal_host,
    origin_of,
    parse_url,
    port_of,
    redirect_target,
    shown,
)

MAX_REDIRECTS = 5
MAX_ADDRESSES = 4  # tried of one host
MAX_VALIDATOR = 512

_REDIRECTS = {301, 302, 303, 307, 308}
_DESTINATION = (
    "the server redirects to an address that is not public: "
    "use another mirror, or name that host in a source if it is meant"
)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What holds for a transfer from its first request to its last; see `fetch`."""

    validators: Validators
    max_size: int
    named_hosts: frozenset[str]
    resolve: Resolve
    progress: Progress
    limits: FetchLimits
    ssl_context: ssl.SSLContext

    async def run(self, text: str) -> Fetched | NotModified:
        """Follow the URL to its end. Raises FetchError and Refused."""
        first = parse_url(text)
        url = first
        named = {normal_host(host) for host in self.named_hosts} | {host_of(url)}
        try:
            for _ in range(MAX_REDIRECTS + 1):
                credentials = credentials_of(first) if origin_of(url) == origin_of(first) else {}
                result = await self._get(url, credentials, may_be_local=host_of(url) in named)
                if not isinstance(result, httpx.URL):
                    return result
                url = result
        except Refused as error:
            raise Refused(error.reason, f"{shown(url)}: {error}") from None
        except (ListError, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise FetchError(f"{shown(url)}: {reason_of(error, self.limits)}") from None
        raise FetchError(
            f"{shown(first)}: the server redirects more than {MAX_REDIRECTS} times: "
            "correct the URL, or use another mirror"
        )

    async def _get(
        self, url: httpx.URL, credentials: dict[str, str], *, may_be_local: bool
    ) -> Fetched | NotModified | httpx.URL:
        """Ask one server, at the first of its addresses that can be connected to."""
        try:
            proxy = find_proxy(url.scheme, host_of(url), port_of(url))
        except ValueError as error:
            raise FetchError(str(error)) from None
        if proxy is None:
            addresses = await self._addresses(host_of(url))
            if not may_be_local:
                addresses = [address for address in addresses if is_public(address)]
        else:
            if not may_be_local and is_local_host(host_of(url)):
                raise FetchError(_DESTINATION)
            addresses = await self._addresses(normal_host(proxy.host))
        failure: Exception = FetchError(_DESTINATION)
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await self._ask(url, address, proxy, credentials)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str) -> list[Address]:
        literal = parse_literal(host)
        addresses = [literal] if literal is not None else await self.resolve(host)
        if not addresses:
            raise FetchError("the host has no address: correct the URL, or name another mirror")
        return addresses

    async def _ask(
        self,
        url: httpx.URL,
        address: Address,
        proxy: ProxyServer | None,
        credentials: dict[str, str],
    ) -> Fetched | NotModified | httpx.URL:
        via, to = None, url.copy_with(host=str(address))
        if proxy is not None:
            to = url
            at = httpx.URL(scheme="http", host=str(address), port=proxy.port)
            via = httpx.Proxy(at, auth=proxy.credentials)
        request = httpx.Request(
            "GET", to, headers=self._headers(url) | credentials, extensions=self._extensions(url)
        )
        async with httpx.AsyncHTTPTransport(
            verify=self.ssl_context, trust_env=False, proxy=via
        ) as transport:
            response = await transport.handle_async_request(request)
            try:
                return await self._take(url, response)
            finally:
                await response.aclose()

    def _headers(self, url: httpx.URL) -> dict[str, str]:
        headers = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": f"dnsguard/{__version__}",
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            "Connection": "close",
        }
        if etag := _validator(self.validators.etag):
            headers["If-None-Match"] = etag
        if last_modified := _validator(self.validators.last_modified):
            headers["If-Modified-Since"] = last_modified
        return headers

    def _extensions(self, url: httpx.URL) -> dict[str, object]:
        limits = self.limits
        timeouts = httpx.Timeout(limits.stall, connect=limits.connect)
        return {"sni_hostname": host_of(url), "timeout": timeouts.as_dict()}

    async def _take(
        self, url: httpx.URL, response: httpx.Response
    ) -> Fetched | NotModified | httpx.URL:
        status = response.status_code
        if status in _REDIRECTS and "location" in response.headers:
            return redirect_target(url, response.headers["location"])
        if status == 304 and self.validators != Validators():
            return NotModified()
        if status != 200:
            raise FetchError(f"the server answers {status}: {mend_for_status(status)}")
        return await self._receive(url, response)

    async def _receive(self, url: httpx.URL, response: httpx.Response) -> Fetched:
        total = _content_length(response)
        if total is not None and total > self.max_size:
            raise too_large(self.max_size)
        decoder = _decoder(response)
        body = Body(self.max_size)
        try:
            await self._read(response, decoder, body, total)
        except BaseException:
            os.close(body.descriptor)
            raise
        return Fetched(
            descriptor=body.descriptor,
            size=body.size,
            sha256=body.sha256,
            url=shown(url),
            validators=Validators(
                _validator(response.headers.get("etag")),
                _validator(response.headers.get("last-modified")),
            ),
        )

    async def _read(
        self, response: httpx.Response, decoder: GzipDecoder | None, body: Body, total: int | None
    ) -> None:
        received = 0
        try:
            raw = cast("AsyncGenerator[bytes, None]", response.aiter_raw())
            async with aclosing(raw) as chunks:
                async for chunk in chunks:
                    received += len(chunk)
                    if received > self.max_size:
                        raise too_large(self.max_size)
                    for piece in (chunk,) if decoder is None else decoder.decode(chunk):
                        body.write(piece)
                    self.progress(received, total)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            raise Refused(
                "truncated", "the connection ended before the file did: use another mirror"
            ) from None
        if decoder is not None:
            decoder.finish()


def _validator(text: str | None) -> str | None:
    """Return a validator that may be kept and sent back; None for what no server should send."""
    good = text and len(text) <= MAX_VALIDATOR and text.isascii() and text.isprintable()
    return text if good else None


def _content_length(response: httpx.Response) -> int | None:
    if "transfer-encoding" in response.headers or "content-length" not in response.headers:
        return None
    return int(response.headers["content-length"])


def _decoder(response: httpx.Response) -> GzipDecoder | None:
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return None
    if coding in {"gzip", "x-gzip"}:
        return GzipDecoder()
    raise Refused("compression", "the response is not compressed by gzip, the only way asked for")
