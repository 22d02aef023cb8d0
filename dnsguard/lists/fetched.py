"""What a fetch is told and what comes of it."""

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
