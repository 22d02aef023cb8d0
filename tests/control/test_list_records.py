"""What is known of each list: on disk while the disk takes it, in memory whatever happens."""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dnsguard.config import ListSource
from dnsguard.control.list_records import ListRecords
from dnsguard.control.loading import Accepted
from dnsguard.lists.compiled import CompiledList, Key
from dnsguard.lists.errors import ListError
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import Hold, LastResult
from tests.support.bad_disk import BAD_DISKS, bad_disk
from tests.support.compiling import text_file
from tests.support.descriptors import open_descriptors
from tests.support.list_store import MIRROR, NAME, OTHER, REFUSED

VALIDATORS = {MIRROR: ('"1"', None)}
HOLD = Hold(1, 5.0, "test", "too much")


@pytest.fixture
def records(tmp_path: Path) -> ListRecords:
    return ListRecords(GenerationStore(tmp_path / "lists"))


@pytest.fixture(params=BAD_DISKS)
def stuck(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ListRecords]:
    with bad_disk(tmp_path / "disk", request.param) as folder:
        if request.param != "ro":
            (folder / "filler").write_bytes(bytes(4096))
        yield ListRecords(GenerationStore(folder / "lists"))


@pytest.fixture
def accept(request: pytest.FixtureRequest) -> Callable[..., str | None]:
    def accept(records: ListRecords, text: bytes = b"example.org\n") -> str | None:
        key = Key("00" * 32, "auto", None, "11" * 32)
        version = CompiledList(
            key,
            0,
            {
                "sha256": key.sha256,
                "size": len(text),
                "format": "domains",
                "names": 3,
                "addresses": 2,
                "dropped": {"top-level": 1},
                "passed_over": {},
                "notes": [],
                "parts": [],
            },
        )
        difference = {
            "added": 4,
            "removed": 5,
            "added_sample": ["new.example"],
            "removed_sample": ["old.example"],
        }
        descriptor = text_file(text)
        request.addfinalizer(lambda: os.close(descriptor))
        return records.accept(
            Accepted(
                NAME,
                MIRROR,
                descriptor,
                version,
                difference,  # type: ignore[arg-type]
                ListSource(source=(MIRROR,), keep=2),
                VALIDATORS,
                "timestamp:1",
                99.0,
            )
        )

    return accept


Accept = Callable[..., str | None]


def test_a_version_that_is_accepted_is_written_with_all_that_is_known(
    records: ListRecords, tmp_path: Path, accept: Accept
) -> None:
    assert accept(records) is None
    store = GenerationStore(tmp_path / "lists")
    record = store.record(NAME)
    assert record == records.get(NAME)
    (kept,) = record.generations
    assert (kept.source, kept.format, kept.names, kept.addresses) == (MIRROR, "domains", 3, 2)
    assert (kept.added, kept.removed) == (4, 5)
    assert (kept.added_sample, kept.removed_sample) == (("new.example",), ("old.example",))
    assert (kept.dropped, kept.signature) == ({"top-level": 1}, "timestamp:1")
    assert (record.validators, record.next_try) == (VALIDATORS, 99.0)
    assert record.last == LastResult(kept.accepted, "ok", "", "", MIRROR)
    assert store.read(NAME, kept, 100) == b"example.org\n"


def test_as_many_are_kept_as_the_list_wants(records: ListRecords, accept: Accept) -> None:
    for number in range(4):
        accept(records, b"example.org\n" * (number + 1))
    assert [kept.number for kept in records.get(NAME).generations] == [4, 3]


