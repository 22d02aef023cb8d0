"""What of a list goes live, and when: hostile entries, dry runs, rollbacks, reloads, no network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.upstream import knowing_every_name
from tests.support.list_server import (
    BLOCKED,
    FORWARDED,
    counts,
    details,
    make_list,
    marker,
    metric,
    one_line,
    policy,
    update,
    verdict,
    verdicts,
)
from tests.support.nginx import Nginx, running_nginx
from tests.support.processes import mapped, opened
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running
from tests.support.steady_client import SteadyClient

IMAGE, GENERATION = "dnsguard-lists", "dnsguard-generation"
TEXTS = ("dnsguard-list", "dnsguard-text")
LONG = ".".join(["a" * 60] * 5)
ENTRIES = {
    "com": "www.example.com",
    ".": "www.example.org",
    "co.uk": "www.example.co.uk",
    "akamai.net": "e1.akamai.net",
    "127.0.0.1": "127.0.0.1",
    "city.example": "www.city.example",
    LONG: LONG[-121:],
    "\x1b[31mred.listed.example\x1b[0m": "red.listed.example",
    "\x1b]0;title\x07title.listed.example": "title.listed.example",
    "\x9b31mgreen.listed.example": "green.listed.example",
}
"""What no list may block, and a name that would be blocked if it did."""
UPDATES = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("city")


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(knowing_every_name()) as started:
        yield started


@pytest.fixture(scope="module")
def nginx(folder: Path) -> Iterator[Nginx]:
    with running_nginx(folder) as started:
        started.serve("/partner.txt", make_list(1))
        started.serve("/holding.txt", make_list("holding", *ENTRIES, count=2_000))
        yield started


@pytest.fixture(scope="module")
def config(folder: Path, nginx: Nginx, upstream: ScriptedUpstream) -> dict[str, Any]:
    return {
        "upstreams": [upstream.url],
        "never_block": ["city.example"],
        "lists": {
            "partner": {"source": nginx.url("/partner.txt"), "keep": 2},
            "holding": {"source": nginx.url("/holding.txt")},
            "own": {"source": str(folder / "own.txt")},
        },
        **policy("partner", "holding", "own"),
    }


@pytest.fixture(scope="module")
def server(folder: Path, config: dict[str, Any]) -> Iterator[Server]:
    (folder / "own.txt").write_bytes(make_list("own-1"))
    with running(folder, config) as started:
        for name in ("partner", "holding"):
            started.wait_for(lambda name=name: details(started, name)["generation"])
        yield started


def unsafe(text: str) -> set[str]:
    """Return the characters that could move a terminal's cursor."""
    return {char for char in text if not char.isprintable() and char != "\n"}


