import json
from pathlib import Path
from typing import Any

from rich.console import Console

from dnsguard.cli.status import render
from tests.support.api import FakePlane, served
from tests.support.command import dnsguard, run_python, write_config

STATUS: dict[str, Any] = {
    "version": "0.1.0",
    "build": "compiled",
    "python": "3.11.7",
    "pid": 4242,
    "started": 1_000.0,
    "ready": [],
    "generation": 7,
    "config": {"path": "/etc/dnsguard/dnsguard.yaml", "state": "current", "problems": []},
    "listening": ["127.0.0.1:53", "[::1]:53"],
    "admin": "127.0.0.1:9153",
    "groups": [{"name": "staff", "description": "Téléphones", "subnets": ["10.20.0.0/16"]}],
    "policies": [
        {
            "name": "tiktok-ban",
            "stage": "enforce",
            "enforcing": True,
            "answer": "sinkhole",
            "groups": ["staff"],
            "lists": ["builtin:tiktok"],
            "reference": "Directive [bold]7",
            "owner": "security officer",
        }
    ],
    "lists": [
        {
            "name": "builtin:tiktok",
            "source": "builtin:tiktok",
            "names": 141,
            "age": 90_000.0,
            "state": "current",
            "dropped": {"ip address": 2},
        }
    ],
    "upstreams": [{"url": "udp://192.0.2.53", "up": False}],
    "workers": [{"number": 0, "pid": 4243, "generation": 7, "restarts": 1}],
    "last_reload": {"at": 4_000.0, "actor": "uid 0 (root) pid 9", "reason": "", "result": "ok"},
}


def show(status: dict[str, Any]) -> str:
    console = Console(width=300, force_terminal=False)
    with console.capture() as capture:
        console.print(render(status, 4_600.0))
    return capture.get()


def test_everything_is_shown() -> None:
    shown = " ".join(show(STATUS).split())
    for expected in (
        "dnsguard 0.1.0 (compiled, Python 3.11.7), pid 4242, up 1 h",
        "generation 7, from /etc/dnsguard/dnsguard.yaml",
        "listening on 127.0.0.1:53, [::1]:53; admin on 127.0.0.1:9153",
        "last reload 10 min ago by uid 0 (root) pid 9: ok",
        "ready Policies",
        "tiktok-ban enforce yes sinkhole staff builtin:tiktok Directive [bold]7 security officer",
        "staff 10.20.0.0/16 Téléphones",
        "builtin:tiktok 141 1 d 1 h current ip address 2 builtin:tiktok",
        "udp://192.0.2.53 NO",
        "0 4243 7 1",
    ):
        assert expected in shown


def test_names_stay_whole_on_a_narrow_terminal() -> None:
    console = Console(width=60, force_terminal=False)
    with console.capture() as capture:
        console.print(render(STATUS, 4_600.0))
    assert "tiktok-ban" in capture.get()
    assert "\u2026" not in capture.get()


def test_a_degraded_one_says_so() -> None:
    config = {
        "path": "/etc/dnsguard/dnsguard.yaml",
        "state": "last accepted",
        "problems": [{"path": "groups", "message": "broken", "file": "/etc/x.yaml", "line": 3}],
    }
    shown = show({**STATUS, "config": config, "ready": ["worker 1 is not listening"]})
    assert "NOT from /etc/dnsguard/dnsguard.yaml, which has errors" in shown
    assert "serving the last accepted config" in shown
    assert "/etc/x.yaml:3: groups: broken" in shown
    assert "not ready\n  worker 1 is not listening" in shown


def test_whatever_is_missing_is_left_out() -> None:
    assert "dnsguard - (-, Python -)" in show({})
    for key in STATUS:
        show({name: value for name, value in STATUS.items() if name != key})


def test_nothing_moves_the_cursor() -> None:
    shown = show({**STATUS, "ready": ["\x1b[2Jgone\r"], "admin": "\x9b31m"})
    assert not {"\x1b", "\r", "\x9b"} & set(shown)


def test_the_exit_code_is_readiness(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    plane = FakePlane(document=STATUS)
    with served(plane, runtime=tmp_path / "runtime"):
        assert dnsguard("status", "-c", config).exit_code == 0
        plane.document = {**STATUS, "ready": ["worker 1 is not listening"]}
        result = dnsguard("status", "-c", config, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == plane.document


def test_a_terminal_without_utf8_shows_what_it_can(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with served(FakePlane(document=STATUS), runtime=tmp_path / "runtime"):
        done = run_python(
            *("-m", "dnsguard", "status", "-c", config),
            PYTHONIOENCODING="ascii:strict",
        )
    assert done.returncode == 0, done.stderr
    assert r"T\xe9l\xe9phones" in done.stdout
    assert done.stdout.isascii()
