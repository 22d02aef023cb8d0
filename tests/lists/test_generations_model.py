"""The store beside a plain model of it, through anything that may happen in any order."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dnsguard.lists.errors import ListError
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import Hold
from tests.support.list_store import MAX_SIZE, MIRROR, NAME, OTHER, REFUSED, generation, numbers

VERSIONS = (b"", b"example.org\n", b"example.org\nexample.net\n", b"example.com\n" * 1_000)


@dataclass
class Known:
    """What should be known of the list: its files, and what its record says."""

    files: dict[int, bytes] = field(default_factory=dict)
    damaged: set[int] = field(default_factory=set)
    recorded: list[int] = field(default_factory=list)
    leftover: set[int] = field(default_factory=set)
    last_number: int = 0
    held: int | None = None
    mirrors: set[str] = field(default_factory=set)
    failures: int = 0
    result: str | None = None

    def lose(self, number: int) -> None:
        if self.recorded[0] == number:
            self.mirrors = set()
        self.recorded.remove(number)
        del self.files[number]

    @property
    def current(self) -> int | None:
        newest = next(iter(self.recorded), None)
        if self.held is None:
            return newest
        return next((number for number in self.recorded if number <= (self.held or 0)), newest)


class Store(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / NAME
        self.known = Known()
        self.reopen()

    def teardown(self) -> None:
        self.folder.cleanup()

    def whose(self, number: int) -> Path:
        return self.path / f"{number:06d}.zst"

    @rule()
    def reopen(self) -> None:
        self.store = GenerationStore(Path(self.folder.name))

    @rule(
        data=st.sampled_from(VERSIONS),
        mirror=st.sampled_from([MIRROR, OTHER]),
        keep=st.integers(1, 4),
    )
    def accept(self, data: bytes, mirror: str, keep: int) -> None:
        known = self.known
        validators = {mirror: ('"etag"', None)}
        self.store.accept(NAME, generation(), data, keep=keep, validators=validators)
        known.failures = 0
        if known.recorded and known.files[known.recorded[0]] == data:
            known.mirrors.add(mirror)
            known.result = "unchanged"
            return
        known.last_number += 1
        known.recorded.insert(0, known.last_number)
        known.files[known.last_number] = data
        known.mirrors = {mirror}
        known.result = "ok"
        known.recorded = [
            number
            for place, number in enumerate(known.recorded)
            if place < max(keep, 2) or number == known.current
        ]
        known.files = {number: known.files[number] for number in known.recorded}
        known.damaged &= known.files.keys()
        known.leftover = set()
        there = {path for path in self.path.iterdir() if path.suffix in {".zst", ".new"}}
        assert there == {self.whose(number) for number in known.recorded}

    @rule(mirrors=st.sets(st.sampled_from([MIRROR, OTHER])))
    def confirm(self, mirrors: set[str]) -> None:
        validators = dict.fromkeys(mirrors, (None, "later"))
        self.store.confirm(NAME, at=1.0, source=MIRROR, validators=validators)
        if self.known.recorded:
            self.known.mirrors |= mirrors
        self.known.failures = 0
        self.known.result = "unchanged"

    @rule()
    def refuse(self) -> None:
        self.store.note_failure(NAME, REFUSED)
        self.known.failures += 1
        self.known.result = "refused"

    @rule(number=st.integers(1, 9))
    def hold(self, number: int) -> None:
        hold = Hold(number, 1.0, "root", "")
        if number in self.known.recorded:
            self.store.hold(NAME, hold)
            self.known.held = number
        else:
            with pytest.raises(ListError, match="there is no generation"):
                self.store.hold(NAME, hold)

    @rule()
    def release(self) -> None:
        self.store.release(NAME)
        self.known.held = None

    @precondition(lambda self: self.known.recorded)
    @rule(chosen=st.data())
    def delete_a_file(self, chosen: st.DataObject) -> None:
        number = chosen.draw(st.sampled_from(self.known.recorded))
        self.whose(number).unlink()
        self.known.lose(number)
        self.known.damaged.discard(number)

    @precondition(lambda self: self.known.recorded)
    @rule(chosen=st.data(), content=st.sampled_from([b"", b"x", VERSIONS[1]]))
    def damage_a_file(self, chosen: st.DataObject, content: bytes) -> None:
        number = chosen.draw(st.sampled_from(self.known.recorded))
        self.whose(number).write_bytes(content)
        self.known.damaged.add(number)

    @precondition(lambda self: self.known.damaged)
    @rule()
    def read_what_is_damaged(self) -> None:
        known = self.known
        for found in self.store.record(NAME).generations:
            if found.number in known.damaged:
                with pytest.raises(ListError, match="is damaged"):
                    self.store.read(NAME, found, MAX_SIZE)
                known.lose(found.number)
                known.leftover.add(found.number)
        known.damaged = set()

    @rule(content=st.sampled_from([b"", b"{}", None]))
    def lose_the_record(self, content: bytes | None) -> None:
        record = self.path / "record.json"
        if content is not None and record.exists():
            record.write_bytes(content)
        else:
            record.unlink(missing_ok=True)
        old = self.known
        whole = sorted(old.files.keys() - old.damaged, reverse=True)
        self.known = Known(
            files={number: old.files[number] for number in whole},
            recorded=whole,
            leftover=old.leftover | old.damaged,
        )
        self.known.last_number = max([0, *whole, *self.known.leftover])
        assert numbers(self.store.record(NAME)) == whole
        self.store.release(NAME)

    @precondition(lambda self: self.path.exists())
    @rule(name=st.sampled_from(["record.json.new", "000099.zst.new", "000000.zst", "notes.txt"]))
    def leave_debris(self, name: str) -> None:
        (self.path / name).write_bytes(b"debris")

    @invariant()
    def the_record_is_as_expected(self) -> None:
        record = self.store.record(NAME)
        known = self.known
        assert numbers(record) == known.recorded
        assert (record.last_number, record.failures) == (known.last_number, known.failures)
        assert (record.hold and record.hold.generation) == known.held
        assert set(record.validators) == known.mirrors
        assert (record.last and record.last.result) == known.result
        assert (record.current and record.current.number) == known.current

    @invariant()
    def what_is_not_damaged_is_whole(self) -> None:
        for found in self.store.record(NAME).generations:
            if found.number not in self.known.damaged:
                data = self.store.read(NAME, found, MAX_SIZE)
                assert data == self.known.files[found.number]


Store.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestStore = Store.TestCase
