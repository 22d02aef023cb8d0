import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import pytest

from dnsguard.cli import client as client_module
from dnsguard.cli.client import Client
from tests.support.api import FakePlane, own_actor, served
from tests.support.command import dnsguard, run_python, write_config
from tests.support.list_documents import list_document, result_event

DONE = {"event": "done", "generation": 12}
STAGES: list[dict[str, Any] | Exception] = [
    {"event": "stage", "list": "partner", "stage": "fetching"},
    {"event": "progress", "list": "partner", "source": "x", "received": 1, "total": None},
    {"event": "progress", "list": "partner", "source": "x", "received": 7, "total": 9},
    {"event": "stage", "list": "partner", "stage": "activating"},
]
FAILED = result_event(
    result="failed", message="https://lists.example/x: no answer", generation=7, names=9
)


@pytest.fixture
def plane() -> FakePlane:
    return FakePlane(details={"partner": list_document()}, events=[*STAGES, result_event(), DONE])


@pytest.fixture
def config(tmp_path: Path, plane: FakePlane) -> Iterator[Path]:
    path = write_config(tmp_path)
    with served(plane, runtime=tmp_path / "runtime"):
        yield path


def test_a_new_version_is_said_in_a_line(config: Path, plane: FakePlane) -> None:
    result = dnsguard("lists", "update", "-c", config, "--reason", "ticket 7")
    assert result.exit_code == 0
    assert result.stdout == (
        "partner: generation 8, 12,345 names (+120 -14)\ngeneration 12 in force\n"
    )
    assert plane.changes == [("update", [], own_actor(), "ticket 7", False)]


def test_the_lists_named_are_asked_for(config: Path, plane: FakePlane) -> None:
    dnsguard("lists", "update", "-c", config, "partner", "--dry-run")
    assert plane.changes == [("update", ["partner"], own_actor(), "", True)]


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        (
            {"result": "refused", "reason": "html", "message": "a web page", "generation": None},
            1,
            "partner: refused (html): a web page; what it had goes on serving\n",
        ),
        ({"result": "unchanged"}, 0, "partner: unchanged, generation 8, 12,345 names\n"),
        (
            {"result": "refused", "reason": "html", "message": "a web page", "generation": 7},
            1,
            "partner: refused (html): a web page; generation 7 goes on serving\n",
        ),
        (
            {"result": "unchanged", "generation": None, "added": None, "removed": None},
            0,
            "partner: unchanged, 12,345 names\n",
        ),
        (
            {"result": "failed", "message": "no answer", "generation": None, "names": 0},
            1,
            (
                "partner: failed: no answer; nothing of it is in force\n"
                "  dnsguard tries again by itself, every mirror in order; `dnsguard lists update "
                "partner` tries at once.\n"
            ),
        ),
        (
            {"result": "held", "generation": 6},
            1,
            (
                "partner: held at generation 6: `dnsguard lists rollback partner --release` lets "
                "updates in again\n"
            ),
        ),
    ],
)
def test_each_result_has_its_words_and_exit_code(
    config: Path, plane: FakePlane, changes: dict[str, Any], code: int, said: str
) -> None:
    plane.events = [result_event(**changes), DONE]
    result = dnsguard("lists", "update", "-c", config)
    assert (result.stdout, result.exit_code) == (said, code)


def test_one_that_failed_is_enough_for_exit_code_1(config: Path, plane: FakePlane) -> None:
    plane.events = [FAILED, result_event(list="extra"), DONE]
    result = dnsguard("lists", "update", "-c", config)
    assert result.exit_code == 1
    assert result.stdout.endswith("(+120 -14)\ngeneration 12 in force\n")


def test_a_dry_run_says_what_would_change_and_for_whom(config: Path, plane: FakePlane) -> None:
    plane.events = [result_event(result="would-change", dropped={"root": 1}), DONE]
    result = dnsguard("lists", "update", "-c", config, "--dry-run")
    assert result.exit_code == 0
    assert result.stdout == (
        "partner: would change to 12,345 names (+120 -14)\n"
        "  added new.example.org and 119 more\n"
        "  removed old.example.net and 13 more\n"
        "  dropped root 1\n"
        "  policies tiktok-ban; groups staff-mobile\n"
    )


def test_a_dry_run_shows_what_a_refused_version_would_take_away(
    config: Path, plane: FakePlane
) -> None:
    changes = {"result": "refused", "reason": "shrink", "message": "x", "generation": 7}
    plane.events = [result_event(**changes, removed_sample=[]), DONE]
    result = dnsguard("lists", "update", "-c", config, "--dry-run")
    assert result.exit_code == 1
    assert "partner: would be refused (shrink): x; generation 7 goes on serving\n" in result.stdout
    assert "  removed 14\n" in result.stdout


