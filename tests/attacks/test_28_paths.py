"""Paths: no name of a list leads out of the state directory, no link in it is written through."""

import json
import os
from pathlib import Path

import pytest

from dnsguard.config import ConfigError
from dnsguard.config.load import load
from dnsguard.lists.durable import write_durably
from tests.support.command import CONFIG
from tests.support.list_server import make_list, policy
from tests.support.server import running

LEADING_OUT = [
    *(
        "../../etc/cron.d/x",
        "..",
        ".",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\0b",
        "",
        "x" * 300,
        "~root",
    ),
    *("..%2f..%2fx", "$HOME", "con:", ".hidden", "a\nb"),
]


@pytest.mark.parametrize("name", LEADING_OUT, ids=ascii)
def test_a_list_has_no_name_that_leads_anywhere(tmp_path: Path, name: str) -> None:
    text = f"{CONFIG}lists:\n  {json.dumps(name)}: {{source: own.txt}}\n"
    (tmp_path / "dnsguard.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "dnsguard.yaml")
    assert {problem.line for problem in caught.value.problems} == {CONFIG.count("\n") + 2}


def test_a_link_put_in_the_way_of_a_write_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, path = tmp_path / "victim", tmp_path / "state" / "record.json"
    victim.write_bytes(b"precious")
    path.parent.mkdir()
    unlink = Path.unlink

    def slow(self: Path, *, missing_ok: bool = False) -> None:
        unlink(self, missing_ok=missing_ok)
        if self.name == "record.json.new":  # somebody is quicker
            monkeypatch.undo()
            self.symlink_to(victim)

    monkeypatch.setattr(Path, "unlink", slow)
    with pytest.raises(OSError, match="exists"):
        write_durably(path, b"new")
    assert victim.read_bytes() == b"precious"
    write_durably(path, b"new")
    assert (path.read_bytes(), victim.read_bytes()) == (b"new", b"precious")


@pytest.mark.parametrize("link", ["record.json", "record.json.new"])
def test_a_link_that_is_there_is_replaced(tmp_path: Path, link: str) -> None:
    victim, path = tmp_path / "victim", tmp_path / "record.json"
    victim.write_bytes(b"precious")
    (tmp_path / link).symlink_to(victim)
    write_durably(path, b"new")
    assert (path.read_bytes(), victim.read_bytes()) == (b"new", b"precious")
    assert not path.is_symlink()


def test_what_is_kept_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_bytes(make_list(1))
    config = {"lists": {"own": {"source": str(tmp_path / "own.txt")}}, **policy("own")}
    before = os.umask(0)
    try:
        with running(tmp_path, config) as server:
            tops = [tmp_path / "state", tmp_path / "run"]
            secrets = tops[0] / "cookie-secrets.json"
            server.wait_for(lambda: secrets.exists() and list(tops[0].rglob("record.json")))
            below = [path for top in tops for path in (top, *top.rglob("*"))]
            assert not [path for path in below if path.is_symlink()]
            folders = [path for path in below if path.is_dir()]
            closed = [*folders, tops[1] / "control.sock", secrets]
            assert [path for path in closed if path.stat().st_mode & 0o007] == []
            assert secrets.stat().st_mode & 0o077 == 0
    finally:
        os.umask(before)
