"""The commands' end of the control socket.

Plain http.client: with it a refusal to connect arrives as the OSError that it is, and a
command starts faster than with an HTTP library.
"""

import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from dnsguard.config import ConfigError, load
from dnsguard.config.directories import read_directories
from dnsguard.text import printable

ANSWER_SECONDS = 10.0
CHANGE_SECONDS = 600.0  # also between two events of an update
MAX_RESPONSE = 64 * 2**20
MAX_EVENT = 2**20

Event = dict[str, Any]
"""One thing that an update of lists has to tell."""


class NotRunning(click.ClickException):
    """Nothing listens on the control socket."""


@dataclass(frozen=True, slots=True)
class Response:
    """The status of a response and the document in it."""

    status: int
    document: dict[str, Any]

    def raise_for_failure(self) -> None:
        """Raise ClickException with what the server says, unless the status is 200.

        What the server does not have is wrong usage: UsageError.
        """
        if self.status == 404:
            raise click.UsageError(self.error)
        if self.status != 200:
            raise click.ClickException(self.error)

    @property
    def error(self) -> str:
        """What the server says is wrong, fit for a terminal."""
        said = self.document.get("error", f"dnsguard answered with HTTP status {self.status}")
        return printable(str(said))


class Client:
    """Asks the dnsguard that runs by a config file.

    Raises NotRunning, or ClickException when it runs but the response cannot be had.
    """

    def __init__(self, config_path: Path) -> None:
        self._path = find_socket(config_path)

    def get(self, path: str, asked: Mapping[str, str] | None = None) -> Response:
        """Return the response to a GET."""
        target = f"{path}?{urlencode(asked)}" if asked else path
        return self._exchange("GET", target, None, ANSWER_SECONDS)

    def reload(self, reason: str) -> Response:
        """Return the response when the new policy is in force, or refused."""
        return self.change("/api/v1/reload", {"reason": reason})

    def change(self, path: str, document: Mapping[str, Any]) -> Response:
        """Return the response to a POST, when what it asks for is done or refused."""
        return self._exchange("POST", path, json.dumps(document), CHANGE_SECONDS)

    def update(self, names: Sequence[str], reason: str, *, dry_run: bool) -> Iterator[Event]:
        """Yield the events of an update of lists as they come, `done` last.

        Raises UsageError for an unknown list, ClickException if the end does not come.
        """
        body = json.dumps({"names": list(names), "dry_run": dry_run, "reason": reason})
        with self._responding("POST", "/api/v1/lists/update", body, CHANGE_SECONDS) as response:
            if response.status != 200:
                _read(response).raise_for_failure()
            while (line := response.readline(MAX_EVENT)).endswith(b"\n"):
                event = _parse(line)
                if event.get("event") == "error":
                    raise click.ClickException(printable(str(event.get("message"))))
                yield event
                if event.get("event") == "done":
                    return
        raise click.ClickException(
            "dnsguard broke off before the end of the update, which goes on if it still runs: "
            "see `dnsguard lists show`"
        )

    def _exchange(self, method: str, target: str, body: str | None, seconds: float) -> Response:
        with self._responding(method, target, body, seconds) as response:
            return _read(response)

    @contextmanager
    def _responding(
        self, method: str, target: str, body: str | None, seconds: float
    ) -> Iterator[HTTPResponse]:
        connection = _UnixConnection(self._path, seconds)
        try:
            connection.request(method, target, body)
            with connection.getresponse() as response:
                yield response
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotRunning(
                f"dnsguard is not running (no socket at {self._path}): "
                "start it with `systemctl start dnsguard`"
            ) from None
        except PermissionError:
            raise click.ClickException(
                f"permission denied on {self._path}: run this as root or join its group"
            ) from None
        except TimeoutError:
            raise click.ClickException(
                f"dnsguard does not answer on {self._path} (DNS does not depend on that): "
                "see `systemctl status dnsguard`"
            ) from None
        except (OSError, HTTPException, ValueError) as error:
            raise click.ClickException(
                f"dnsguard broke off on {self._path} ({type(error).__name__}): see its log"
            ) from None
        finally:
            connection.close()


def _read(response: HTTPResponse) -> Response:
    return Response(response.status, _parse(response.read(MAX_RESPONSE)))


def _parse(text: bytes) -> dict[str, Any]:
    document = json.loads(text)
    return document if isinstance(document, dict) else {}


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("dnsguard", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


def find_socket(config_path: Path) -> Path:
    """Return the path of the control socket, also when the config has errors.

    The one who needs `reload` to say what is wrong has just broken the file.
    """
    try:
        directories = load(config_path).directories
    except ConfigError:
        directories = read_directories(config_path)
    return directories.control_socket(os.environ)
