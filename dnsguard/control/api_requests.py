"""What a request to the control socket asks for, and who asks: bounded, checked, printable."""

import asyncio
import json
import pwd
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from dnsguard.text import printable

MAX_BODY = 64 * 1024
MAX_REASON = 500
BODY_SECONDS = 10.0


async def read_document(request: Request, *keys: str) -> dict[str, Any]:
    """Return the JSON object in the body, an empty one if there is none.

    Raises HTTPException, also for a key not among `keys`: what it was meant to change is not
    ignored.
    """
    try:
        document = json.loads(await _body(request) or b"{}")
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not document.keys() <= set(keys):
        known = ", ".join(f'"{key}"' for key in keys)
        raise bad_request(f"the body must be a JSON object with no other keys than {known}")
    return document


def read_reason(document: dict[str, Any]) -> str:
    """Return why something is changed, fit for a log. Raises HTTPException."""
    reason = document.get("reason", "")
    if not isinstance(reason, str):
        raise bad_request('"reason" must be text')
    if len(reason) > MAX_REASON:
        raise bad_request(f"the reason is longer than {MAX_REASON} characters: shorten it")
    return printable(reason)


async def find_actor(request: Request) -> str:
    """Return who is at the other end of the socket, as the record names them."""
    peer = request.scope["state"]["peer"]
    if peer is None:
        return "unknown"
    pid, uid = peer
    return f"uid {uid} ({await asyncio.to_thread(_user_name, uid)}) pid {pid}"


def bad_request(text: str) -> HTTPException:
    """Return what to raise when a request cannot be understood."""
    return HTTPException(HTTPStatus.BAD_REQUEST, text)


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise HTTPException(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        f"the body is larger than {MAX_BODY} octets: shorten it",
                    )
    except (TimeoutError, ClientDisconnect):
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "the body did not come: send it") from None
    return bytes(body)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "no name"
