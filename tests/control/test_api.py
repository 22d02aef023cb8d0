import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.config import Problem
from dnsguard.control import connections
from dnsguard.control.api import MAX_BODY
from dnsguard.control.connections import MAX_CONNECTIONS, control_socket
from dnsguard.control.page import choose_language
from dnsguard.control.results import ReloadResult
from dnsguard.control.sockets import SocketError
from tests.support.api import FakePlane, Served, own_actor, served

STATUS = {
    "version": "0.1.0",
    "generation": 7,
    "policies": [
        {"name": "tiktok-ban", "stage": "enforce", "enforcing": True, "groups": ["staff"]},
        {"name": "trial", "stage": "shadow", "enforcing": False, "groups": ["<b>"]},
    ],
}
RELOAD = "/api/v1/reload"


@pytest.fixture
def plane() -> FakePlane:
    return FakePlane(document=STATUS)


@pytest.fixture(params=[True, False], ids=["uvloop", "asyncio"])
def api(plane: FakePlane, request: pytest.FixtureRequest) -> Iterator[Served]:
    with served(plane, on_uvloop=request.param) as where:
        yield where


@pytest.fixture
def admin(api: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{api.port}", trust_env=False) as client:
        yield client


@pytest.fixture
def control(api: Served) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(uds=str(api.control))
    with httpx.Client(base_url="http://dnsguard", transport=transport) as client:
        yield client


def exchange(address: tuple[str, int] | str, sent: bytes) -> bytes:
    """Send bytes as they are and return all that comes back; the server may hang up any time."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    received = b""
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.connect(address)
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionError:
            pass
    return received


def test_metrics_are_served_as_prometheus_expects_them(admin: httpx.Client) -> None:
    response = admin.get("/metrics")
    assert response.text == "dnsguard_generation 7\n"
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_health_is_that_the_control_plane_answers(admin: httpx.Client, plane: FakePlane) -> None:
    plane.reasons = ["worker 1 is not listening"]
    assert admin.get("/healthz").status_code == 200


def test_readiness_says_what_is_missing(admin: httpx.Client, plane: FakePlane) -> None:
    assert admin.get("/readyz").status_code == 200
    plane.reasons = ["worker 1 is not listening"]
    response = admin.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "reasons": plane.reasons}


def test_status_is_the_same_on_both_sockets(admin: httpx.Client, control: httpx.Client) -> None:
    assert admin.get("/api/v1/status").json() == STATUS
    assert control.get("/api/v1/status").json() == STATUS


def test_why_is_asked_of_the_plane(admin: httpx.Client, plane: FakePlane) -> None:
    plane.explanation = {"verdict": "blocked"}
    asked = {"name": "tiktok.com", "client": "10.20.0.7"}
    assert admin.get("/api/v1/why", params=asked).json() == {"verdict": "blocked"}
    admin.get("/api/v1/why", params={**asked, "type": "HTTPS"})
    assert plane.asked == [("tiktok.com", "10.20.0.7", "A"), ("tiktok.com", "10.20.0.7", "HTTPS")]


def test_why_refuses_what_cannot_be_asked(admin: httpx.Client, plane: FakePlane) -> None:
    assert "'client' is missing" in admin.get("/api/v1/why?name=tiktok.com").json()["error"]
    plane.explanation = ValueError("the client is not an IP address")
    response = admin.get("/api/v1/why?name=tiktok.com&client=phone")
    assert response.status_code == 400
    assert response.json() == {"error": "the client is not an IP address"}


def test_a_reload_tells_who_and_why(control: httpx.Client, plane: FakePlane) -> None:
    response = control.post(RELOAD, json={"reason": "directive 7"})
    assert response.status_code == 200
    assert response.json() == {"result": "ok", "generation": 7, "problems": [], "warnings": []}
    assert plane.reloads == [(own_actor(), "directive 7")]


def test_a_reload_needs_no_reason(control: httpx.Client, plane: FakePlane) -> None:
    control.post(RELOAD)
    assert plane.reloads == [(own_actor(), "")]


def test_a_reason_is_kept_printable(control: httpx.Client, plane: FakePlane) -> None:
    control.post(RELOAD, content=b'{"reason": "a\\u001b[2Jb\\ud800"}')
    assert plane.reloads == [(own_actor(), "a\\x1b[2Jb\\ud800")]


def test_a_refused_reload_gives_every_problem(control: httpx.Client, plane: FakePlane) -> None:
    problem = Problem("policies.x.groups[0]", "no group named 'staf'", "/etc/x.yaml", 12)
    plane.result = ReloadResult("refused", 6, (problem,))
    response = control.post(RELOAD, json={})
    assert response.status_code == 422
    assert response.json()["problems"] == [
        {
            "path": "policies.x.groups[0]",
            "message": "no group named 'staf'",
            "file": "/etc/x.yaml",
            "line": 12,
        }
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'{"reason": 7}',
        b"\xff",
        b"[" * 60_000,
        b'{"reason": "%s"}' % (b"x" * 501),
    ],
)
def test_a_reload_with_a_bad_body_is_refused(
    control: httpx.Client, plane: FakePlane, body: bytes
) -> None:
    response = control.post(RELOAD, content=body)
    assert response.status_code == 400
    assert "error" in response.json()
    assert not plane.reloads


def test_a_huge_body_is_refused(api: Served, plane: FakePlane) -> None:
    size = MAX_BODY + 1
    head = f"POST {RELOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: {size * 100}\r\n\r\n".encode()
    assert exchange(str(api.control), head + b" " * size).startswith(b"HTTP/1.1 413 ")
    assert not plane.reloads


def test_a_body_that_never_comes_reloads_nothing(api: Served, plane: FakePlane) -> None:
    head = f"POST {RELOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n".encode()
    exchange(str(api.control), head + b'{"reason": ')
    assert not plane.reloads


def test_nothing_is_changed_over_tcp(admin: httpx.Client, plane: FakePlane) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        response = admin.request(method, RELOAD)
        assert response.status_code == 403
        assert "control socket" in response.json()["error"]
    assert admin.get(RELOAD).status_code == 404
    assert not plane.reloads


def test_a_wrong_method_is_refused_on_the_control_socket(
    control: httpx.Client, plane: FakePlane
) -> None:
    assert control.get(RELOAD).headers["allow"] == "POST"
    assert control.delete("/api/v1/status").status_code == 405
    assert not plane.reloads


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:9153", "127.0.0.1", "[::1]:9153", "[::1]", "192.0.2.1:80"]
)
def test_an_address_is_taken_as_host(admin: httpx.Client, host: str) -> None:
    assert admin.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9153", "", "[::1"]
)
def test_another_name_as_host_is_refused(admin: httpx.Client, host: str) -> None:
    response = admin.get("/api/v1/status", headers={"host": host})
    assert response.status_code == 421
    assert "generation" not in response.text


def test_a_request_without_host_is_refused(api: Served) -> None:
    answer = exchange(("127.0.0.1", api.port), b"GET /api/v1/status HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/api/v1/../../x"]
)
def test_a_path_leads_nowhere_else(api: Served, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    answer = exchange(("127.0.0.1", api.port), request)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]).keys() == {"error"}
    assert b"root:" not in answer


def test_every_response_may_load_and_run_nothing(admin: httpx.Client) -> None:
    for path in ("/", "/metrics", "/nowhere"):
        headers = admin.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
    assert admin.post("/").headers["x-content-type-options"] == "nosniff"


def test_a_fault_of_ours_is_said_and_logged(
    admin: httpx.Client, plane: FakePlane, caplog: pytest.LogCaptureFixture
) -> None:
    plane.explanation = KeyError("secret")
    response = admin.get("/api/v1/why?name=x.test&client=192.0.2.1")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "secret" in caplog.text
    assert admin.get("/healthz").status_code == 200


class Page(HTMLParser):
    """Collects the tags, the links and the text of a page; checks that it is well nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.language: str | None = None
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang")
        if tag == "a":
            self.links.append(given["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_shows_the_policies(admin: httpx.Client, plane: FakePlane) -> None:
    plane.reasons = ["list <partner>: gone"]
    page = Page(admin.get("/").text)
    assert page.language == "en"
    text = " ".join(page.text)
    for expected in ("dnsguard 0.1.0", "Not ready", "list <partner>: gone", "tiktok-ban", "<b>"):
        assert expected in text
    assert not {"script", "style", "b", "img"} & set(page.tags)
    assert {"h1", "main", "nav", "table", "th", "title"} <= set(page.tags)


def test_the_page_is_in_french_for_who_asks(admin: httpx.Client) -> None:
    page = Page(admin.get("/", headers={"accept-language": "fr-CA,en;q=0.8"}).text)
    assert page.language == "fr"
    assert "Prêt" in page.text
    assert "Prêt" in Page(admin.get("/?lang=fr").text).text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_link_of_the_page_leads_somewhere(admin: httpx.Client, language: str) -> None:
    links = Page(admin.get(f"/?lang={language}").text).links
    assert len(links) == 5
    for link in links:
        assert admin.get(link).status_code == 200


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        ("", "", "en"),
        ("", "de, fr;q=0.5, en;q=0.4", "fr"),
        ("en", "fr", "en"),
        ("tlh", "fr", "fr"),
        ("", "en-GB", "en"),
    ],
)
def test_the_language_is_the_first_that_is_ours(asked: str, accepted: str, chosen: str) -> None:
    assert choose_language(asked, accepted) == chosen


def test_a_flood_of_connections_is_cut_off_and_leaves_the_control_socket_free(
    api: Served, control: httpx.Client
) -> None:
    held = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(MAX_CONNECTIONS)]
    try:
        assert exchange(("127.0.0.1", api.port), b"GET / HTTP/1.0\r\n\r\n") == b""
        assert control.get("/healthz").status_code == 200
    finally:
        for connection in held:
            connection.close()