def test_json_is_one_document(config: Path, plane: FakePlane) -> None:
    plane.events = [*STAGES, FAILED, DONE]
    result = dnsguard("lists", "update", "-c", config, "--json")
    assert result.exit_code == 1
    failed = {key: value for key, value in FAILED.items() if key != "event"}
    assert json.loads(result.stdout) == {"lists": [failed], "generation": 12}


def test_nothing_to_update_is_said(config: Path, plane: FakePlane) -> None:
    plane.events = [DONE]
    result = dnsguard("lists", "update", "-c", config)
    assert result.exit_code == 0
    assert "there is no list to update" in result.stdout


def test_an_unknown_list_is_wrong_usage(config: Path, plane: FakePlane) -> None:
    result = dnsguard("lists", "update", "-c", config, "partnr")
    assert result.exit_code == 2
    assert "no list named 'partnr': the lists are partner" in result.stderr
    assert not plane.changes


def test_nothing_moves_the_cursor(config: Path, plane: FakePlane) -> None:
    evil = "\x1b[2Jgone\r\n\x9b31m[bold]"
    changes = {"list": evil, "result": evil, "message": evil, "removed_sample": [evil]}
    plane.events = [
        {"event": "stage", "list": evil, "stage": evil},
        result_event(**changes, dropped={evil: 1}),
        {"event": "error", "message": evil},
    ]
    result = dnsguard("lists", "update", "-c", config, "--dry-run")
    assert result.exit_code == 1
    assert not {"\x1b", "\r", "\x9b"} & set(result.output)
    assert "[bold]" in result.stdout


def test_a_fault_of_the_server_is_a_failure(config: Path, plane: FakePlane) -> None:
    plane.events = [result_event(), RuntimeError("secret")]
    result = dnsguard("lists", "update", "-c", config)
    assert result.exit_code == 1
    assert result.stdout == "partner: generation 8, 12,345 names (+120 -14)\n"
    assert result.stderr == "Error: dnsguard failed on this update: its log says why\n"


def test_results_are_told_as_they_come(config: Path, plane: FakePlane) -> None:
    plane.release = threading.Event()
    events = Client(config).update([], "", dry_run=False)
    for event in [*STAGES, result_event()]:
        assert next(events) == event
    assert plane.entered.wait(60)
    plane.release.set()
    assert list(events) == [DONE]


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "broke off"),
        (HEAD, "before the end of the update"),
        (HEAD + b"0\r\n\r\n", "before the end of the update"),
        (HEAD + b'13\r\n{"event": "stage"}\n\r\n', "before the end of the update"),
        (HEAD + b'13\r\n{"event": "done"', "broke off"),
        (HEAD + b'11\r\n{"event": "done"}\r\n', "before the end of the update"),
        (HEAD + b"4\r\nnull\r\n", "before the end of the update"),
        (HEAD + b"4\r\nnul\n\r\n", "broke off"),
        (HEAD + b"400000\r\n" + b" " * 2**22, "before the end of the update"),
    ],
)
def test_an_update_that_breaks_off_is_no_success(tmp_path: Path, sent: bytes, said: str) -> None:
    config = write_config(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening, ThreadPoolExecutor() as pool:
        listening.bind(str(tmp_path / "runtime" / "control.sock"))
        listening.listen()

        def say() -> None:
            connection, _ = listening.accept()
            with connection:
                asked = b""
                while not asked.endswith(b"}"):
                    asked += connection.recv(65_536)
                try:
                    connection.sendall(sent)
                except ConnectionError:
                    return  # it has heard enough

        saying = pool.submit(say)
        with pytest.raises(click.ClickException, match=said):
            list(Client(config).update([], "", dry_run=False))
        saying.result()


def test_a_server_that_falls_silent_is_reported(
    config: Path, plane: FakePlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CHANGE_SECONDS", 0.2)
    plane.release = threading.Event()
    result = dnsguard("lists", "update", "-c", config)
    plane.release.set()
    assert result.exit_code == 1
    assert "does not answer" in result.stderr


def test_a_terminal_has_bars_that_go_away(config: Path, plane: FakePlane) -> None:
    code = (
        "import pty, sys\n"
        "sys.exit(pty.spawn([sys.executable, '-P', '-m', 'dnsguard', *sys.argv[1:]]) >> 8)"
    )
    plane.events = [
        *({"event": "stage", "list": name, "stage": "fetching"} for name in ("partner", "extra")),
        result_event(),
        {"event": "stage", "list": "extra", "stage": "compiling"},
        RuntimeError(),
    ]
    done = run_python("-c", code, "lists", "update", "-c", config, TERM="xterm", COLUMNS="100")
    assert done.returncode == 1
    before, result, after = done.stdout.partition("partner: generation 8, 12,345 names (+120 -14)")
    assert "partner fetching" in before
    assert result
    assert "partner fetching" not in after
    assert "extra compiling" in after
    assert "\x1b[1A\x1b[2K" in after.rpartition("\u2501")[2]
