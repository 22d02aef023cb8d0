import json
import threading
from typing import Any

import httpx
import pytest

from dnsguard.control.api_lists import MAX_NAMED
from tests.support.api import FakePlane, own_actor

PARTNER = {"name": "partner", "names": 3, "state": "current"}
TIKTOK = {"name": "builtin:tiktok", "names": 141, "state": "current"}
UPDATE = "/api/v1/lists/update"
STAGE = {"event": "stage", "list": "partner", "stage": "fetching"}
DONE = {"event": "done", "generation": 8}


@pytest.fixture
def plane() -> FakePlane:
    details = {str(one["name"]): one for one in (TIKTOK, PARTNER)}
    return FakePlane(details=details, events=[STAGE, DONE])


def test_lists_are_shown_on_both_sockets(admin: httpx.Client, control: httpx.Client) -> None:
    for client in (admin, control):
        assert client.get("/api/v1/lists").json() == {"lists": [TIKTOK, PARTNER]}
        assert client.get("/api/v1/lists/partner").json() == PARTNER
        assert client.get("/api/v1/lists/builtin%3Atiktok").json() == TIKTOK


def test_an_unknown_list_is_answered_with_the_known_ones(control: httpx.Client) -> None:
    responses = [
        control.get("/api/v1/lists/partnr"),
        control.post(UPDATE, json={"names": ["partner", "partnr"]}),
        control.post("/api/v1/lists/partnr/rollback"),
        control.post("/api/v1/lists/partnr/release"),
    ]
    for response in responses:
        assert response.status_code == 404
        assert response.json() == {
            "error": "no list named 'partnr': the lists are builtin:tiktok, partner"
        }


def test_what_is_said_of_unknown_lists_is_short_and_safe(
    control: httpx.Client, plane: FakePlane
) -> None:
    plane.details = {f"list-{number}": {"name": f"list-{number}"} for number in range(2_000)}
    names = ["\x1b[2J", "\ud800", *(f"x{number}" * 99 for number in range(99))]
    error = control.post(UPDATE, content=json.dumps({"names": names})).json()["error"]
    assert f"and {2_000 - MAX_NAMED} more" in error
    assert len(error) < 3_000
    assert error.isprintable()
    plane.details = {}
    error = control.get("/api/v1/lists/x").json()["error"]
    assert error == "no list named 'x': the config has no lists"


def test_a_path_that_is_none_says_so_still(control: httpx.Client) -> None:
    assert control.get("/api/v1/list").json()["error"].startswith("there is nothing at this path")
    response = control.post("/api/v1/lists/partner")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert response.json()["error"].startswith("this path does not take that method")


def test_an_update_is_told_in_lines_of_json(control: httpx.Client, plane: FakePlane) -> None:
    asked = {"names": ["partner", "builtin:tiktok", "partner"], "dry_run": True, "reason": "why"}
    response = control.post(UPDATE, json=asked)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert [json.loads(line) for line in response.text.splitlines()] == [STAGE, DONE]
    names = ["partner", "builtin:tiktok"]
    assert plane.changes == [("update", names, own_actor(), "why", True)]


def test_an_update_of_everything_needs_no_body(control: httpx.Client, plane: FakePlane) -> None:
    control.post(UPDATE)
    assert plane.changes == [("update", [], own_actor(), "", False)]


def test_each_event_arrives_while_the_update_goes_on(
    control: httpx.Client, plane: FakePlane
) -> None:
    plane.release = threading.Event()
    with control.stream("POST", UPDATE) as response:
        lines = response.iter_lines()
        assert json.loads(next(lines)) == STAGE
        assert plane.entered.wait(60)
        plane.release.set()
        assert json.loads(next(lines)) == DONE
        assert not list(lines)


def test_a_client_that_goes_away_leaves_the_server_as_it_was(
    control: httpx.Client, plane: FakePlane
) -> None:
    plane.release = threading.Event()
    with control.stream("POST", UPDATE) as response:
        next(response.iter_lines())
    plane.release.set()
    assert control.get("/api/v1/lists").status_code == 200


def test_a_fault_in_the_middle_is_the_last_line_and_logged(
    control: httpx.Client, plane: FakePlane, caplog: pytest.LogCaptureFixture
) -> None:
    plane.events = [STAGE, KeyError("secret")]
    lines = control.post(UPDATE).text.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["stage", "error"]
    assert "log" in json.loads(lines[1])["message"]
    assert "secret" not in lines[1]
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("asked", "generation"), [({}, None), ({"generation": None}, None), ({"generation": 6}, 6)]
)
def test_a_rollback_names_a_generation_or_the_one_before(
    control: httpx.Client, plane: FakePlane, asked: dict[str, Any], generation: int | None
) -> None:
    plane.outcome = {"list": "partner", "generation": 6, "result": "ok"}
    path = "/api/v1/lists/builtin%3Atiktok/rollback"
    response = control.post(path, json={**asked, "reason": "it blocks city.example"})
    assert (response.status_code, response.json()) == (200, plane.outcome)
    expected = ("rollback", "builtin:tiktok", generation, own_actor(), "it blocks city.example")
    assert plane.changes == [expected]


def test_a_release_is_passed_on(control: httpx.Client, plane: FakePlane) -> None:
    assert control.post("/api/v1/lists/partner/release", json={"reason": "x"}).status_code == 200
    assert plane.changes == [("release", "partner", own_actor(), "x")]


@pytest.mark.parametrize("action", ["rollback", "release"])
def test_what_the_plane_refuses_is_no_success(
    control: httpx.Client, plane: FakePlane, action: str
) -> None:
    plane.outcome = {"list": "partner", "result": "refused", "message": "there is none before"}
    response = control.post(f"/api/v1/lists/partner/{action}")
    assert (response.status_code, response.json()) == (422, plane.outcome)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *((UPDATE, body) for body in (b"{", b"[]", b"\xff", b"[" * 60_000)),
        (UPDATE, b'{"names": "partner"}'),
        (UPDATE, b'{"names": [7]}'),
        (UPDATE, b'{"dry_run": "yes"}'),
        (UPDATE, b'{"dryrun": true}'),
        (UPDATE, b'{"reason": 7}'),
        ("/api/v1/lists/partner/release", b'{"reason": "%s"}' % (b"x" * 501)),
        ("/api/v1/lists/partner/release", b'{"generation": 6}'),
        *(
            ("/api/v1/lists/partner/rollback", b'{"generation": %s}' % number)
            for number in (b"0", b"-1", b"true", b"6.0", b'"6"', b"9" * 20, b"9" * 5_000)
        ),
    ],
)
def test_a_body_that_makes_no_sense_changes_nothing(
    control: httpx.Client, plane: FakePlane, path: str, body: bytes
) -> None:
    response = control.post(path, content=body)
    assert response.status_code == 400
    assert response.json()["error"].isprintable()
    assert not plane.changes


def test_lists_are_not_changed_over_tcp(admin: httpx.Client, plane: FakePlane) -> None:
    for path in (UPDATE, "/api/v1/lists/partner/rollback", "/api/v1/lists/partner/release"):
        assert admin.post(path).status_code == 403
    assert not plane.changes


@pytest.mark.parametrize("name", ["update", "rollback"])
def test_a_list_may_be_called_like_an_action(
    control: httpx.Client, plane: FakePlane, name: str
) -> None:
    plane.details = {name: {"name": name}}
    assert control.get(f"/api/v1/lists/{name}").json() == {"name": name}
    control.post(f"/api/v1/lists/{name}/rollback")
    assert plane.changes == [("rollback", name, None, own_actor(), "")]