def test_a_reload_goes_on_when_who_asked_is_gone(api: Served, plane: FakePlane) -> None:
    plane.release = threading.Event()
    request = f"POST {RELOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(api.control))
        connection.sendall(request)
        plane.entered.wait()
    plane.release.set()
    assert exchange(str(api.control), request).startswith(b"HTTP/1.1 200 ")


def test_requests_under_way_are_answered_at_the_end(plane: FakePlane) -> None:
    plane.release = threading.Event()
    request = f"POST {RELOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with ThreadPoolExecutor() as pool:
        with served(plane) as where:
            where.on_stop = plane.release.set
            answer = pool.submit(exchange, str(where.control), request)
            plane.entered.wait()
        assert answer.result().startswith(b"HTTP/1.1 200 ")


def test_a_client_that_is_silent_is_cut(plane: FakePlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.01)
    with served(plane) as where, socket.create_connection(("127.0.0.1", where.port)) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert silent.recv(1000) == b""


JUNK = st.binary(max_size=2000)
REQUEST = st.builds(
    lambda method, path, headers, body: (
        b"%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n%s" % (method, path, headers, body)
    ),
    st.sampled_from([b"GET", b"POST", b"PRI", b"\x00", b"CONNECT"]),
    st.one_of(st.sampled_from([b"/", b"*", RELOAD.encode(), b"/api/v1/why?name=%ff"]), JUNK),
    st.sampled_from(
        [
            b"",
            b"Content-Length: 5\r\n",
            b"Content-Length: -1\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Upgrade: h2c\r\nHTTP2-Settings: AA\r\n",
            b"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n",
        ]
    ),
    JUNK,
)


