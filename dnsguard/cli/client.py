"""The commands' end of the control socket."""

import os
import re
from pathlib import Path

import click
import httpx

from dnsguard.config import ConfigError, Source, load, read_sources
from dnsguard.config.document import read_document
from dnsguard.config.problem import printable
from dnsguard.config.settings import Directories

SOCKET_NAME = "control.sock"
ANSWER_SECONDS = 10.0
RELOAD_SECONDS = 600.0

_BASE = "http://dnsguard"
_DIRECTORIES = re.compile(r"^directories:.*(?:\n(?:[ \t#].*)?)*", re.MULTILINE)


class NotRunning(click.ClickException):
    """Nothing listens on the control socket."""


class Client:
    """Asks the dnsguard that runs by a config file.

    Raises NotRunning, or ClickException when it runs but the answer cannot be had.
    """

    def __init__(self, config_path: Path) -> None:
        self._path = find_socket(config_path)

    def get(self, path: str, **asked: str) -> httpx.Response:
        """Return the response to a GET."""
        request = httpx.Request("GET", httpx.URL(_BASE, path=path, params=asked))
        return self._send(request, ANSWER_SECONDS)

    def reload(self, reason: str) -> httpx.Response:
        """Return the response when the new policy is in force, or refused."""
        url = httpx.URL(_BASE, path="/api/v1/reload")
        return self._send(httpx.Request("POST", url, json={"reason": reason}), RELOAD_SECONDS)

    def _send(self, request: httpx.Request, timeout: float) -> httpx.Response:
        transport = httpx.HTTPTransport(uds=os.fspath(self._path))
        try:
            with httpx.Client(transport=transport, timeout=timeout) as client:
                return client.send(request)
        except httpx.TimeoutException:
            raise click.ClickException(
                f"dnsguard does not answer on {self._path} (DNS does not depend on that): "
                "see `systemctl status dnsguard`"
            ) from None
        except httpx.TransportError as error:
            raise self._explain(error) from None

    def _explain(self, error: httpx.TransportError) -> click.ClickException:
        cause = _root(error)
        if isinstance(cause, FileNotFoundError | ConnectionRefusedError):
            return NotRunning(
                f"dnsguard is not running (no socket at {self._path}): "
                "start it with `systemctl start dnsguard`"
            )
        if isinstance(cause, PermissionError):
            return click.ClickException(
                f"permission denied on {self._path}: run this as root or join its group"
            )
        return click.ClickException(
            f"dnsguard broke off on {self._path} ({printable(str(cause))}): see its log"
        )


def error_text(response: httpx.Response) -> str:
    """Return what a response that is no success says, fit for a terminal."""
    try:
        said = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        said = f"dnsguard answered with HTTP status {response.status_code}"
    return printable(str(said))


def find_socket(config_path: Path) -> Path:
    """Return the path of the control socket, also when the config has errors.

    The one who needs `reload` to say what is wrong has just broken the file.
    """
    try:
        directories = load(config_path).directories
    except ConfigError:
        directories = _directories_alone(config_path)
    return directories.resolve(os.environ)[1] / SOCKET_NAME


def _directories_alone(config_path: Path) -> Directories:
    """Return the `directories` section as written, read on its own; else the default."""
    try:
        source = read_sources(config_path)[0]
        section = _DIRECTORIES.search(source.text)
        text = section[0] if section else ""
        data = read_document(Source(source.path, text)).data
        context = {"folder": Path(source.path).parent}
        return Directories.model_validate(data.get("directories") or {}, context=context)
    except (ConfigError, ValueError):
        return Directories()


def _root(error: BaseException) -> BaseException:
    while error.__context__ is not None:
        error = error.__context__
    return error
