import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnsguard.config import Problem
from dnsguard.control.results import ReloadResult
from tests.support.api import FakePlane, own_actor, served
from tests.support.command import dnsguard, write_config


@pytest.fixture
def plane() -> FakePlane:
    return FakePlane()


@pytest.fixture
def config(tmp_path: Path, plane: FakePlane) -> Iterator[Path]:
    path = write_config(tmp_path)
    with served(plane, runtime=tmp_path / "runtime"):
        yield path


def test_what_is_in_force_is_said(config: Path, plane: FakePlane) -> None:
    result = dnsguard("reload", "-c", config, "--reason", "directive 7")
    assert (result.exit_code, result.stdout) == (0, "generation 7 in force\n")
    assert plane.reloads == [(own_actor(), "directive 7")]


def test_warnings_are_marked(config: Path, plane: FakePlane) -> None:
    warning = Problem("groups.staff", "has IPv4 subnets only", "/etc/dnsguard.yaml", 4)
    plane.result = ReloadResult("ok", 8, (), (warning,))
    result = dnsguard("reload", "-c", config)
    assert result.exit_code == 0
    assert result.stdout == (
        "/etc/dnsguard.yaml:4: warning: groups.staff: has IPv4 subnets only\n"
        "generation 8 in force\n"
    )


def test_a_refusal_gives_every_problem_and_exits_with_2(config: Path, plane: FakePlane) -> None:
    problems = (
        Problem("policies.x.groups[1]", "no group named 'staf'", "/etc/dnsguard.yaml", 12),
        Problem("", "not valid YAML\x1b[2J", "/etc/other.yaml", 0),
    )
    plane.result = ReloadResult("refused", 6, problems)
    result = dnsguard("reload", "-c", config)
    assert result.exit_code == 2
    assert result.stdout == (
        "/etc/dnsguard.yaml:12: policies.x.groups[1]: no group named 'staf'\n"
        "/etc/other.yaml: not valid YAML\\x1b[2J\n"
        "refused: generation 6 stays in force\n"
    )


def test_json_is_what_the_server_said(config: Path, plane: FakePlane) -> None:
    plane.result = ReloadResult("refused", 6, (Problem("x", "y", "z", 1),))
    result = dnsguard("reload", "-c", config, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["problems"][0]["message"] == "y"


def test_without_a_server_it_fails(tmp_path: Path) -> None:
    result = dnsguard("reload", "-c", write_config(tmp_path))
    assert result.exit_code == 1
    assert "dnsguard is not running" in result.stderr


def test_what_the_server_refuses_to_read_is_a_failure(config: Path) -> None:
    result = dnsguard("reload", "-c", config, "--reason", "x" * 501)
    assert result.exit_code == 1
    assert "longer than 500" in result.stderr
