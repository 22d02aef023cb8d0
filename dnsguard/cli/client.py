"""The commands' end of the control socket.

Plain http.client: with it a refusal to connect arrives as the OSError that it is, and a
command starts faster than with an HTTP library.
"""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from dnsguard.config import ConfigError, load
from dnsguard.config.directories import read_directories
from dnsguard.config.problem import printable

ANSWER_SECONDS = 10.0
RELOAD_SECONDS = 600.0
MAX_RESPONSE = 64 * 2**20


class NotRunning(click.ClickException):
    """Nothing listens on the control socket."""


@dataclass(frozen=True, slots=True)
class Response:
    """The status of a response and the document in it."""

    status: int
    document: dict[str, Any]

    def raise_for_failure(self) -> None:
        """Raise ClickException with what the server says, unless the status is 200."""
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
        body = json.dumps({"reason": reason})
        return self._exchange("POST", "/api/v1/reload", body, RELOAD_SECONDS)

    def _exchange(self, method: str, target: str, body: str | None, seconds: float) -> Response:
        connection = _UnixConnection(self._path, seconds)
        try:
            connection.request(method, target, body)
            response = connection.getresponse()
            document = json.loads(response.read(MAX_RESPONSE))
            return Response(response.status, document if isinstance(document, dict) else {})
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
