"""The HTTP interface: metrics, health, the status page and `/api/v1`.

It is served twice. On `listen.admin` (TCP) it only reads; on the control socket, whose file
mode says who may, it also changes. It decides nothing: everything is asked of the `Plane`.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from dnsguard.control.api_lists import ListsAPI, ListsPlane
from dnsguard.control.api_requests import bad_request, find_actor, read_document, read_reason
from dnsguard.control.connections import HTTPServer, control_socket
from dnsguard.control.http_guard import read_only, with_headers
from dnsguard.control.page import choose_language, render_page
from dnsguard.control.results import ReloadResult

ADMIN_SECONDS = 60.0
CONTROL_SECONDS = 3600.0  # the longest reload or update that a command waits for

_ROUTER_SAYS: dict[int, str] = {
    HTTPStatus.NOT_FOUND: "there is nothing at this path: GET / shows what there is",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take that method: see the Allow header",
}
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Plane(ListsPlane, Protocol):
    """The control plane as the HTTP interface sees it."""

    async def reload(self, actor: str, reason: str) -> ReloadResult:
        """Read the config again; return when every worker has swapped, or it is refused."""

    def status(self) -> dict[str, Any]:
        """Return what `dnsguard status` shows."""

    async def why(self, name: str, client: str, rdatatype: str) -> dict[str, Any]:
        """Return why a name is answered as it is. Raises ValueError on bad input."""

    def ready(self) -> list[str]:
        """Return the reasons for not being ready."""

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format."""


async def serve(
    plane: Plane, admin_socket: socket.socket | None, control_path: Path, stop: asyncio.Event
) -> None:
    """Serve until `stop` is set. Raises SocketError if the control socket cannot be had.

    Both sockets listen from the first step of the loop on.
    """
    control = control_socket(control_path)
    control_server = HTTPServer(control_application(plane), connection_seconds=CONTROL_SECONDS)
    admin_server = HTTPServer(admin_application(plane), connection_seconds=ADMIN_SECONDS)
    try:
        await control_server.start(control)
        if admin_socket is not None:
            await admin_server.start(admin_socket)
        await stop.wait()
    finally:
        # Before the listener closes, so that it is never another instance's that is removed.
        control_path.unlink(missing_ok=True)  # noqa: ASYNC240, in a tmpfs
        await asyncio.gather(control_server.close(), admin_server.close())


def control_application(plane: Plane) -> ASGIApp:
    """Return the application of the control socket."""
    api, lists = _API(plane), ListsAPI(plane)
    return with_headers(
        _application([*api.reading(), *lists.reading(), *api.changing(), *lists.changing()])
    )


def admin_application(plane: Plane) -> ASGIApp:
    """Return the application of `listen.admin`, which changes nothing."""
    reading = [*_API(plane).reading(), *ListsAPI(plane).reading()]
    return with_headers(read_only(_application(reading)))


def _application(routes: list[Route]) -> ASGIApp:
    handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        HTTPException: _explain,
        Exception: _apologise,
    }
    application = Starlette(routes=routes, exception_handlers=handlers)
    # Else a path with a slash too many leads to whatever host the request says it came for.
    application.router.redirect_slashes = False
    return application


class _API:
    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    def reading(self) -> list[Route]:
        return [
            Route("/", self.page),
            Route("/metrics", self.metrics),
            Route("/healthz", self.healthy),
            Route("/readyz", self.ready),
            Route("/api/v1/status", self.status),
            Route("/api/v1/why", self.why),
        ]

    def changing(self) -> list[Route]:
        return [Route("/api/v1/reload", self.reload, methods=["POST"])]

    async def page(self, request: Request) -> Response:
        accepted = request.headers.get("accept-language", "")
        language = choose_language(request.query_params.get("lang", ""), accepted)
        page = render_page(self._plane.status(), self._plane.ready(), language)
        return HTMLResponse(page, headers={"vary": "Accept-Language"})

    async def metrics(self, _: Request) -> Response:
        return Response(self._plane.metrics(), headers={"content-type": _METRICS_TYPE})

    async def healthy(self, _: Request) -> Response:
        return JSONResponse({"healthy": True})

    async def ready(self, _: Request) -> Response:
        reasons = self._plane.ready()
        status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
        return JSONResponse({"ready": not reasons, "reasons": reasons}, status)

    async def status(self, _: Request) -> Response:
        return JSONResponse(self._plane.status())

    async def why(self, request: Request) -> Response:
        asked = request.query_params
        for key in ("name", "client"):
            if key not in asked:
                raise bad_request(f"'{key}' is missing: add ?{key}=...")
        try:
            told = await self._plane.why(asked["name"], asked["client"], asked.get("type", "A"))
            return JSONResponse(told)
        except ValueError as error:
            raise bad_request(str(error)) from None

    async def reload(self, request: Request) -> Response:
        reason = read_reason(await read_document(request, "reason"))
        result = await self._plane.reload(await find_actor(request), reason)
        accepted = result.result == "ok"
        status = HTTPStatus.OK if accepted else HTTPStatus.UNPROCESSABLE_ENTITY
        return JSONResponse(asdict(result), status)


async def _explain(_: Request, error: HTTPException) -> Response:
    text = error.detail
    if text == HTTPStatus(error.status_code).phrase:  # the router's own words
        text = _ROUTER_SAYS.get(error.status_code, text)
    return JSONResponse({"error": text}, error.status_code, error.headers)


async def _apologise(_: Request, __: Exception) -> Response:
    text = "dnsguard failed on this request: its log says why"
    return JSONResponse({"error": text}, HTTPStatus.INTERNAL_SERVER_ERROR)
