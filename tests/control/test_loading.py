"""The lists of a config: current, or the last good version with the reason."""

from pathlib import Path

import pytest

from dnsguard.config import Config, Source, parse
from dnsguard.control.loading import Lists, keep_lists, load_lists
from dnsguard.control.state import StateDirectory


class Setting:
    """A config with one list file, and the state beside it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "own.txt"
        self.state = StateDirectory(folder / "state")
        text = f"""\
upstreams: ["udp://192.0.2.53"]
groups:
  staff: {{subnets: [10.20.0.0/16]}}
lists:
  own: {{source: {self.file}}}
  unused: {{source: /nowhere/unused.txt}}
policies:
  ban: {{groups: [staff], lists: [own, "builtin:tiktok"]}}
never_block: [city.example]
"""
        self.sources = (Source(str(folder / "dnsguard.yaml"), text),)
        self.config: Config = parse(self.sources)

    def load(self) -> Lists:
        return load_lists(self.config, self.sources, self.state)

    def keep(self) -> None:
        keep_lists(self.load(), self.state)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def test_those_that_policies_name_are_loaded(setting: Setting) -> None:
    setting.file.write_text("example.org\nwww.example.net\n")
    lists = setting.load()
    assert [found.name for found in lists.loaded] == ["own", "builtin:tiktok"]
    assert [found.problem for found in lists.loaded] == [None, None]
    assert lists.problems == ()
    assert len(lists.loaded[0].version.rules) == 2


def test_one_never_seen_is_a_problem_with_its_place(setting: Setting) -> None:
    (problem,) = setting.load().problems
    assert problem.path == "lists.own.source"
    assert problem.line == 5
    assert "cannot be read" in problem.message
    assert "no earlier version" in problem.message


@pytest.mark.parametrize("fault", ["gone", "refused", "a folder"])
def test_a_bad_one_leaves_its_last_good_version_in_force(setting: Setting, fault: str) -> None:
    setting.file.write_text("example.org\n")
    setting.keep()
    setting.file.unlink()
    if fault == "refused":
        setting.file.write_text("com\norg\nexample.net\n")
    elif fault == "a folder":
        setting.file.mkdir()
    lists = setting.load()
    assert lists.problems == ()
    own = lists.loaded[0]
    assert own.problem is not None
    assert "last good version" in own.problem
    assert len(own.version.rules) == 1
    assert any(warning.path == "lists.own" for warning in lists.warnings)


def test_a_fallback_is_not_confirmed_by_being_kept(setting: Setting) -> None:
    setting.file.write_text("example.org\n")
    setting.keep()
    before = setting.state.last_list("own")
    setting.file.unlink()
    setting.keep()
    assert setting.state.last_list("own") == before


def test_bundled_lists_are_not_kept(setting: Setting) -> None:
    setting.file.write_text("example.org\n")
    setting.keep()
    assert [path.name for path in (setting.state.path / "lists").iterdir()] == ["own.txt"]


def test_what_is_left_out_is_a_warning_at_the_list(setting: Setting) -> None:
    setting.file.write_text("example.org\nnot a domain !\n" + "x.example.net\n" * 200)
    warnings = setting.load().warnings
    assert any(warning.path == "lists.own" and warning.line == 5 for warning in warnings)
