"""Damaged and missing files of a list: what is whole is found, what is not is noticed."""

import json
import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.lists.errors import ListError
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import Hold, LastResult, ListRecord, compose_record
from tests.support.list_store import (
    FIRST,
    MAX_SIZE,
    MIRROR,
    NAME,
    SECOND,
    THIRD,
    accept,
    contents,
    files,
    generation,
    numbers,
)


def test_the_newest_gone_is_asked_for_again(store: GenerationStore, folder: Path) -> None:
    accept(store, FIRST)
    accept(store, SECOND)
    (folder / NAME / "000002.zst").unlink()
    record = store.record(NAME)
    assert numbers(record) == [1]
    assert record.confirmed is None
    assert not record.validators
    assert numbers(accept(store, SECOND)) == [3, 1]


def test_an_older_one_gone_changes_nothing_else(store: GenerationStore, folder: Path) -> None:
    accept(store, FIRST)
    before = accept(store, SECOND)
    (folder / NAME / "000001.zst").unlink()
    assert store.record(NAME) == replace(before, generations=before.generations[:1])


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: b"",
        lambda stored: b"example.org\n",
        lambda stored: stored[:-1],
        lambda stored: stored[: len(stored) // 2],
        lambda stored: stored + b"\n",
        lambda stored: stored[:5_000] + bytes([stored[5_000] ^ 1]) + stored[5_001:],
        lambda stored: zstandard.ZstdCompressor().compress(b"example.org\n"),
        lambda stored: SECOND,
    ],
)
def test_a_damaged_generation_is_an_error_and_the_next_older_one_is_whole(
    store: GenerationStore, folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    accept(store, FIRST)
    newest, older = accept(store, SECOND).generations
    path = folder / NAME / "000002.zst"
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    with pytest.raises(ListError, match=r"^generation 2 is damaged: update the list"):
        store.read(NAME, newest, MAX_SIZE)
    assert store.read(NAME, older, MAX_SIZE) == FIRST
    record = store.record(NAME)
    assert numbers(record) == [1]
    assert not record.validators
    assert (folder / NAME / "000002.zst.damaged").read_bytes() == damaged
    assert numbers(accept(store, SECOND)) == [3, 1]
    assert contents(store) == [SECOND, FIRST]
    assert files(folder) == {"record.json", "000001.zst", "000003.zst"}


def test_a_generation_larger_than_allowed_is_not_damaged(
    store: GenerationStore, folder: Path
) -> None:
    record = accept(store, FIRST)
    for max_size in (0, 100, len(FIRST) - 1):
        with pytest.raises(ListError, match=r"more than .* octets: raise max_size"):
            store.read(NAME, record.generations[0], max_size)
    assert store.record(NAME) == record
    assert store.read(NAME, record.generations[0], len(FIRST)) == FIRST
    with (folder / NAME / "000001.zst").open("ab") as file:
        file.truncate(2**40)
    with pytest.raises(ListError, match="raise max_size"):
        store.read(NAME, record.generations[0], MAX_SIZE)


def test_a_generation_that_cannot_be_read_is_not_damaged(
    store: GenerationStore, folder: Path
) -> None:
    record = accept(store, FIRST)
    path = folder / NAME / "000001.zst"
    path.unlink()
    path.mkdir()
    with pytest.raises(ListError, match=r"cannot be read \(Is a directory\): mend .*000001.zst"):
        store.read(NAME, record.generations[0], MAX_SIZE)
    assert path.is_dir()


def _changed(**fields: object) -> bytes:
    document = json.loads(compose_record(ListRecord((generation(number=3),), last_number=3)))
    document["record"] |= fields
    return json.dumps(document).encode()


DAMAGED_RECORDS = [
    *(b"", b"\0" * 500, b"{", b"\xff", b"[]", b"1", b"null", b"{}", b"[" * 100_000),
    *(b'{"version": 1}', b'{"version": 1, "record": {}}', b'{"record": {"generations": []}}'),
    *(_changed(**{field: "x"}) for field in ("generations", "hold", "validators", "last")),
    *(_changed(**{field: "x"}) for field in ("confirmed", "next_try", "failures", "last_number")),
    *(_changed(failures=count) for count in (-1, 1.5, True, 10**400, 10**12)),
    *(_changed(last_number=number) for number in (2, -1, 10**12)),
    *(_changed(confirmed=time) for time in (float("nan"), float("inf"), -1, 1e300)),
    _changed(generations=[{}]),
    _changed(generations=[json.loads(_changed())["record"]["generations"][0]] * 2),
    _changed(hold={"generation": "3", "since": 1, "actor": "", "reason": ""}),
    _changed(last={"at": 1, "result": "fine", "reason": "", "message": "", "source": ""}),
    _changed(validators={MIRROR: ['"etag"']}),
]


@pytest.mark.parametrize("damaged", DAMAGED_RECORDS)
def test_a_damaged_record_is_made_anew_from_what_is_whole(
    store: GenerationStore, folder: Path, damaged: bytes
) -> None:
    for data in (FIRST, SECOND, THIRD):
        accept(store, data)
    store.hold(NAME, Hold(1, 0.0, "root", ""))
    (folder / NAME / "000002.zst").write_bytes(b"damaged, too")
    os.utime(folder / NAME / "000003.zst", (1_234.0, 1_234.0))
    (folder / NAME / "record.json").write_bytes(damaged)
    record = store.record(NAME)
    assert numbers(record) == [3, 1]
    assert record.current is not None
    assert record.current.accepted == 1_234.0
    assert (record.current.size, record.current.source) == (len(THIRD), "")
    assert contents(store) == [THIRD, FIRST]
    assert (folder / NAME / "record.json").read_bytes() == damaged
    assert numbers(accept(GenerationStore(folder), SECOND)) == [4, 3, 1]
    assert (folder / NAME / "record.json.damaged").read_bytes() == damaged
    assert GenerationStore(folder).record(NAME).generations[1:] == record.generations


def test_a_record_that_is_gone_is_made_anew(store: GenerationStore, folder: Path) -> None:
    accept(store, FIRST)
    accept(store, SECOND)
    (folder / NAME / "record.json").unlink()
    assert numbers(store.record(NAME)) == [2, 1]
    assert contents(store) == [SECOND, FIRST]
    assert accept(store, SECOND).last == LastResult(1_000.0, "unchanged", "", "", MIRROR)


def test_a_record_of_a_later_version_is_read_if_it_can_be(
    store: GenerationStore, folder: Path
) -> None:
    record = accept(store, FIRST)
    path = folder / NAME / "record.json"
    document = json.loads(path.read_bytes())
    document |= {"version": 2, "more": [1]}
    document["record"]["mood"] = "fine"
    path.write_text(json.dumps(document))
    assert store.record(NAME) == record


def test_the_number_of_a_damaged_generation_is_not_used_again(
    store: GenerationStore, folder: Path
) -> None:
    accept(store, FIRST)
    newest = accept(store, SECOND).generations[0]
    (folder / NAME / "000002.zst").write_bytes(b"")
    with pytest.raises(ListError):
        store.read(NAME, newest, MAX_SIZE)
    (folder / NAME / "record.json").unlink()
    assert numbers(accept(store, SECOND)) == [3, 1]


def test_what_is_no_generation_is_not_taken_for_one(store: GenerationStore, folder: Path) -> None:
    accept(store, FIRST)
    (folder / NAME / "record.json").unlink()
    generation = folder / NAME / "000001.zst"
    for name in ("000000.zst", "0000002.zst", "3.zst", "000004.zst.new", "000005.zst.old"):
        shutil.copy(generation, folder / NAME / name)
    assert numbers(store.record(NAME)) == [1]


def test_a_record_that_cannot_be_read_is_not_replaced(store: GenerationStore, folder: Path) -> None:
    before = accept(store, FIRST)
    path = folder / NAME / "record.json"
    path.rename(folder / "elsewhere")
    path.symlink_to(path)
    assert numbers(store.record(NAME)) == [1]
    with pytest.raises(OSError, match="symbolic links"):
        accept(store, SECOND)
    with pytest.raises(OSError, match="symbolic links"):
        store.release(NAME)
    assert path.is_symlink()
    (folder / "elsewhere").rename(path)
    assert store.record(NAME) == before
    assert contents(store) == [FIRST]


def test_a_folder_that_cannot_be_read_is_not_empty(store: GenerationStore, folder: Path) -> None:
    before = accept(store, FIRST)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, hard))  # the record opens, no more
    try:
        with pytest.raises(OSError, match="Too many open files"):
            store.release(NAME)
        store.record(NAME)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert store.record(NAME) == before


def test_a_file_in_place_of_the_folder_is_a_list_never_seen(
    store: GenerationStore, folder: Path
) -> None:
    folder.mkdir()
    (folder / NAME).touch()
    assert store.record(NAME) == ListRecord(())
    with pytest.raises(NotADirectoryError):
        accept(store, FIRST)


@given(st.binary(max_size=300) | st.text().map(lambda text: json.dumps(text).encode()))
def test_any_record_is_read_or_made_anew(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = GenerationStore(Path(folder))
        accept(store, FIRST)
        (Path(folder) / NAME / "record.json").write_bytes(data)
        assert numbers(store.record(NAME)) == [1]


@given(st.integers(0, 30), st.integers(0, 255))
def test_any_changed_octet_is_harmless_or_noticed(position: int, octet: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = GenerationStore(Path(folder))
        found = accept(store, b"example.org\n").generations[0]
        path = Path(folder) / NAME / "000001.zst"
        stored = bytearray(path.read_bytes())
        stored[position % len(stored)] = octet
        path.write_bytes(stored)
        try:
            data = store.read(NAME, found, MAX_SIZE)
        except ListError:
            data = b"example.org\n"
        assert data == b"example.org\n"
