"""A real nginx on loopback, to fetch from: what each path serves can change between requests.

    with running_nginx(tmp_path) as nginx:
        nginx.serve("/list.txt", b"example.org\n")            # a file, with ETag and Last-Modified
        nginx.serve("/list.txt", body, "add_header Content-Encoding gzip;")
        nginx.answer("/list.txt", "return 404;")              # any directives of a location
        nginx.answer("/list.txt", f"return 302 {nginx.url('/other.txt')};")
        nginx.stall("/list.txt")                              # takes the request, says nothing
        nginx.pause(); nginx.resume()                         # takes connections, does nothing
        nginx.statuses("/list.txt")                           # [200, 304]: what it answered so far
        nginx.url("/list.txt")                                # http://127.0.0.1:PORT/list.txt
        nginx.url("/list.txt", tls=True, host="lists.example")

A change is in force when the call returns, and cuts the connections under way: nginx is started
again on the same ports, as a reload would leave two editions answering for a while. All paths are
served over HTTP and, with a certificate for `NAMES` that `nginx.certificate` holds, over HTTPS;
others are 404.
"""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.dns_server import free_port
from tests.support.loops import DEADLINE

NAMES = ("lists.example", "127.0.0.1")
START_TRIES = 5

_CONFIG = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
    log_format path "$status $uri";
    access_log {folder}/access.log path;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        root {folder}/empty;
        location = /edition {{ return 200 {edition}; }}
{locations}
    }}
}}
"""


class Nginx:
    """What is served, and where."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "certificate.pem"
        self.port = self.tls_port = 0
        self._edition = 0
        self._locations: dict[str, str] = {}
        self._process: subprocess.Popen[bytes]
        self._silent = socket.create_server(("127.0.0.1", 0))

    def url(self, path: str, *, tls: bool = False, host: str = "127.0.0.1") -> str:
        """Return the URL of a path."""
        return (
            f"https://{host}:{self.tls_port}{path}" if tls else f"http://{host}:{self.port}{path}"
        )

    def serve(self, path: str, body: bytes, directives: str = "") -> None:
        """Serve a file from now on, which is newer than the one before."""
        file = self.folder / f"file-{self._edition}"
        file.write_bytes(body)
        modified = 1_700_000_000 + self._edition
        os.utime(file, (modified, modified))
        self.answer(path, f"alias {file}; {directives}")

    def answer(self, path: str, directives: str) -> None:
        """Serve a path by directives of nginx from now on."""
        self._locations[path] = directives
        self.stop()
        if not self._run():
            raise AssertionError(f"nginx does not start again:\n{self.log()}")

    def stall(self, path: str) -> None:
        """Never answer a path from now on."""
        self.answer(path, f"proxy_pass http://127.0.0.1:{self._silent.getsockname()[1]};")

    def pause(self) -> None:
        """Leave everything unanswered until `resume`; connections are still taken."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on with what came since `pause`, too."""
        self._process.send_signal(signal.SIGCONT)

    def statuses(self, path: str) -> list[int]:
        """Return the status of every answer to requests for a path."""
        lines = (self.folder / "access.log").read_text("utf-8").splitlines()
        answers = (line.split(" ", 1) for line in lines)
        return [int(status) for status, asked in answers if asked == path]

    def start(self) -> bool:
        """Start on free ports; False when another program was faster to take one."""
        self.port, self.tls_port = free_port(), free_port()
        return self._run()

    def stop(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Close what belongs to the test."""
        self._silent.close()

    def log(self) -> str:
        """Return what nginx complained about."""
        file = self.folder / "nginx.log"
        return file.read_text("utf-8") if file.exists() else ""

    def _run(self) -> bool:
        self._write()
        self._process = subprocess.Popen(
            ["/usr/sbin/nginx", "-c", self.folder / "nginx.conf", "-e", self.folder / "nginx.log"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if self._is_ready():
            return True
        self.stop()
        return False

    def _write(self) -> None:
        self._edition += 1
        text = _CONFIG.format(
            folder=self.folder,
            port=self.port,
            tls_port=self.tls_port,
            edition=self._edition,
            locations="\n".join(
                f"        location = {path} {{ {directives} }}"
                for path, directives in self._locations.items()
            ),
        )
        (self.folder / "nginx.conf").write_text(text, "utf-8")

    def _is_ready(self) -> bool:
        """Wait until this very edition is served; False when the program ended."""
        end = time.monotonic() + DEADLINE
        while self._process.poll() is None and time.monotonic() < end:
            if self._served_edition() == str(self._edition).encode():
                return True
            time.sleep(0.005)
        return False

    def _served_edition(self) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/edition")
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return b""
        finally:
            connection.close()


@contextmanager
def running_nginx(folder: Path) -> Iterator[Nginx]:
    """Run nginx for the length of a block, with its files in a folder of its own."""
    folder = folder / "nginx"
    (folder / "empty").mkdir(parents=True)
    _write_certificate(folder)
    nginx = Nginx(folder)
    try:
        if not any(nginx.start() for _ in range(START_TRIES)):
            raise AssertionError(f"nginx does not start:\n{nginx.log()}")
        try:
            yield nginx
        finally:
            nginx.stop()
    finally:
        nginx.close()


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0])])
    names = [x509.DNSName(NAMES[0]), x509.IPAddress(ip_address(NAMES[1]))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