def test_a_confirmation_and_a_failure_are_written(
    records: ListRecords, tmp_path: Path, accept: Accept
) -> None:
    accept(records)
    assert records.note_failure(NAME, REFUSED, next_try=50.0) is None
    record = GenerationStore(tmp_path / "lists").record(NAME)
    assert record == records.get(NAME)
    assert (record.last, record.failures, record.next_try) == (REFUSED, 1, 50.0)
    other = {OTHER: (None, "yesterday")}
    assert records.confirm(NAME, OTHER, 2_000.0, validators=other, next_try=60.0) is None
    record = GenerationStore(tmp_path / "lists").record(NAME)
    assert record == records.get(NAME)
    assert (record.confirmed, record.failures, record.next_try) == (2_000.0, 0, 60.0)
    assert record.last == LastResult(2_000.0, "unchanged", "", "", OTHER)
    assert record.validators == {**VALIDATORS, **other}


def test_a_hold_and_its_release(records: ListRecords, accept: Accept) -> None:
    accept(records, b"first.example\n")
    accept(records, b"second.example\n")
    records.hold(NAME, HOLD)
    current = records.get(NAME).current
    assert current is not None
    assert current.number == 1
    records.release(NAME)
    assert records.get(NAME).hold is None
    with pytest.raises(ListError, match="no generation 9"):
        records.hold(NAME, Hold(9, 5.0, "test", ""))
    assert records.get(NAME).hold is None


def test_the_disk_is_read_once_unless_it_is_asked_for(
    records: ListRecords, tmp_path: Path, accept: Accept
) -> None:
    accept(records)
    (tmp_path / "lists" / NAME / "000001.zst").unlink()
    assert len(records.get(NAME).generations) == 1
    assert records.read(NAME).generations == ()
    assert records.get(NAME).generations == ()


def test_a_disk_that_takes_nothing_costs_what_survives_a_restart_only(
    stuck: ListRecords, accept: Accept, caplog: pytest.LogCaptureFixture
) -> None:
    unwritten = accept(stuck)
    assert unwritten is not None
    assert "cannot be written" in unwritten
    assert "a restart would know an older state" in unwritten
    assert unwritten in caplog.text
    record = stuck.get(NAME)
    assert record.last is not None
    assert (record.last.result, record.next_try) == ("ok", 99.0)
    assert record.last.message == unwritten
    assert record.confirmed == record.last.at
    for failures in (1, 2):
        unwritten = stuck.note_failure(NAME, REFUSED, next_try=50.0)
        record = stuck.get(NAME)
        assert record.last == replace(REFUSED, message=f"{REFUSED.message}; {unwritten}")
        assert (record.failures, record.next_try) == (failures, 50.0)
    unwritten = stuck.confirm(NAME, MIRROR, 2_000.0, next_try=60.0)
    record = stuck.get(NAME)
    assert record.last == LastResult(2_000.0, "unchanged", "", str(unwritten), MIRROR)
    assert (record.failures, record.next_try, record.confirmed) == (0, 60.0, 2_000.0)


def test_a_disk_that_takes_nothing_takes_no_rollback(stuck: ListRecords) -> None:
    with pytest.raises((OSError, ListError)):
        stuck.hold(NAME, HOLD)
    with pytest.raises(OSError, match=r"Read-only|No space"):
        stuck.release(NAME)
    assert stuck.get(NAME).hold is None


def test_a_disk_that_takes_again_is_written_again(
    records: ListRecords, tmp_path: Path, accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        assert accept(records)
        assert records.note_failure(NAME, REFUSED)
    assert accept(records) is None
    record = GenerationStore(tmp_path / "lists").record(NAME)
    assert record == records.get(NAME)
    assert [kept.number for kept in record.generations] == [1]
    assert record.failures == 0


def test_a_version_the_disk_did_not_take_is_held_until_it_does(
    records: ListRecords, accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = open_descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        accept(records, b"first.example\n")
        accept(records, b"second.example\n")
    held = records.unwritten[NAME]
    assert os.pread(held.descriptor, 100, 0) == b"second.example\n"
    assert (held.source, held.validators, held.signature) == (MIRROR, VALIDATORS, "timestamp:1")
    assert accept(records, b"second.example\n") is None
    assert records.unwritten == {}
    assert len(open_descriptors() - before) == 3  # those of the three texts, closed at the end
