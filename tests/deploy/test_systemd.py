import re
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "dnsguard.service"
PROGRAM = "/usr/bin/dnsguard"


def settings(key: str, text: str | None = None) -> list[str]:
    found = re.findall(rf"^{key}=(.*)$", text or UNIT.read_text(), flags=re.MULTILINE)
    return [str(value) for value in found]


def verify(unit: Path) -> str:
    """Return what `systemd-analyze verify` says: it exits 0 on many mistakes that it names."""
    run = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + run.stderr + ("" if run.returncode == 0 else f"exit {run.returncode}")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with only the program's path changed, to one that exists on every machine."""
    program = tmp_path / "dnsguard"
    program.write_text("#!/bin/sh\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, str(program)))
    return unit


def test_systemd_finds_nothing_to_say(installed: Path) -> None:
    assert verify(installed) == ""


def drop_in(unit: Path, text: str) -> None:
    """Add settings to a unit as `systemctl edit` does."""
    folder = unit.with_name(f"{unit.name}.d")
    folder.mkdir()
    (folder / "override.conf").write_text(text)


def test_systemd_takes_the_proxy_settings_of_the_docs(installed: Path) -> None:
    page = (ROOT / "docs" / "lists.md").read_text()
    (settings,) = re.findall(r"^```ini\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    drop_in(installed, settings)
    assert verify(installed) == ""


def test_systemd_would_have_said_what_is_wrong_with_them(installed: Path) -> None:
    drop_in(installed, "[Service]\nEnvironmnt=https_proxy=http://proxy.example:3128\n")
    assert "Environmnt" in verify(installed)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("KillMode=mixed", "KillMod=mixed"), ("Restart=always", "Restart=ever")],
)
def test_systemd_would_have_said_it(installed: Path, right: str, wrong: str) -> None:
    installed.write_text(installed.read_text().replace(right, wrong, 1))
    assert verify(installed) != ""


def test_exposure_is_at_most_two() -> None:
    run = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert re.search(r"Overall exposure level .*: [01]\.\d|: 2\.0", run.stdout), run.stdout


def test_it_runs_the_program_for_start_and_reload_with_the_one_config() -> None:
    config = "-c /etc/dnsguard/dnsguard.yaml"
    assert settings("ExecStart") == [f"{PROGRAM} serve {config}"]
    assert settings("ExecReload") == [f"{PROGRAM} reload {config}"]


def test_a_broken_config_cannot_keep_it_from_starting() -> None:
    assert settings("ExecStartPre") == []
    assert settings("ExecCondition") == []
    assert "network-online.target" not in settings("After") + settings("Requires")


def test_port_53_is_its_only_privilege() -> None:
    assert settings("AmbientCapabilities") == ["CAP_NET_BIND_SERVICE"]
    assert settings("CapabilityBoundingSet") == ["CAP_NET_BIND_SERVICE"]


def test_the_user_it_names_is_the_one_that_is_made(tmp_path: Path) -> None:
    users = ROOT / "systemd" / "dnsguard.sysusers"
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", users], check=True)
    made = (tmp_path / "etc" / "passwd").read_text()
    assert [line.split(":")[0] for line in made.splitlines()] == settings("User")
    groups = (tmp_path / "etc" / "group").read_text()
    assert [line.split(":")[0] for line in groups.splitlines()] == settings("Group")
