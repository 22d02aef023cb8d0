"""URLs of lists: what may be fetched, what is shown of it, and what tells servers apart."""

from base64 import b64encode

import httpx

from dnsguard.lists.destinations import is_local_name, is_public, parse_literal
from dnsguard.lists.fetched import FetchError

MAX_SHOWN = 300

_PORTS = {"http": 80, "https": 443}


def shown(url: httpx.URL) -> str:
    """Return a URL for people: printable ASCII, short, no user, password and query string."""
    path = url.raw_path.partition(b"?")[0]
    text = f"{url.scheme}://{url.netloc.decode('ascii')}{path.decode('ascii')}"
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."


def parse_url(text: str) -> httpx.URL:
    """Return a URL of the config; FetchError when it is not one of a file on a web server."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL()
    if not _is_fetchable(url):
        raise FetchError("the URL cannot be read: write it as https://HOST/PATH")
    return url


def redirect_target(url: httpx.URL, location: str) -> httpx.URL:
    """Return where a response leads; FetchError when that must not be followed."""
    try:
        target = url.join(location)
    except (httpx.InvalidURL, ValueError):
        target = httpx.URL()
    if not _is_fetchable(target):
        raise FetchError("the server redirects to what is no http or https URL: use another mirror")
    if (url.scheme, target.scheme) == ("https", "http"):
        raise FetchError("the server redirects from https to http: use another mirror")
    return target


def _is_fetchable(url: httpx.URL) -> bool:
    return url.scheme in _PORTS and bool(host_of(url)) and 0 < port_of(url) < 65_536


def credentials_of(url: httpx.URL) -> dict[str, str]:
    """Return the header that carries the user and password of a URL, if it has any."""
    if not url.userinfo:
        return {}
    pair = f"{url.username}:{url.password}".encode()
    return {"Authorization": f"Basic {b64encode(pair).decode('ascii')}"}


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Return what a password is for: scheme, host and port."""
    return url.scheme, host_of(url), port_of(url)


def port_of(url: httpx.URL) -> int:
    """Return the port to connect to."""
    return _PORTS[url.scheme] if url.port is None else url.port


def host_of(url: httpx.URL) -> str:
    """Return the host in its normal form."""
    return normal_host(url.raw_host.decode("ascii"))


def normal_host(host: str) -> str:
    """Return a host as it is compared: lower case, no final dot, addresses written one way."""
    lower = host.lower().rstrip(".")
    literal = parse_literal(lower)
    return lower if literal is None else str(literal)


def is_local_host(host: str) -> bool:
    """Tell whether a host is, by its text alone, one that is not of the public internet."""
    literal = parse_literal(host)
    return is_local_name(host) if literal is None else not is_public(literal)