def test_any_bytes_are_survived(caplog: pytest.LogCaptureFixture) -> None:
    with served(FakePlane(document=STATUS)) as where:

        @given(st.one_of(JUNK, REQUEST, JUNK.map(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".__add__)))
        def survives(sent: bytes) -> None:
            exchange(("127.0.0.1", where.port), sent)

        survives()
        assert httpx.get(f"http://127.0.0.1:{where.port}/healthz").status_code == 200
    assert not [record for record in caplog.records if record.name == "asyncio"]


def test_the_control_socket_is_for_the_group_and_goes_at_the_end(plane: FakePlane) -> None:
    with served(plane) as where:
        mode = where.control.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o660
    assert not where.control.exists()


def test_a_stale_control_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "control.sock"
    control_socket(path).close()
    with control_socket(path) as again, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        again.accept()[0].close()


def test_the_control_socket_of_a_running_one_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with control_socket(path), pytest.raises(SocketError, match="another dnsguard is running"):
        control_socket(path)
    assert path.exists()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    with pytest.raises(SocketError, match="it is no socket"):
        control_socket(path)
    assert path.read_text() == "precious"


def test_a_control_socket_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120) / "control.sock"
    with pytest.raises(SocketError, match=r"check 'directories\.runtime'"):
        control_socket(path)


def test_the_umask_is_left_as_it_was(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        control_socket(tmp_path / "control.sock").close()
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
