"""The part of the HTTP interface that is about lists: what they hold, and changing that.

An update is told as it goes, in lines of JSON. The plane runs it: a client that goes away
stops the telling and nothing else.
"""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dnsguard.control.api_requests import bad_request, find_actor, read_document, read_reason
from dnsguard.text import quote

MAX_NAMED = 20  # lists in one message
MAX_GENERATION = 2**31

_log = logging.getLogger(__name__)


class ListsPlane(Protocol):
    """The control plane's lists as the HTTP interface sees them."""

    def lists(self) -> list[dict[str, Any]]:
        """Return what `dnsguard lists show` shows of each list of the config."""

    def list_details(self, name: str) -> dict[str, Any]:
        """Return all about one list. Raises KeyError for one that the config has not."""

    def update_lists(
        self, names: list[str], actor: str, reason: str, *, dry_run: bool
    ) -> AsyncIterator[dict[str, Any]]:
        """Fetch and judge the lists of these names, or all that can change; tell how it goes.

        Events are `progress`, `stage`, one `result` for each list, and at the end `done`.
        The update itself ends whether or not anyone listens. Raises KeyError.
        """

    async def rollback_list(
        self, name: str, generation: int | None, actor: str, reason: str
    ) -> dict[str, Any]:
        """Put a kept generation in force, None the one before, and hold it. Raises KeyError."""

    async def release_list(self, name: str, actor: str, reason: str) -> dict[str, Any]:
        """Let the newest generation and updates in again. Raises KeyError."""


@dataclass(frozen=True, slots=True)
class ListsAPI:
    """The handlers of `/api/v1/lists`."""

    plane: ListsPlane

    def reading(self) -> list[Route]:
        """Return the routes that change nothing."""
        return [
            Route("/api/v1/lists", self.show_all),
            Route("/api/v1/lists/{name}", self.show_one),
        ]

    def changing(self) -> list[Route]:
        """Return the routes for the control socket only."""
        return [
            Route("/api/v1/lists/update", self.update, methods=["POST"]),
            Route("/api/v1/lists/{name}/rollback", self.roll_back, methods=["POST"]),
            Route("/api/v1/lists/{name}/release", self.release, methods=["POST"]),
        ]

    async def show_all(self, _: Request) -> Response:
        """Answer with all lists."""
        return JSONResponse({"lists": self.plane.lists()})

    async def show_one(self, request: Request) -> Response:
        """Answer with one list and its generations."""
        return JSONResponse(self.plane.list_details(self._name(request)))

    async def update(self, request: Request) -> Response:
        """Start an update and answer with its events, one a line, as they come."""
        document = await read_document(request, "names", "dry_run", "reason")
        names, dry_run = _names(document), document.get("dry_run", False)
        if not isinstance(dry_run, bool):
            raise bad_request('"dry_run" must be true or false')
        reason = read_reason(document)
        actor = await find_actor(request)
        self._refuse_unknown(names)
        events = self.plane.update_lists(names, actor, reason, dry_run=dry_run)
        return StreamingResponse(_lines(events), media_type="application/x-ndjson")

    async def roll_back(self, request: Request) -> Response:
        """Put an older generation in force."""
        document = await read_document(request, "generation", "reason")
        generation = _generation(document)
        reason = read_reason(document)
        actor = await find_actor(request)
        name = self._name(request)
        return _outcome(await self.plane.rollback_list(name, generation, actor, reason))

    async def release(self, request: Request) -> Response:
        """End what a rollback holds."""
        reason = read_reason(await read_document(request, "reason"))
        actor = await find_actor(request)
        name = self._name(request)
        return _outcome(await self.plane.release_list(name, actor, reason))

    def _name(self, request: Request) -> str:
        name: str = request.path_params["name"]
        self._refuse_unknown([name])
        return name

    def _refuse_unknown(self, names: list[str]) -> None:
        """Raise HTTPException for names that the config has not.

        The last step before the plane is asked, with no await between: the plane's KeyError
        would then be a fault of its own and is not taken for the client's.
        """
        known = [str(document["name"]) for document in self.plane.lists()]
        unknown = sorted(set(names) - set(known))
        if unknown:
            there_are = f"the lists are {_enumerate(known)}" if known else "the config has no lists"
            text = f"no list named {_enumerate(list(map(quote, unknown)))}: {there_are}"
            raise HTTPException(HTTPStatus.NOT_FOUND, text)


async def _lines(events: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield _line(event)
    except Exception:  # noqa: BLE001, the status is sent: only a line can still say it
        _log.exception("an update of lists failed")
        message = "dnsguard failed on this update: its log says why"
        yield _line({"event": "error", "message": message})


def _line(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode("ascii") + b"\n"


def _names(document: dict[str, Any]) -> list[str]:
    names = document.get("names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise bad_request('"names" must be an array of names of lists')
    return list(dict.fromkeys(names))


def _generation(document: dict[str, Any]) -> int | None:
    number = document.get("generation")
    if number is None:
        return None
    if type(number) is not int or not 0 < number < MAX_GENERATION:
        raise bad_request('"generation" must be the number of a generation, or null')
    return number


def _outcome(result: dict[str, Any]) -> Response:
    accepted = result["result"] == "ok"
    return JSONResponse(result, HTTPStatus.OK if accepted else HTTPStatus.UNPROCESSABLE_ENTITY)


def _enumerate(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
