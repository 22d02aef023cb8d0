"""The lists of a config: as their sources have them, or the last good version and why."""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dnsguard.config import ConfigError, Problem
from dnsguard.control.compiling import CompileError, compile_apart
from dnsguard.control.loading import NEVER, Shelf, close, discard, load_lists
from dnsguard.lists.compile import Job, ListOutcome
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import Hold
from tests.support.descriptors import open_descriptors
from tests.support.list_setting import CONFIG, NAMES, ListSetting, blocking, find


@pytest.fixture
def setting(tmp_path: Path) -> ListSetting:
    return ListSetting(tmp_path)


def test_those_that_policies_name_are_loaded(setting: ListSetting) -> None:
    lists = setting.load()
    assert [found.name for found in lists.loaded] == ["own", "builtin:tiktok", "partner"]
    assert [found.problem for found in lists.loaded] == [None, None, None]
    assert [accepted.name for accepted in lists.accepted] == ["own"]
    assert blocking(lists, "a.www.example.net") == {"own"}
    assert blocking(lists, "www.tiktok.com") == {"builtin:tiktok"}
    own = find(lists, "own").compiled
    assert own is not None
    assert own.version["names"] == 2
    assert own.key.sha256 == hashlib.sha256(setting.file.read_bytes()).hexdigest()
    with pytest.raises(PermissionError):
        os.pwrite(lists.compiled.descriptor, b"x", 0)
    discard(lists, None)


def test_lists_with_exceptions_have_several_numbers_each(setting: ListSetting) -> None:
    setting.file.write_text("||example.org^\n@@||www.example.org^\n||example.net^$important\n")
    lists = setting.load()
    own = find(lists, "own").compiled
    assert own is not None
    assert len(own.version["parts"]) == 3
    assert blocking(lists, "www.example.org") == {"own"}
    assert blocking(lists, "example.net") == {"own"}
    assert blocking(lists, "www.tiktok.com") == {"builtin:tiktok"}
    discard(lists, None)


def test_a_real_compiler_makes_what_one_in_this_process_does(setting: ListSetting) -> None:
    shelf = Shelf(GenerationStore(setting.folder), compile_apart)
    apart = asyncio.run(load_lists(setting.config, (setting.source,), shelf))
    here = setting.load()
    assert apart.compiled.lists.keys() == here.compiled.lists.keys()
    for name, found in here.compiled.lists.items():
        assert replace(apart.compiled.lists[name], version=found.version) == found
    assert blocking(apart, "example.org") == {"own"}
    discard(apart, None)
    discard(here, None)


def problems_of(setting: ListSetting) -> tuple[Problem, ...]:
    before = open_descriptors()
    with pytest.raises(ConfigError) as caught:
        setting.load()
    assert open_descriptors() == before
    return caught.value.problems


def test_a_file_never_seen_is_a_problem_with_its_place(setting: ListSetting) -> None:
    setting.file.unlink()
    (problem,) = problems_of(setting)
    assert (problem.path, problem.line) == ("lists.own.source", 5)
    assert "cannot be read" in problem.message
    assert "no earlier version" in problem.message


def test_a_file_that_was_always_bad_is_a_problem(setting: ListSetting) -> None:
    setting.file.write_text("com\norg\n")
    (problem,) = problems_of(setting)
    assert "no list may hold" in problem.message


@pytest.mark.parametrize(
    ("fault", "reason"), [("gone", ""), ("com\norg\n", "forbidden"), ("", "empty")]
)
def test_a_bad_one_leaves_its_last_good_version_in_force(
    setting: ListSetting, fault: str, reason: str
) -> None:
    setting.adopt()
    before = setting.records.get("own").confirmed
    if fault == "gone":
        setting.file.unlink()
    else:
        setting.file.write_text(fault)
    lists = setting.adopt()
    own = find(lists, "own")
    assert own.problem is not None
    assert own.problem.endswith("; its last good version goes on serving")
    assert (own.refused, own.confirmed) == (reason, before)
    assert blocking(lists, "example.org") == {"own"}
    assert lists.accepted == ()
    assert Problem("lists.own", own.problem, setting.path, 5) in lists.warnings
    again = setting.adopt()  # what is in force is not taken for what the file has
    assert (find(again, "own").problem, find(again, "own").refused) == (own.problem, reason)
    lists = again
    lists.compiled.close()


def test_a_damaged_generation_is_not_taken_for_the_one_that_serves(setting: ListSetting) -> None:
    for text in (NAMES, NAMES + b"new.example\n"):
        offer = setting.offer(text)
        setting.adopt(offer).compiled.close()
        setting.compiled = None
        os.close(offer.descriptor)
    (setting.folder / "partner" / "000002.zst").write_bytes(b"damaged")
    lists = setting.load()
    partner = find(lists, "partner")
    assert partner.compiled is not None
    assert partner.compiled.key.sha256 == hashlib.sha256(NAMES).hexdigest()
    assert "generation 2 is damaged" in str(partner.problem)
    discard(lists, None)


