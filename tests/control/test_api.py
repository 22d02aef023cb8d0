import json

import httpx
import pytest

from dnsguard.config import Problem
from dnsguard.control.api_requests import MAX_BODY
from dnsguard.control.results import ReloadResult
from tests.support.api import FakePlane, Served, exchange, own_actor, served

STATUS = {"version": "0.1.0", "generation": 7, "policies": []}
RELOAD = "/api/v1/reload"


@pytest.fixture
def plane() -> FakePlane:
    return FakePlane(document=STATUS)


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


def test_a_page_of_another_site_is_refused(admin: httpx.Client) -> None:
    own = str(admin.base_url)
    for origin in ("http://evil.example", f"{own}0", "null"):
        response = admin.get("/api/v1/status", headers={"origin": origin})
        assert response.status_code == 403
        assert "generation" not in response.text
    assert admin.get("/api/v1/status", headers={"origin": own}).status_code == 200


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


def test_a_slash_too_many_is_another_path_and_no_redirect(
    control: httpx.Client, plane: FakePlane
) -> None:
    for method, path in (("GET", "/metrics/"), ("GET", "/api/v1/lists/"), ("POST", f"{RELOAD}/")):
        response = control.request(method, path, headers={"host": "elsewhere.example"})
        assert response.status_code == 404
        assert "location" not in response.headers
    assert not plane.reloads


def test_every_response_may_load_and_run_nothing(admin: httpx.Client) -> None:
    for path in ("/", "/metrics", "/nowhere"):
        headers = admin.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
    assert admin.post("/").headers["x-content-type-options"] == "nosniff"


def test_a_fault_of_ours_is_said_and_logged(
    plane: FakePlane, caplog: pytest.LogCaptureFixture
) -> None:
    plane.explanation = KeyError("secret")
    with served(plane) as where:
        base = f"http://127.0.0.1:{where.port}"
        response = httpx.get(f"{base}/api/v1/why?name=x.test&client=192.0.2.1")
        assert httpx.get(f"{base}/healthz").status_code == 200
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "secret" in caplog.text
