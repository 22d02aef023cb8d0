"""Generations of a list: accepted, confirmed, held, released and left behind."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from dnsguard.lists.errors import ListError
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import MAX_TEXT, Hold, LastResult, ListRecord
from tests.support.list_store import (
    FIRST,
    MAX_SIZE,
    MIRROR,
    NAME,
    OTHER,
    REFUSED,
    SECOND,
    THIRD,
    accept,
    contents,
    files,
    generation,
    numbers,
)


def test_nothing_is_known_of_a_list_never_seen(store: GenerationStore, folder: Path) -> None:
    assert store.record(NAME) == ListRecord(())
    assert store.record(NAME).current is None
    assert not folder.exists()


def test_what_is_accepted_is_there_after_a_restart(store: GenerationStore, folder: Path) -> None:
    facts = generation(
        added=1, removed=2, added_sample=("a.example",), removed_sample=("b.example",)
    )
    facts = replace(facts, signature="timestamp:1700000000")
    validators = {MIRROR: ('"etag"', "Tue, 01 Jul 2025 00:00:00 GMT")}
    record = store.accept(
        NAME, facts, memoryview(FIRST), keep=10, validators=validators, next_try=2_000.0
    )
    sha256 = hashlib.sha256(FIRST).hexdigest()
    assert record.current == replace(facts, number=1, sha256=sha256, size=len(FIRST))
    assert record.last == LastResult(1_000.0, "ok", "", "", MIRROR)
    assert (record.confirmed, record.next_try, record.failures) == (1_000.0, 2_000.0, 0)
    assert record.validators == validators
    assert GenerationStore(folder).record(NAME) == record
    assert contents(GenerationStore(folder)) == [FIRST]
    assert store.record("other") == ListRecord(())


def test_a_file_can_be_read_by_hand(store: GenerationStore, folder: Path) -> None:
    accept(store, FIRST)
    stored = (folder / NAME / "000001.zst").read_bytes()
    assert zstandard.ZstdDecompressor().decompress(stored) == FIRST
    assert json.loads((folder / NAME / "record.json").read_bytes())["version"] == 1
    assert (folder / NAME).stat().st_mode & 0o007 == 0


def test_a_list_served_compressed_is_kept_as_served(store: GenerationStore) -> None:
    served = zstandard.ZstdCompressor().compress(FIRST)
    accept(store, served)
    assert contents(store) == [served]


def test_the_same_version_once_more_is_confirmed(store: GenerationStore, folder: Path) -> None:
    first = accept(store, FIRST)
    store.note_failure(NAME, REFUSED)
    file = (folder / NAME / "000001.zst").stat()
    again = generation(source=OTHER, accepted=3_000.0, names=9)
    record = store.accept(NAME, again, FIRST, keep=10, validators={OTHER: (None, "later")})
    assert record.generations == first.generations
    assert (record.confirmed, record.failures) == (3_000.0, 0)
    assert record.last == LastResult(3_000.0, "unchanged", "", "", OTHER)
    assert record.validators == {**first.validators, OTHER: (None, "later")}
    assert (folder / NAME / "000001.zst").stat() == file


def test_a_source_confirms_the_newest(store: GenerationStore, folder: Path) -> None:
    before = accept(store, FIRST)
    record = store.confirm(NAME, at=4_000.0, source=MIRROR, next_try=5_000.0)
    last = LastResult(4_000.0, "unchanged", "", "", MIRROR)
    assert record == replace(before, confirmed=4_000.0, next_try=5_000.0, last=last)
    assert GenerationStore(folder).record(NAME) == record


def test_another_mirror_that_has_the_newest_is_known_by_its_validators(
    store: GenerationStore,
) -> None:
    validators = {OTHER: ('"other"', None)}
    record = store.confirm(NAME, at=1.0, source=OTHER, validators=validators)
    assert (record.confirmed, record.validators) == (None, {})
    before = accept(store, FIRST)
    record = store.confirm(NAME, at=1.0, source=OTHER, validators=validators)
    assert record.validators == {**before.validators, **validators}


def test_failures_are_counted_until_it_works_again(store: GenerationStore) -> None:
    assert store.note_failure(NAME, REFUSED, next_try=9.0).failures == 1
    before = accept(store, FIRST)
    assert before.failures == 0
    failed = LastResult(8.0, "failed", "", "no address", MIRROR)
    store.note_failure(NAME, failed)
    record = store.note_failure(NAME, REFUSED, next_try=9.0)
    assert record == replace(before, failures=2, last=REFUSED, next_try=9.0)
    assert store.confirm(NAME, at=10.0, source=MIRROR).failures == 0


def test_validators_of_other_mirrors_end_with_the_version_they_were_for(
    store: GenerationStore,
) -> None:
    accept(store, FIRST)
    accept(store, FIRST, mirror=OTHER)
    assert store.record(NAME).validators.keys() == {MIRROR, OTHER}
    assert accept(store, SECOND, mirror=OTHER).validators.keys() == {OTHER}


def test_a_hold_stays_until_it_is_released(store: GenerationStore, folder: Path) -> None:
    for data in (FIRST, SECOND, THIRD):
        accept(store, data)
    hold = Hold(1, 5_000.0, "root", "blocks the tax office")
    assert store.hold(NAME, hold).current == store.record(NAME).generations[-1]
    for data in (FIRST + SECOND, FIRST + THIRD):
        record = accept(GenerationStore(folder), data, keep=1)
    assert numbers(record) == [5, 4, 1]
    assert record.hold == hold
    assert record.current is not None
    assert store.read(NAME, record.current, MAX_SIZE) == FIRST
    released = store.release(NAME)
    assert released.hold is None
    assert released.current == released.generations[0]


def test_a_hold_needs_a_generation(store: GenerationStore) -> None:
    with pytest.raises(ListError, match="there is no generation 1: there is none"):
        store.hold(NAME, Hold(1, 0.0, "root", ""))
    accept(store, FIRST)
    accept(store, SECOND)
    with pytest.raises(ListError, match="there is no generation 3: there is 2, 1"):
        store.hold(NAME, Hold(3, 0.0, "root", ""))
    assert store.record(NAME).hold is None


def test_a_held_generation_that_is_gone_gives_way_to_the_next_older(
    store: GenerationStore, folder: Path
) -> None:
    for data in (FIRST, SECOND, THIRD):
        accept(store, data)
    record = store.hold(NAME, Hold(2, 0.0, "root", ""))
    (folder / NAME / "000002.zst").unlink()
    record = store.record(NAME)
    assert record.current == record.generations[1]
    assert record.current.number == 1
    (folder / NAME / "000001.zst").unlink()
    record = store.record(NAME)
    assert record.current == record.generations[0]
    assert record.current.number == 3


def test_old_generations_go_and_their_numbers_are_not_used_again(
    store: GenerationStore, folder: Path
) -> None:
    for number in range(1, 6):
        assert numbers(accept(store, b"%d" % number, keep=3)) == [
            *range(number, max(number - 3, 0), -1)
        ]
    assert files(folder) == {"record.json", "000003.zst", "000004.zst", "000005.zst"}
    (folder / NAME / "000005.zst").unlink()
    assert numbers(accept(store, b"6", keep=1)) == [6, 4]
    assert files(folder) == {"record.json", "000004.zst", "000006.zst"}


def test_text_from_outside_is_kept_short_and_printable(store: GenerationStore) -> None:
    nasty = "\x1b[2J\u202e\ud800" + "x" * 10_000
    facts = generation(
        source=nasty, signature=nasty, added_sample=(nasty,) * 99, dropped={nasty: 1}
    )
    validators = {MIRROR: (nasty, None), nasty: (None, None), OTHER: ('"fine"', None)}
    record = store.accept(NAME, facts, FIRST, keep=2, validators=validators)
    store.note_failure(NAME, LastResult(1.0, "failed", "", nasty, nasty))
    record = store.hold(NAME, Hold(1, 1.0, nasty, nasty))
    assert record.validators == {OTHER: ('"fine"', None)}
    assert record.last is not None
    assert record.hold is not None
    assert record.current is not None
    assert len(record.current.added_sample) == 10
    texts = [record.last.message, record.hold.actor, record.current.source]
    for text in (*texts, *record.current.added_sample, *record.current.dropped):
        assert text.isprintable()
        assert text.startswith("\\x1b[2J\\u202e\\ud800x")
        assert len(text) == MAX_TEXT
    assert store.record(NAME) == record