def strings(document: object) -> Iterator[str]:
    """Yield every string in a JSON document."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from strings(value)


def test_entries_that_no_list_may_hold_never_go_live(server: Server) -> None:
    told = verdicts(server, marker("holding"), "name0.listed.example", *ENTRIES.values())
    blocked = {name for name, answer in told.items() if answer == BLOCKED}
    assert blocked == {marker("holding"), "name0.listed.example"}
    assert {told[name] for name in ENTRIES.values()} == {FORWARDED}


def test_such_entries_are_reported_safely(server: Server, folder: Path) -> None:
    reasons = {"top-level", "root", "public-suffix", "shared-zone", "never-block", "address"}
    document = details(server, "holding")
    assert {reason: document["dropped"].get(reason) for reason in reasons} == dict.fromkeys(
        reasons, 1
    )
    assert sum(document["dropped"].values()) == len(ENTRIES)
    assert {char for string in strings(document) for char in unsafe(string)} == set()
    notes = " ".join(document["notes"])
    for entry in ("com: top-level", "co.uk: public-suffix", "city.example: never-block"):
        assert entry in notes
    file = folder / "holding.txt"
    file.write_bytes(make_list("holding", *ENTRIES, count=2_000))
    checked = server.command("lists", "check", str(file))
    shown = server.command("lists", "show", "holding")
    for said in (checked, shown):
        assert said.returncode == 0
        assert all(reason in said.stdout for reason in reasons)
        assert unsafe(said.stdout) == unsafe(said.stderr) == set()
    for path in ("/", "/metrics", "/api/v1/status", "/api/v1/lists", "/api/v1/lists/holding"):
        response = server.request("GET", path).raise_for_status()
        assert unsafe(response.text) == set()
    assert metric(server, "list_names", list="holding") == 2_001
    assert unsafe(server.log()) == set()


def test_a_refusal_of_such_entries_is_safe(server: Server, nginx: Nginx) -> None:
    before = details(server, "holding")["generation"]
    nginx.serve("/holding.txt", "".join(f"{entry}\n" for entry in ENTRIES).encode())
    updated = server.command("lists", "update", "holding")
    assert updated.returncode == 1
    assert updated.stdout.startswith("holding: refused (")
    shown = server.command("lists", "show", "holding")
    assert "last result refused (" in one_line(shown.stdout)
    for text in (updated.stdout, updated.stderr, shown.stdout, server.log()):
        assert unsafe(text) == set()
    assert details(server, "holding")["generation"] == before
    nginx.serve("/holding.txt", make_list("holding", *ENTRIES, count=2_000))
    assert update(server, "holding")["holding"]["result"] == "unchanged"


def test_a_dry_run_changes_nothing(server: Server, nginx: Nginx) -> None:
    def everything() -> tuple[object, ...]:
        files = {
            path: (path.stat().st_mtime_ns, path.read_bytes())
            for path in (server.folder / "state").rglob("*")
            if path.is_file()
        }
        document = {key: value for key, value in details(server, "partner").items() if key != "age"}
        return files, document, server.status()["generation"], counts(server, "partner")

    version = current(server)
    before = everything()
    nginx.serve("/partner.txt", make_list(version + 1))
    tried = server.command("lists", "update", "partner", "--dry-run")
    assert tried.returncode == 0
    assert "partner: would change to 301 names (+1 -1)" in tried.stdout
    assert f"added {marker(version + 1)}" in tried.stdout
    assert f"removed {marker(version)}" in tried.stdout
    nginx.serve("/partner.txt", make_list(version + 1, count=10))
    tried = server.command("lists", "update", "partner", "--dry-run")
    assert tried.returncode == 1
    assert "partner: would be refused (shrink): " in tried.stdout
    assert everything() == before
    assert current(server) == version


def current(server: Server) -> int:
    """Return the version of `partner` that is in force, as a client sees it."""
    told = verdicts(server, *(marker(version) for version in range(1, 60)))
    (version,) = (n for n in range(1, 60) if told[marker(n)] == BLOCKED)
    return version


def advance(server: Server, nginx: Nginx) -> int:
    """Update to the next version and return its number."""
    version = current(server) + 1
    nginx.serve("/partner.txt", make_list(version))
    assert update(server, "partner")["partner"]["result"] == "ok"
    assert current(server) == version
    return version


def test_a_rollback_holds_until_it_is_released(
    server: Server, nginx: Nginx, config: dict[str, Any]
) -> None:
    advance(server, nginx)
    newest = advance(server, nginx)
    number = details(server, "partner")["generation"]
    with steady(server):
        assert server.command("lists", "rollback", "partner").returncode == 0
        assert current(server) == newest - 1
        nginx.serve("/partner.txt", make_list(newest + 1))
        updated = server.command("lists", "update", "partner")
        assert updated.returncode == 1
        assert f"partner: held at generation {number - 1}: " in updated.stdout
        server.write({**config, "sinkhole": {"ttl": "60s"}})
        assert server.reload().json()["result"] == "ok"
        assert current(server) == newest - 1
    server.stop()
    server.start()
    assert current(server) == newest - 1
    assert f"held at {number - 1}" in server.command("lists", "show").stdout
    server.write(config)
    assert server.reload().json()["result"] == "ok"
    assert current(server) == newest - 1
    with steady(server):
        released = server.command("lists", "rollback", "partner", "--release")
        assert released.returncode == 0
        assert current(server) == newest
        assert server.command("lists", "update", "partner").returncode == 0
        assert current(server) == newest + 1


def test_a_generation_that_is_gone_cannot_be_rolled_back_to(server: Server, nginx: Nginx) -> None:
    version = advance(server, nginx)
    version = advance(server, nginx)
    number = details(server, "partner")["generation"]
    refused = server.command("lists", "rollback", "partner", str(number - 2))
    assert refused.returncode == 1
    said = f"there is no generation {number - 2}: there is {number}, {number - 1}"
    assert said in refused.stdout
    assert current(server) == version
    assert details(server, "partner")["held"] is None


def steady(server: Server) -> SteadyClient:
    return SteadyClient(server.places["127.0.0.1"], "name0.listed.example A", BLOCKED)


def test_a_reload_of_unchanged_lists_compiles_nothing(
    server: Server, config: dict[str, Any]
) -> None:
    before = images(server)
    for stage, expected in (("off", FORWARDED), ("enforce", BLOCKED)):
        server.write({**config, **policy("partner", "holding", "own", stage=stage)})
        assert server.reload().json()["result"] == "ok"
        assert verdict(server, "name0.listed.example") == expected
        assert images(server) == before


def test_updates_leave_nothing_behind(server: Server, nginx: Nginx) -> None:
    before = {pid: held(pid) for pid in processes(server)}
    image = images(server)
    for _ in range(UPDATES):
        advance(server, nginx)
    assert len(images(server)) == 1
    assert images(server) != image
    assert {pid: held(pid) for pid in processes(server)} == before
    for pid in before:
        assert len(mapped(pid, IMAGE)) == len(mapped(pid, GENERATION)) == 1
        assert [opened(pid, name) for name in TEXTS] == [0, 0]


def held(pid: int) -> list[int]:
    """Return how many descriptors a process has of what it serves by."""
    return [opened(pid, name) for name in (IMAGE, GENERATION)]


def processes(server: Server) -> list[int]:
    return [server.pid, *(worker["pid"] for worker in server.status()["workers"])]


def images(server: Server) -> set[int]:
    """Return the images of lists that any process has mapped."""
    return {inode for pid in processes(server) for inode in mapped(pid, IMAGE)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "it has no entries"),
        (make_list("own-2")[:2_000] + b"<<<<<<< half a merge\n" * 20, "entries cannot be read"),
        (make_list("own-2") + b"\0" * 4096, "it ends in NUL octets"),
    ],
    ids=["emptied", "half a merge", "a writer that crashed"],
)
def test_a_file_edited_halfway_keeps_the_last_good_version(
    server: Server, folder: Path, text: bytes, reason: str
) -> None:
    (folder / "own.txt").write_bytes(text)
    with steady(server):
        reloaded = server.command("reload")
    assert reloaded.returncode == 0
    assert reason in reloaded.stdout
    assert "its last good version goes on serving" in reloaded.stdout
    assert verdict(server, marker("own-1")) == BLOCKED
    assert verdict(server, marker("own-2")) == FORWARDED
    assert [problem.partition(":")[0] for problem in server.unready()] == ["list own"]
    assert metric(server, "policy_enforcing", policy="ban") == 1
    (folder / "own.txt").write_bytes(make_list("own-1"))
    assert server.reload().json()["result"] == "ok"
    assert server.unready() == []


def test_with_a_dead_network_the_list_is_stale_and_serves(nginx: Nginx, tmp_path: Path) -> None:
    nginx.serve("/far.txt", make_list("far"))
    config = {
        "lists": {
            "far": {"source": [nginx.url("/far.txt", host="lists.example"), nginx.url("/far.txt")]}
        },
        "local_records": ["lists.example. 300 IN A 127.0.0.1"],
        **policy("far"),
    }
    with running(tmp_path, config) as server:
        server.wait_for(lambda: details(server, "far")["generation"])
        server.write({**config, "local_records": []})
        assert server.reload().json()["result"] == "ok"
        nginx.stop()
        before = metric(server, "list_age_seconds", list="far")
        with SteadyClient(server.places["127.0.0.1"], f"{marker('far')} A", BLOCKED):
            updated = server.command("lists", "update", "far")
        assert updated.returncode == 1
        said = one_line(updated.stdout)
        assert said.startswith("far: failed: ")
        assert "no upstream resolves lists.example" in said
        assert "connection refused" in said
        assert "generation 1 goes on serving" in said
        overview = server.command("lists", "show").stdout
        assert "NOT CURRENT" in overview
        assert "connection refused" in one_line(overview)
        assert "last result failed " in one_line(server.command("lists", "show", "far").stdout)
        assert metric(server, "list_age_seconds", list="far") > before
        assert metric(server, "policy_enforcing", policy="ban") == 1
        assert counts(server, "far") == {"ok": 1, "failed": 1}
        assert server.request("GET", "/readyz").status_code == 200
        server.stop()
        server.start()
        assert verdict(server, marker("far")) == BLOCKED
        assert "NOT CURRENT" in server.command("lists", "show").stdout
