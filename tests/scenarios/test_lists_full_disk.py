"""A full disk: lists go live all the same, it is said, and nothing that was kept is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.list_city import COMMON, NAME, PATH, City, running_city
from tests.support.list_server import BLOCKED, details, metric, one_line
from tests.support.steady_client import SteadyClient

UNWRITTEN = f"what list {NAME} came to cannot be written (No space left on device)"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with running_city(tmp_path) as started:
        yield started


def test_what_cannot_be_kept_goes_live(city: City) -> None:
    server = city.server
    city.disk.fill()
    city.serve(2)
    place = server.places["127.0.0.1"]
    with SteadyClient(place, f"{COMMON} A", BLOCKED):
        updated = server.command("lists", "update", NAME)
    assert updated.returncode == 0
    city.check(serves=2, keeps=[1])
    shown = server.command("lists", "show", NAME)
    for said in (updated.stdout, shown.stdout, server.log()):
        assert UNWRITTEN in one_line(said)
    assert metric(server, "list_updates_total", list=NAME, result="ok") == 2
    assert details(server, NAME)["last"]["result"] == "ok"

    city.restart()
    city.check(serves=1, keeps=[1])
    assert details(server, NAME)["generation"] == 1
    assert server.request("GET", "/readyz").status_code == 200

    assert city.update() == "ok"
    city.check(serves=2, keeps=[1])
    city.disk.free()
    city.serve(3)
    assert city.update() == "ok"
    city.check(serves=3, keeps=[3, 1])
    city.restart()
    city.check(serves=3, keeps=[3, 1])


def test_what_is_in_force_is_kept_when_there_is_room_again(city: City) -> None:
    city.disk.fill()
    city.serve(2)
    assert city.update() == "ok"
    city.disk.free()
    assert city.update() in {"ok", "unchanged"}
    city.check(serves=2, keeps=[2, 1])
    city.restart()
    city.check(serves=2, keeps=[2, 1])


def test_a_reload_keeps_what_the_disk_did_not(city: City) -> None:
    city.disk.fill()
    city.serve(2)
    assert city.update() == "ok"
    assert city.server.reload().status_code == 200
    city.check(serves=2, keeps=[1])
    state = details(city.server, NAME)["state"]
    assert "a restart would fall back on generation 1" in state
    city.disk.free()
    assert city.server.reload().status_code == 200
    city.check(serves=2, keeps=[2, 1])
    assert details(city.server, NAME)["state"] == "current"
    city.restart()
    city.check(serves=2, keeps=[2, 1])


def test_a_failure_on_a_full_disk_changes_nothing(city: City) -> None:
    city.disk.fill()
    city.nginx.serve(PATH, b"")
    assert city.update() == "refused"
    city.check(serves=1, keeps=[1])
    last = details(city.server, NAME)["last"]
    assert (last["result"], last["reason"]) == ("refused", "empty")
    city.restart()
    city.check(serves=1, keeps=[1])


def test_a_rollback_that_cannot_be_kept_is_refused(city: City) -> None:
    city.serve(2)
    assert city.update() == "ok"
    city.disk.fill()
    refused = city.server.command("lists", "rollback", NAME)
    assert refused.returncode == 1
    assert "the hold cannot be written (No space left on device)" in refused.stdout
    city.check(serves=2, keeps=[2, 1])
    city.disk.free()
    assert city.server.command("lists", "rollback", NAME).returncode == 0
    city.disk.fill()
    city.restart()
    city.check(serves=1, keeps=[2, 1])
    assert details(city.server, NAME)["held"]["generation"] == 1
