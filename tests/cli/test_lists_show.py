import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from rich.console import Console, RenderableType

from dnsguard.cli.lists import reasons
from dnsguard.cli.lists.details import render_details
from dnsguard.cli.lists.show import render_all
from dnsguard.lists.errors import Reason
from tests.support.api import FakePlane, served
from tests.support.command import dnsguard, write_config
from tests.support.list_documents import NOW, builtin_document, generation, list_document, refused


def text(parts: Iterable[RenderableType], width: int = 300) -> str:
    console = Console(width=width, force_terminal=False, highlight=False)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return capture.get()


def show_all(*documents: dict[str, Any]) -> str:
    return " ".join(text(render_all(documents, NOW)).split())


def show_one(**changes: Any) -> str:
    return " ".join(text(render_details(list_document(**changes), NOW)).split())


def test_a_list_at_a_glance() -> None:
    shown = show_all(builtin_document(), list_document(addresses=3, dropped={"root": 1, "x": 2}))
    assert "name entries age state last result next try dropped" in shown
    assert "builtin:tiktok 141 - current - - -" in shown
    assert "partner 12,348 2 h current ok 3 min ago in 4 h 3" in shown


def test_what_is_said_of_no_list_has_no_column() -> None:
    shown = show_all(builtin_document())
    assert shown.startswith("name entries state ─")


def test_a_held_list_is_marked() -> None:
    hold = {"generation": 6, "since": NOW, "actor": "uid 0 (root) pid 9", "reason": "why"}
    shown = show_all(list_document(held=hold, state="a rollback holds generation 6"))
    assert "held at 6" in shown
    assert "NOT CURRENT" not in shown
    assert shown.count("partner") == 1


def test_what_is_wrong_is_said_below() -> None:
    shown = show_all(
        list_document(last=refused()),
        list_document("extra", state="stale for 3 d: its mirrors do not answer"),
    )
    assert "partner: refused (shrink) 3 min ago: 60 % of its names are gone" in shown
    assert shown.endswith("extra: stale for 3 d: its mirrors do not answer")


def test_a_list_that_is_as_its_file_has_no_age() -> None:
    assert "age" not in show_all(list_document(age=0.0, kind="file"))
    assert "age" not in show_one(age=0.0, kind="file")


def test_what_is_not_current_is_marked() -> None:
    assert "NOT CURRENT" in show_all(list_document(state="its file is gone"))
    assert "state its file is gone" in show_one(state="its file is gone")


def test_the_same_is_not_said_twice() -> None:
    last = refused(result="failed", reason="", message="no mirror answers")
    shown = show_all(list_document(state="stale: no mirror answers", last=last))
    assert shown.count("no mirror answers") == 1


def test_a_config_without_lists_says_so() -> None:
    assert show_all() == "The config has no lists."


def test_everything_about_a_list() -> None:
    shown = show_one(addresses=1)
    for expected in (
        "serving generation 7, 12,345 names and 1 address",
        "age 2 h 3 min since its source confirmed it",
        "source https://lists.example/tiktok.txt https://mirror.example/tiktok.txt",
        "policies tiktok-ban groups staff-mobile, public-terminals",
        "last result ok 3 min ago",
        "next try in 4 h, every 6 h",
        "refused is what loses more than 30 %, grows by more than 300 %, is larger than 256 MiB",
        "Generations (the newest 10 are kept)",
        "+120 -2 337.6 KiB",
        f"source https://lists.example/tiktok.txt sha256 {6:064x} added new.example.org",
        "added new.example.org, newer.example.org and 118 more",
        "removed old.example.net, older.example.net",
    ):
        assert expected in shown
    assert shown.index("7 in force") < shown.index("6 2027-")


def test_pins_are_among_the_guards() -> None:
    limits = {**list_document()["limits"], "public_key": True, "sha256": True}
    shown = show_one(limits=limits)
    assert "is not signed by 'public_key', is not the file of 'sha256'" in shown
    assert "guards" not in show_one(limits=limits, kind="file")


def test_a_first_generation_has_nothing_to_compare_with() -> None:
    first = generation(1, added=None, removed=None, added_sample=[], removed_sample=[])
    shown = show_one(generations=[first])
    assert "added" not in shown
    assert "+" not in shown.partition("Generations")[2].partition("Generation 1")[0]


def test_a_hold_says_who_why_and_how_it_ends() -> None:
    hold = {"generation": 6, "since": NOW, "actor": "uid 0 (root) pid 9", "reason": "outage"}
    shown = show_one(held=hold)
    assert "by uid 0 (root) pid 9 (outage): `dnsguard lists rollback partner --release`" in shown


