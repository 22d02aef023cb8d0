"""Why a transfer failed, in our words: what a server says is not repeated."""

import os
import ssl
from collections.abc import Iterator

import httpx

from dnsguard.lists.errors import ListError
from dnsguard.lists.fetched import FetchLimits

_TRY_MIRROR = "check the network, or name another mirror"
_FAILURES: dict[type[Exception], str] = {
    httpx.RemoteProtocolError: "what responds does not speak HTTP: correct the URL",
    httpx.ProxyError: "the proxy does not let the connection through: ask whoever runs it",
    httpx.InvalidURL: "the URL cannot be read: write it as https://HOST/PATH",
}


def reason_of(error: Exception, limits: FetchLimits) -> str:
    """Return why, and what to do about it, in printable ASCII."""
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {limits.connect:g} s: {_TRY_MIRROR}"
    if isinstance(error, httpx.TimeoutException):
        return f"nothing came for {limits.stall:g} s: {_TRY_MIRROR}"
    for cause in _causes(error):
        if isinstance(cause, ListError):
            return str(cause)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"the certificate is not accepted ({_printable(cause.verify_message)}): correct "
                "the URL, or add the authority to those the system trusts"
            )
        if isinstance(cause, ssl.SSLError):
            return "TLS cannot be agreed on: correct the URL, or ask whoever runs the server"
        if isinstance(cause, OSError) and cause.errno:
            return f"{os.strerror(cause.errno).lower()}: {_TRY_MIRROR}"
    return _FAILURES.get(type(error), f"the network failed: {_TRY_MIRROR}")


def mend_for_status(status: int) -> str:
    """Return what to do about an HTTP status."""
    if status in {401, 403, 407}:
        return "correct the user and password in the URL, or ask whoever runs the server"
    if status in {404, 410}:
        return "correct the URL, or name another mirror"
    return "try later, or name another mirror"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _printable(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text).rstrip(".")
