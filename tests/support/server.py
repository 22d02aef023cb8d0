"""The whole program as an admin runs it: `dnsguard serve` in a process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.metrics import read_samples

DEADLINE = 30.0  # seconds a test waits for what must happen
COMMAND = (sys.executable, "-P", "-m", "dnsguard")


class Server:
    """A dnsguard on ports of the system's choice, its files below a folder."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        prefix: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        arguments: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.config_path = folder / "dnsguard.yaml"
        self.log_path = folder / "log"
        self.port = 0
        self.places: dict[str, tuple[str, int]] = {}
        """Where each address of `listen.dns` is served, as connect() takes it."""
        self.arguments = tuple(arguments)
        """What `serve` is started with, each time."""
        self._prefix = prefix
        self._environ = {**os.environ, **(environ or {})}
        self._pass_fds = pass_fds
        self._process: subprocess.Popen[bytes] | None = None
        self.write(config)

    def write(self, config: Mapping[str, Any]) -> None:
        """Write the config, with what a test does not care about filled in."""
        filled = {
            "listen": {"dns": ["127.0.0.1:0"], "admin": "127.0.0.1:0"},
            "upstreams": ["udp://127.0.0.1:9"],
            "workers": 2,
            "directories": {
                "state": str(self.folder / "state"),
                "runtime": str(self.folder / "run"),
            },
            **config,
        }
        self.write_text(yaml.safe_dump(filled, sort_keys=False))

    def write_text(self, text: str) -> None:
        """Replace the config file by a text."""
        temporary = self.config_path.with_suffix(".new")
        temporary.write_text(text, "utf-8")
        temporary.replace(self.config_path)

    def launch(self, *arguments: str) -> None:
        """Start the process without waiting."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(*self._prefix, *COMMAND, "serve", "-c", str(self.config_path)),
                    *(*self.arguments, *arguments),
                ],
                stdout=log,
                stderr=log,
                env=self._environ,
                pass_fds=self._pass_fds,
                start_new_session=True,  # so that what a fault leaves behind can be found
            )

    def start(self, *arguments: str, complete: bool = True) -> None:
        """Start the process and wait until it is ready; incomplete, until every worker listens."""
        self.launch(*arguments)
        self.wait_for(
            lambda: not any(complete or reason.startswith("worker") for reason in self.unready())
        )
        listening = [place.rpartition(":") for place in self.status()["listening"]]
        self.port = int(listening[0][2])
        self.places = {
            host.strip("[]"): (host.strip("[]"), int(port)) for host, _, port in listening
        }

    def stop(self) -> int:
        """Stop the process as the service manager does; return its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        try:
            return self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait until the process ends by itself; return its exit code."""
        assert self._process is not None
        return self._process.wait(DEADLINE)

    @property
    def pid(self) -> int:
        """The control plane's process."""
        assert self._process is not None
        return self._process.pid

    def wait_for(self, condition: Any) -> None:
        """Wait until a condition holds; it may fail with a connection error meanwhile."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                if condition():
                    return
                failure: object = "the condition does not hold"
            except (httpx.HTTPError, OSError) as error:
                failure = error
            if self._process is not None and self._process.poll() is not None:
                raise AssertionError(f"dnsguard ended:\n{self.log()}")
            if time.monotonic() > end:
                raise AssertionError(f"{failure} after {DEADLINE} s:\n{self.log()}")
            time.sleep(0.01)

    def log(self) -> str:
        """Return what the process wrote."""
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request to the control socket."""
        transport = _ControlSocket(self.folder / "run" / "control.sock")
        with httpx.Client(transport=transport, base_url="http://localhost") as client:
            return client.request(method, path, timeout=DEADLINE, **arguments)

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        document: dict[str, Any] = self.request("GET", "/api/v1/status").raise_for_status().json()
        return document

    def unready(self) -> list[str]:
        """Return the reasons why not every query is answered as configured."""
        return [str(reason) for reason in self.status()["ready"]]

    def reload(self) -> httpx.Response:
        """Reload and return the response, refused or not."""
        return self.request("POST", "/api/v1/reload", json={"reason": "test"})

    def metrics(self) -> str:
        """Return the metrics text."""
        return self.request("GET", "/metrics").raise_for_status().text

    def limited(self, limit: str) -> float:
        """Return how often a limit was reached."""
        return read_samples(self.metrics())[f'dnsguard_limited_total{{limit="{limit}"}}']

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a dnsguard command against this server's config."""
        return subprocess.run(
            [*self._prefix, *COMMAND, *arguments, "-c", str(self.config_path)],
            capture_output=True,
            text=True,
            env=self._environ,
            timeout=DEADLINE,
            check=False,
        )


class _ControlSocket(httpx.BaseTransport):
    """Asks at a Unix socket; httpx's own transport forgets to close one that is refused."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        connection = HTTPConnection("localhost")
        with socket.socket(socket.AF_UNIX) as connection.sock:
            connection.sock.settimeout(DEADLINE)
            connection.sock.connect(str(self._path))
            target = request.url.raw_path.decode("ascii")
            headers = dict(request.headers) | {"Connection": "close"}
            try:
                connection.request(request.method, target, request.read(), headers)
                response = connection.getresponse()
                content = response.read()
            except HTTPException as error:
                raise ConnectionError(type(error).__name__) from error
        return httpx.Response(response.status, headers=response.getheaders(), content=content)


@contextmanager
def running(folder: Path, config: Mapping[str, Any], **options: Any) -> Iterator[Server]:
    """Run a server for the length of a block; its log is shown when the block fails."""
    server = Server(folder, config, **options)
    try:
        server.start()
        yield server
    except BaseException:
        print(server.log())
        raise
    finally:
        server.stop()
