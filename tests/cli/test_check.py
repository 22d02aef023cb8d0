import json
from pathlib import Path

import pytest

from tests.support.command import CONFIG, dnsguard, run_python, write_config

BROKEN = CONFIG.replace("[staff]", "[staf]").replace(
    "policies:", "sinkhole: {ttl: soon}\npolicies:"
)


def test_a_good_config_is_valid(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    result = dnsguard("check", "-c", config)
    assert (result.exit_code, result.stdout) == (0, f"{config} is valid\n")


def test_every_problem_has_its_place(tmp_path: Path) -> None:
    config = write_config(tmp_path, BROKEN)
    result = dnsguard("check", "-c", config)
    assert result.exit_code == 2
    first, second, summary = result.stdout.splitlines()
    assert first.startswith(f"{config}:5: sinkhole.ttl: ")
    assert second.startswith(f"{config}:7: policies.tiktok-ban.groups[0]: no group named 'staf'")
    assert summary == f"{config} is not valid: 2 problems"


def test_warnings_are_marked_and_are_fine(tmp_path: Path) -> None:
    config = write_config(tmp_path, CONFIG.replace(', "2001:db8:20::/48"', ""))
    result = dnsguard("check", "-c", config)
    assert result.exit_code == 0
    warning, summary = result.stdout.splitlines()
    assert warning.startswith(f"{config}:4: warning: groups.staff")
    assert summary == f"{config} is valid: 1 warning"


def test_the_lists_are_read_as_serve_reads_them(tmp_path: Path) -> None:
    text = CONFIG.replace("builtin:tiktok", "city") + "lists: {city: {source: gone.txt}}\n"
    result = dnsguard("check", "-c", write_config(tmp_path, text))
    assert result.exit_code == 2
    assert "lists.city.source: " in result.stdout
    (tmp_path / "gone.txt").write_text("example.test\n")
    assert dnsguard("check", "-c", write_config(tmp_path, text)).exit_code == 0


def test_checking_writes_nothing(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    dnsguard("check", "-c", config)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["dnsguard.yaml", "runtime"]


@pytest.mark.parametrize(("text", "problems"), [(CONFIG, 0), (BROKEN, 2)])
def test_json_holds_the_same(tmp_path: Path, text: str, problems: int) -> None:
    config = write_config(tmp_path, text)
    result = dnsguard("check", "-c", config, "--json")
    document = json.loads(result.stdout)
    assert document.keys() == {"problems", "warnings"}
    assert len(document["problems"]) == problems
    assert all(problem["file"] == str(config) for problem in document["problems"])


def test_the_schema_is_that_of_the_config() -> None:
    schema = json.loads(dnsguard("check", "--schema").stdout)
    assert {"listen", "groups", "policies"} <= schema["properties"].keys()


def test_a_config_that_is_not_there_is_said_by_the_process(tmp_path: Path) -> None:
    done = run_python("-m", "dnsguard", "check", "-c", tmp_path / "gone.yaml")
    assert done.returncode == 2
    assert done.stdout.startswith(f"{tmp_path}/gone.yaml: ")
    assert not done.stderr
