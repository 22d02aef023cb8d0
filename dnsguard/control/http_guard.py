"""What every HTTP response carries, and what `listen.admin` refuses before anyone looks at it."""

import re
from http import HTTPStatus
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+))(?::[0-9]+)?")
_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


def read_only(application: ASGIApp) -> ASGIApp:
    """Let through only what reads, and only under a name that cannot be someone else's."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or application)(scope, receive, send)

    return guarded


def _refusal(request: Request) -> Response | None:
    # A page on the web whose name resolves to our address (DNS rebinding) names itself here.
    host = request.headers.get("host", "")
    if not _is_own(host):
        text = "the Host header must be an IP address or localhost: use http://127.0.0.1:PORT"
        return JSONResponse({"error": text}, HTTPStatus.MISDIRECTED_REQUEST)
    # Browsers would keep the answer from the page; what it is about need not be done either.
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        text = "a page of another site is told nothing: open this one itself"
        return JSONResponse({"error": text}, HTTPStatus.FORBIDDEN)
    if request.method not in {"GET", "HEAD"}:
        text = "nothing is changed here: use the control socket, as the dnsguard commands do"
        return JSONResponse({"error": text}, HTTPStatus.FORBIDDEN)
    return None


def _is_own(host: str) -> bool:
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match[1] or match[2]
    if name.lower() == "localhost":
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def with_headers(application: ASGIApp) -> ASGIApp:
    """Have every response tell browsers to load, run, frame and keep nothing."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        await application(scope, receive, send_with_headers)

    return wrapped
