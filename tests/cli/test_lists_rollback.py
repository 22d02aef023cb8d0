import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import FakePlane, own_actor, served
from tests.support.command import dnsguard, write_config
from tests.support.list_documents import builtin_document, list_document

HELD = {
    "list": "partner",
    "generation": 6,
    "names": 12_000,
    "held": True,
    "result": "ok",
    "message": "",
}


@pytest.fixture
def plane() -> FakePlane:
    details = {one["name"]: one for one in (builtin_document(), list_document())}
    return FakePlane(details=details, outcome=HELD)


@pytest.fixture
def config(tmp_path: Path, plane: FakePlane) -> Iterator[Path]:
    path = write_config(tmp_path)
    with served(plane, runtime=tmp_path / "runtime"):
        yield path


def test_the_one_before_comes_back_and_is_held(config: Path, plane: FakePlane) -> None:
    result = dnsguard("lists", "rollback", "-c", config, "partner", "--reason", "outage")
    assert result.exit_code == 0
    assert result.stdout == (
        "partner: generation 6 in force, 12,000 names, held: `dnsguard lists rollback partner "
        "--release` lets updates in again\n"
    )
    assert plane.changes == [("rollback", "partner", None, own_actor(), "outage")]


def test_a_generation_may_be_named(config: Path, plane: FakePlane) -> None:
    dnsguard("lists", "rollback", "-c", config, "builtin:tiktok", "4")
    assert plane.changes == [("rollback", "builtin:tiktok", 4, own_actor(), "")]


def test_a_hold_is_released(config: Path, plane: FakePlane) -> None:
    plane.outcome = {**HELD, "generation": 8, "held": False}
    result = dnsguard("lists", "rollback", "-c", config, "partner", "--release", "--reason", "x")
    assert result.exit_code == 0
    assert result.stdout == (
        "partner: generation 8 in force, 12,000 names, held no more: `dnsguard lists update "
        "partner` looks for a newer one\n"
    )
    assert plane.changes == [("release", "partner", own_actor(), "x")]


@pytest.mark.parametrize("release", [[], ["--release"]])
def test_a_refusal_says_why_and_fails(config: Path, plane: FakePlane, release: list[str]) -> None:
    plane.outcome = {"list": "partner", "result": "refused", "message": "none is kept\x1b[2J"}
    result = dnsguard("lists", "rollback", "-c", config, "partner", *release)
    assert (result.exit_code, result.stdout) == (1, "partner: refused: none is kept\\x1b[2J\n")


def test_json_is_what_the_server_said(config: Path) -> None:
    result = dnsguard("lists", "rollback", "-c", config, "partner", "--json")
    assert json.loads(result.stdout) == HELD


@pytest.mark.parametrize(
    "arguments",
    [[], ["partnr"], ["partner", "0"], ["partner", "last"], ["partner", "6", "--release"]],
)
def test_wrong_usage_changes_nothing(config: Path, plane: FakePlane, arguments: list[str]) -> None:
    result = dnsguard("lists", "rollback", "-c", config, *arguments)
    assert result.exit_code == 2
    assert not plane.changes