def test_a_fetched_list_that_was_never_had_holds_nothing_up(setting: ListSetting) -> None:
    lists = setting.load()
    partner = find(lists, "partner")
    assert (partner.compiled, partner.problem) == (None, None)
    assert [warning.message for warning in lists.warnings if warning.path == "lists.partner"] == [
        NEVER
    ]
    discard(lists, None)


def test_what_is_in_force_is_used_again(setting: ListSetting) -> None:
    async def compile_never(_: Job, __: Sequence[int]) -> list[ListOutcome]:
        raise AssertionError("there is nothing to compile")

    in_force = setting.adopt().compiled
    shelf = Shelf(GenerationStore(setting.folder), compile_never, in_force)
    before = open_descriptors()
    lists = asyncio.run(load_lists(setting.config, (setting.source,), shelf))
    assert lists.compiled is in_force
    assert lists.accepted == ()
    assert find(lists, "own").compiled is in_force.lists["own"]
    discard(lists, in_force)
    assert open_descriptors() == before
    in_force.close()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("never_block: [city.example]", "never_block: [city.example, example.org]"),
        ("source: own.txt", "source: own.txt, match: exact"),
        ("source: own.txt", "source: own.txt, format: domains"),
        ("lists: [own,", 'lists: [own, "builtin:vpn",'),
    ],
)
def test_a_config_that_makes_other_rules_of_the_same_texts_compiles_them(
    setting: ListSetting, old: str, new: str
) -> None:
    in_force = setting.adopt().compiled
    setting.configure(CONFIG.replace(old, new))
    lists = setting.adopt()
    assert lists.compiled is not in_force
    assert lists.accepted == ()
    lists.compiled.close()


def test_a_list_that_no_policy_names_any_more_compiles_nothing(setting: ListSetting) -> None:
    in_force = setting.adopt().compiled
    setting.configure(CONFIG.replace("lists: [own, ", "lists: ["))
    lists = setting.load()
    assert lists.compiled is in_force
    assert [found.name for found in lists.loaded] == ["builtin:tiktok", "partner"]
    in_force.close()


def test_files_that_stay_are_as_they_were(setting: ListSetting) -> None:
    lists = setting.adopt()
    before = replace(find(lists, "own"), problem="from before", confirmed=7.0)
    setting.stay = {"own": before}
    setting.file.write_text("changed.example\n")
    offer = setting.offer(NAMES)
    lists = setting.adopt(offer)
    os.close(offer.descriptor)
    own = find(lists, "own")
    assert (own.problem, own.confirmed) == ("from before", 7.0)
    assert own.compiled is lists.compiled.lists["own"]
    assert blocking(lists, "example.org") == {"own"}
    assert blocking(lists, "changed.example") == set()
    lists.compiled.close()


def test_a_rollback_is_in_force_until_it_is_released(setting: ListSetting) -> None:
    setting.adopt()
    setting.file.write_text("second.example\n")
    setting.adopt()
    setting.records.hold("own", Hold(1, 1.0, "test", ""))
    lists = setting.adopt()
    assert blocking(lists, "example.org") == {"own"}
    assert blocking(lists, "second.example") == set()
    setting.records.release("own")
    lists = setting.adopt()
    assert blocking(lists, "second.example") == {"own"}
    lists.compiled.close()


def test_bundled_lists_are_not_kept(setting: ListSetting) -> None:
    setting.adopt().compiled.close()
    assert [path.name for path in setting.folder.iterdir()] == ["own"]


def test_what_is_left_out_is_a_warning_at_the_list(setting: ListSetting) -> None:
    lines = "".join(f"n{number}.example.net\n" for number in range(200))
    setting.file.write_text("not a domain !\n192.0.2.7\n" + lines)
    lists = setting.load()
    said = [warning.message for warning in lists.warnings if warning.path == "lists.own"]
    assert all(warning.line == 5 for warning in lists.warnings if warning.path == "lists.own")
    assert any("line 1" in text for text in said)
    discard(lists, None)


def test_when_nothing_can_be_compiled_nothing_is_left_open(setting: ListSetting) -> None:
    async def fail(_: Job, __: Sequence[int]) -> list[ListOutcome]:
        raise CompileError("no memory")

    shelf = Shelf(GenerationStore(setting.folder), fail)
    before = open_descriptors()
    with pytest.raises(CompileError, match="no memory"):
        asyncio.run(load_lists(setting.config, (setting.source,), shelf))
    assert open_descriptors() == before


def test_what_the_disk_had_no_room_for_is_kept_when_it_has(setting: ListSetting) -> None:
    lists = setting.load()
    close(lists.accepted)
    setting.compiled = lists.compiled
    again = setting.adopt()
    assert again.compiled is not lists.compiled
    assert [kept.number for kept in setting.records.get("own").generations] == [1]
    assert setting.load().compiled is again.compiled
    again.compiled.close()
