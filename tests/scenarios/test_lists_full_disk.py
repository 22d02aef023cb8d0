"""A full disk: lists go live all the same, it is said, and nothing that was kept is lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dnsguard.lists.generations import GenerationStore
from tests.scenarios.upstream import knowing_every_name
from tests.support.list_server import (
    BLOCKED,
    FORWARDED,
    details,
    make_list,
    marker,
    metric,
    one_line,
    policy,
    update,
    verdicts,
)
from tests.support.nginx import Nginx, running_nginx
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.steady_client import SteadyClient

DISK = 2 << 20
NAME = "partner"
PATH = "/list.txt"
COMMON = "name0.listed.example"
COUNT = 3_000
UNWRITTEN = f"what list {NAME} came to cannot be written (No space left on device)"


class City(NamedTuple):
    """A server whose first version is kept, on a disk with room, and what is around it."""

    server: Server
    nginx: Nginx
    disk: SmallDisk

    def serve(self, version: int) -> None:
        """Have the list server serve a version."""
        self.nginx.serve(PATH, make_list(version, count=COUNT))

    def update(self) -> str:
        """Update the list and return the result, while a client asks."""
        place = self.server.places["127.0.0.1"]
        with SteadyClient(place, f"{COMMON} A", BLOCKED):
            return str(update(self.server, NAME)[NAME]["result"])

    def restart(self) -> None:
        """Stop the server and start it again."""
        assert self.server.stop() == 0
        self.server.start()

    def check(self, serves: int, keeps: list[int]) -> None:
        """Check which version is in force, and that the disk has exactly those whole."""
        versions = range(1, 5)
        expected = {marker(n): BLOCKED if n == serves else FORWARDED for n in versions}
        assert verdicts(self.server, *expected) == expected
        store = GenerationStore(self.disk.path / "lists")
        generations = store.record(NAME).generations
        texts = [store.read(NAME, generation, 1 << 20) for generation in generations]
        assert texts == [make_list(version, count=COUNT) for version in keeps]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with (
        small_disk(tmp_path / "state", DISK) as disk,
        ScriptedUpstream(knowing_every_name()) as upstream,
        running_nginx(tmp_path) as nginx,
    ):
        nginx.serve(PATH, make_list(1, count=COUNT))
        config = {
            "upstreams": [upstream.url],
            "lists": {NAME: {"source": nginx.url(PATH)}},
            **policy(NAME),
        }
        with running(tmp_path, config, prefix=disk.prefix) as server:
            server.wait_for(lambda: details(server, NAME)["generation"] == 1)
            yield City(server, nginx, disk)


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