@pytest.mark.parametrize("reason", get_args(Reason))
def test_each_refusal_is_said_with_what_shows_more(reason: str) -> None:
    shown = show_one(last=refused(reason=reason))
    assert f"refused ({reason}) 3 min ago from https://mirror.example/tiktok.txt" in shown
    assert "60 % of its names are gone" in shown
    assert reasons.explain("partner", "refused", reason) in shown


def test_a_failure_says_that_it_is_tried_again() -> None:
    shown = show_one(last=refused(result="failed", reason=""))
    assert "`dnsguard lists update partner` tries at once" in shown


def test_dropped_entries_are_explained() -> None:
    shown = show_one(dropped={"never-block": 1_234, "not UTF-8 text": 1})
    assert "never-block 1,234 in the way of 'never_block'" in shown
    assert "not UTF-8 text 1" in shown


def test_notes_and_warnings_are_shown() -> None:
    shown = show_one(notes=["line 3: x"], warnings=["blogspot.com: y"])
    assert shown.endswith("Warnings blogspot.com: y Notes line 3: x")


def test_nothing_moves_the_cursor() -> None:
    evil = "\x1b[2Jgone\r\n\x9b31m[bold]"
    document = list_document(
        evil,
        state=evil,
        source=[evil],
        notes=[evil],
        warnings=[evil],
        dropped={evil: 1},
        format=evil,
        policies=[evil],
        groups=[evil],
        last=refused(message=evil, source=evil, reason=evil),
        held={"generation": 6, "since": NOW, "actor": evil, "reason": evil},
        generations=[generation(7, signature=evil, added_sample=[evil], source=evil)],
    )
    for parts in (render_all([document], NOW), render_details(document, NOW)):
        shown = text(parts)
        assert not {"\x1b", "\r", "\x9b"} & set(shown)
        assert "[bold]" in shown


@pytest.fixture
def plane() -> FakePlane:
    return FakePlane(details={one["name"]: one for one in (builtin_document(), list_document())})


@pytest.fixture
def config(tmp_path: Path, plane: FakePlane) -> Iterator[Path]:
    path = write_config(tmp_path)
    with served(plane, runtime=tmp_path / "runtime"):
        yield path


def test_the_command_shows_all_or_one(config: Path) -> None:
    result = dnsguard("lists", "show", "-c", config)
    assert result.exit_code == 0
    assert "builtin:tiktok" in result.stdout
    result = dnsguard("lists", "show", "-c", config, "builtin:tiktok")
    assert result.exit_code == 0
    assert "141 names" in result.stdout


def test_json_is_what_the_server_said(config: Path, plane: FakePlane) -> None:
    result = dnsguard("lists", "show", "-c", config, "--json")
    assert json.loads(result.stdout) == {"lists": plane.lists()}
    result = dnsguard("lists", "show", "-c", config, "--json", "partner")
    assert json.loads(result.stdout) == plane.details["partner"]


@pytest.mark.parametrize("name", ["partnr", "a/../../status", "?", "\x1b[2J"])
def test_an_unknown_list_is_wrong_usage(config: Path, name: str) -> None:
    result = dnsguard("lists", "show", "-c", config, name)
    assert result.exit_code == 2
    assert not result.stdout
    assert "\x1b" not in result.stderr


def test_an_unknown_list_is_told_the_known_ones(config: Path) -> None:
    result = dnsguard("lists", "show", "-c", config, "partnr")
    assert "no list named 'partnr': the lists are builtin:tiktok, partner" in result.stderr


def test_without_a_server_it_fails(tmp_path: Path) -> None:
    result = dnsguard("lists", "show", "-c", write_config(tmp_path))
    assert result.exit_code == 1
    assert "dnsguard is not running" in result.stderr


def test_no_cell_is_cut_off_on_a_narrow_terminal(
    config: Path, plane: FakePlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a-list-with-a-long-name"
    plane.details = {
        name: list_document(name, names=9_876_543, last=refused(), dropped={"root": 7_654_321})
    }
    for variable, value in {"FORCE_COLOR": "1", "COLUMNS": "40"}.items():
        monkeypatch.setenv(variable, value)
    for asked in ([], [name]):
        shown = dnsguard("lists", "show", "-c", config, *asked).stdout
        assert name in shown
        assert "9,876,543" in shown
        assert "\u2026" not in shown
        if not asked:
            row = next(line for line in shown.splitlines() if line.startswith(name))
            assert all(cell in row for cell in ("9,876,543", "2 h", "current", "7,654,321"))
    header = ["generation", "state", "accepted", "entries", "change", "size"]
    assert header in [line.split() for line in shown.splitlines()]
