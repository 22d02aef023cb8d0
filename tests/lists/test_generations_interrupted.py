"""Stopped anywhere, or out of disk: there is a whole last good generation, old or new."""

import itertools
import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import Hold, LastResult, ListRecord
from tests.support.child import KILLED, in_child, kill_at, kill_in_file, mount_small_disk
from tests.support.list_store import (
    FIRST,
    MIRROR,
    NAME,
    SECOND,
    THIRD,
    accept,
    contents,
    files,
    numbers,
)

PAGE = 4_096


def _interrupt(template: Path, folder: Path, stop: Callable[[], None]) -> int:
    """Accept a third version in a child that is stopped, and check what it leaves behind."""
    shutil.copytree(template, folder)
    before = GenerationStore(folder).record(NAME)

    def update() -> None:
        stop()
        accept(GenerationStore(folder), THIRD, keep=2)

    status = in_child(update)
    store = GenerationStore(folder)
    record = store.record(NAME)
    if record != before:
        assert numbers(record) == [3, 2]
        assert contents(store) == [THIRD, SECOND]
        assert record.current is not None
        assert record.current.names == 2
    else:
        assert contents(store) == [SECOND, FIRST]
        assert status != 0
    accept(store, FIRST + THIRD, keep=2)
    assert len(files(folder)) == 3
    assert contents(store)[0] == FIRST + THIRD
    return status


@pytest.fixture
def template(tmp_path: Path) -> Path:
    folder = tmp_path / "template"
    for data in (FIRST, SECOND):
        accept(GenerationStore(folder), data)
    return folder


def test_killed_at_any_step_of_an_update_there_is_a_whole_last_good_one(
    template: Path, tmp_path: Path
) -> None:
    for step in itertools.count():
        status = _interrupt(template, tmp_path / str(step), partial(kill_at, step))
        if status != KILLED:
            break
    assert status == 0
    assert step > 40


def test_killed_in_the_middle_of_a_write_there_is_a_whole_last_good_one(
    template: Path, tmp_path: Path
) -> None:
    for size in (0, 1, 100, 1_000, 1_500, 5_000, len(THIRD) - 1):
        status = _interrupt(template, tmp_path / str(size), partial(kill_in_file, size))
        assert status == -signal.SIGXFSZ


def _fill(disk: Path, pages: int) -> None:
    """Leave so many free pages on a disk."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    free = os.statvfs(disk)
    with ballast.open("wb") as file:
        file.write(bytes((free.f_bavail - pages) * PAGE))
    assert os.statvfs(disk).f_bavail == pages


def _fail_on_a_full_disk(disk: Path) -> None:
    mount_small_disk(disk, 64 * PAGE)
    store = GenerationStore(disk / "lists")
    accept(store, FIRST)
    before = accept(store, SECOND)
    there = files(disk / "lists")
    outcomes = []
    for pages in range(64):
        _fill(disk, pages)
        try:
            record = accept(store, THIRD, keep=2)
        except OSError:
            outcomes.append("no room")
            assert files(disk / "lists") == there
            assert store.record(NAME) == before
            assert contents(store) == [SECOND, FIRST]
        else:
            outcomes.append("accepted")
            assert contents(store) == [THIRD, SECOND]
            break
    # Its text takes six pages and the record one: the last failure was the record's.
    assert outcomes == ["no room"] * 7 + ["accepted"]

    _fill(disk, 0)
    failed = LastResult(1.0, "failed", "", "no address", MIRROR)
    changes: list[Callable[[], ListRecord]] = [
        lambda: store.confirm(NAME, at=2_000.0, source=MIRROR),
        lambda: store.note_failure(NAME, failed),
        lambda: store.hold(NAME, Hold(2, 1.0, "root", "")),
        lambda: accept(store, THIRD),
    ]
    for change in changes:
        with pytest.raises(OSError, match="No space left on device"):
            change()
        assert store.record(NAME) == record
    (disk / "lists" / NAME / "record.json").write_bytes(b"")
    _fill(disk, 0)
    assert numbers(store.record(NAME)) == [3, 2]
    assert contents(store) == [THIRD, SECOND]


def test_a_full_disk_costs_the_new_version_only(tmp_path: Path) -> None:
    assert in_child(lambda: _fail_on_a_full_disk(tmp_path)) == 0
