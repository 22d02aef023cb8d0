"""A broken config never changes what is served, at a reload or at boot."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.scenarios.client import ask, compose
from tests.support.gateway import read, said
from tests.support.metrics import read_samples
from tests.support.server import Server, running

CONFIG = """\
listen: {dns: ["127.0.0.1:0"], admin: null}
upstreams: ["udp://127.0.0.1:9"]
workers: 2
directories: {state: state, runtime: run}
groups:
  staff: {subnets: [127.0.0.2/32]}
lists:
  own: {source: own.txt, format: domains}
policies:
  ban:
    groups: [staff]
    lists: [own]
    block: [blocked.example.org]
"""

BROKEN = {
    "bad YAML": (
        CONFIG + "never_block: [city.example\n",
        ["14: column 14: not valid YAML: check that every '[' and '{' is closed"],
    ),
    "an unknown key": (
        CONFIG + "neverblock: [city.example]\n",
        ["14: neverblock: unknown key; did you mean 'never_block'?"],
    ),
    "an unknown group": (
        CONFIG.replace("[staff]", "[staf]"),
        ["11: policies.ban.groups[0]: no group named 'staf'; did you mean 'staff'?"],
    ),
    "the same subnet twice": (
        CONFIG.replace("127.0.0.2/32]", "127.0.0.2/32, 127.0.0.2]"),
        ["6: groups.staff.subnets[1]: 127.0.0.2/32 is already in groups.staff.subnets[0]"],
    ),
    "a list never seen that is gone": (
        CONFIG.replace("own", "other"),
        ["8: lists.other.source: "],
    ),
    "several at once": (
        CONFIG.replace("[staff]", "[staf]").replace("own", "other").replace("127.0.0.2/", "127/")
        + "neverblock: [city.example]\n",
        [
            "6: groups.staff.subnets[0]: '127/32' is not a subnet",
            "8: lists.other.source: the file cannot be read",
            "11: policies.ban.groups[0]: no group named 'staf'",
            "14: neverblock: unknown key",
        ],
    ),
}
every_broken = pytest.mark.parametrize(("text", "expected"), BROKEN.values(), ids=BROKEN)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("city")
    (folder / "own.txt").write_text("own.example.org\n", "utf-8")
    with running(folder, yaml.safe_load(CONFIG)) as server:
        yield server


@pytest.fixture
def server(started: Server) -> Server:
    """The server as each test finds it: running, the config accepted as it is written above."""
    started.write_text(CONFIG)
    assert started.reload().json()["result"] == "ok"
    return started


def answers(server: Server, name: str = "blocked.example.org") -> str:
    (answer,) = ask(server.places["127.0.0.1"], [compose(name)], source="127.0.0.2")
    return said(read(answer))


def metric(server: Server, series: str) -> float:
    return read_samples(server.metrics())[series]


def places(server: Server, expected: list[str]) -> list[str]:
    return [f"{server.config_path}:{line}" for line in expected]


@every_broken
def test_a_reload_is_refused_and_changes_nothing(
    server: Server, text: str, expected: list[str]
) -> None:
    generation = server.status()["generation"]
    refusals = metric(server, 'dnsguard_reloads_total{result="refused"}')
    reloads = metric(server, 'dnsguard_reloads_total{result="ok"}')
    server.write_text(text.replace("blocked.example.org", "other.example.org"))
    refused = server.command("reload")
    *problems, last = refused.stdout.splitlines()
    assert refused.returncode == 2
    assert last == f"refused: generation {generation} stays in force"
    assert len(problems) == len(expected)
    for problem, start in zip(problems, places(server, expected), strict=True):
        assert problem.startswith(start)
    assert answers(server) == answers(server, "own.example.org") == "0.0.0.0"
    assert metric(server, 'dnsguard_reloads_total{result="refused"}') == refusals + 1
    assert metric(server, "dnsguard_config_current") == 0
    server.wait_for(lambda: all(problem in server.log() for problem in problems))
    server.write_text(CONFIG)
    assert server.reload().json()["problems"] == []
    assert metric(server, "dnsguard_config_current") == 1
    assert metric(server, 'dnsguard_reloads_total{result="ok"}') == reloads + 1


@every_broken
def test_at_boot_the_last_accepted_config_serves(
    server: Server, text: str, expected: list[str]
) -> None:
    server.stop()
    server.write_text(text)
    server.launch("--strict")
    assert server.wait() == 2
    strict_log = server.log()
    server.start()
    server.wait_for(lambda: " in force (start" in server.log().removeprefix(strict_log))
    log = server.log().removeprefix(strict_log)
    assert answers(server) == answers(server, "own.example.org") == "0.0.0.0"
    assert metric(server, "dnsguard_config_current") == 0
    assert "starting with the last accepted one" in log
    status = server.command("status")
    assert "which has errors: serving the last accepted config" in status.stdout
    for start in places(server, expected):
        assert start in strict_log
        assert start in log
        assert start in status.stdout
    server.write_text(CONFIG)
    assert server.reload().json()["problems"] == []
    assert server.status()["config"]["state"] == "current"
    assert metric(server, "dnsguard_config_current") == 1


@every_broken
def test_without_an_accepted_config_it_does_not_start(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    server = Server(tmp_path, {})
    server.write_text(text)
    server.launch()
    assert server.wait() == 2
    assert all(start in server.log() for start in places(server, expected))


def test_a_list_that_vanishes_goes_on_serving(server: Server) -> None:
    folder = server.folder
    (folder / "own.txt").unlink()
    reloaded = server.command("reload")
    assert reloaded.returncode == 0
    assert f"{server.config_path}:8: warning: lists.own: " in reloaded.stdout
    assert "its last good version goes on serving" in reloaded.stdout
    assert answers(server, "own.example.org") == "0.0.0.0"
    assert metric(server, 'dnsguard_list_age_seconds{list="own"}') > 0
    assert metric(server, 'dnsguard_policy_enforcing{policy="ban"}') == 1
    assert [reason.partition(":")[0] for reason in server.unready()] == ["list own"]
    server.stop()
    server.start(complete=False)
    assert answers(server, "own.example.org") == "0.0.0.0"
    assert metric(server, 'dnsguard_list_age_seconds{list="own"}') > 0
    (folder / "own.txt").write_text("own.example.org\nnew.example.org\n", "utf-8")
    assert server.reload().json()["result"] == "ok"
    assert answers(server, "new.example.org") == "0.0.0.0"
    assert metric(server, 'dnsguard_list_age_seconds{list="own"}') == 0
    assert server.unready() == []


RESTARTS: dict[str, Callable[[str], str]] = {
    "listen": lambda text: text.replace("127.0.0.1:0", "127.0.0.3:0"),
    "workers": lambda text: text.replace("workers: 2", "workers: 1"),
    "directories": lambda text: text.replace("state: state", "state: elsewhere"),
}


@pytest.mark.parametrize(("key", "line"), [("listen", 1), ("workers", 3), ("directories", 4)])
def test_what_needs_a_restart_is_refused(server: Server, key: str, line: int) -> None:
    server.write_text(RESTARTS[key](CONFIG))
    refused = server.command("reload")
    assert refused.returncode == 2
    assert refused.stdout.startswith(
        f"{server.config_path}:{line}: {key}: a change of this needs a restart: "
    )
    assert answers(server) == "0.0.0.0"


def test_sighup_is_a_reload(server: Server) -> None:
    generation = server.status()["generation"]
    refusals = metric(server, 'dnsguard_reloads_total{result="refused"}')
    server.write_text(CONFIG.replace("blocked.example.org", "other.example.org"))
    os.kill(server.pid, signal.SIGHUP)
    server.wait_for(lambda: server.status()["generation"] > generation)
    assert answers(server, "other.example.org") == "0.0.0.0"
    server.write_text(CONFIG + "neverblock: [city.example]\n")
    os.kill(server.pid, signal.SIGHUP)
    server.wait_for(lambda: server.status()["config"]["state"] == "last accepted")
    assert answers(server, "other.example.org") == "0.0.0.0"
    assert metric(server, 'dnsguard_reloads_total{result="refused"}') == refusals + 1
