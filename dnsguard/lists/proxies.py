"""The proxy a URL is to be fetched through, as the environment says (like curl)."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

DEFAULT_PORT = 80
"""Of a proxy's URL without one, since it is an http:// URL."""


@dataclass(frozen=True, slots=True)
class ProxyServer:
    """An HTTP proxy; `credentials` are its user and password, `variable` is where it is set."""

    variable: str
    host: str
    port: int
    credentials: tuple[str, str] | None


def find_proxy(scheme: str, host: str, port: int) -> ProxyServer | None:
    """Return the proxy for a server; None when it is to be reached directly.

    Raises ValueError, naming the variable but not its value, when that cannot be done.
    """
    settings = getproxies_environment()
    if proxy_bypass(f"{host}:{port}", settings):
        return None
    for kind in (scheme, "all"):
        if kind in settings:
            return _parse(f"{kind}_proxy", settings[kind])
    return None


def _parse(variable: str, value: str) -> ProxyServer:
    mend = f"set {variable} to a URL like http://proxy.example:3128"
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        raise ValueError(f"the proxy in {variable} cannot be read: {mend}")
    if parts.scheme != "http":
        raise ValueError(f"the proxy in {variable} is not an http:// one, as it must be: {mend}")
    credentials = None
    if parts.username is not None:
        credentials = unquote(parts.username), unquote(parts.password or "")
    return ProxyServer(variable, host, port or DEFAULT_PORT, credentials)
