"""When lists are asked for, which mirrors, and what becomes of what they have."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dnsguard.config import ListSource
from dnsguard.control import updater as module
from dnsguard.control.compiling import anonymous_file
from dnsguard.control.list_records import ListRecords
from dnsguard.control.loading import Accepted, LoadedList, OfferRefused
from dnsguard.control.metrics import Events
from dnsguard.control.mirrors import Unchanged
from dnsguard.control.selection import Offer
from dnsguard.control.updater import FIRST_DELAY, JITTER, REFUSED_DELAY, Updater
from dnsguard.lists.compiled import CompiledList, Key
from dnsguard.lists.errors import ListError, Refused
from dnsguard.lists.fetched import FetchError
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import Hold, LastResult

FIRST = "https://lists.example/a.txt"
SECOND = "https://mirror.example/a.txt"
REFRESH = 3600
NOW = 1_800_000_000.0


class Clock:
    """The wall clock as the updater reads it."""

    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        return self.now


class ScriptedMirrors:
    """Mirrors that have what a test says, by URL: a version, nothing new, or an error."""

    def __init__(self) -> None:
        self.have: dict[str, str | Exception | None] = {}
        self.asked: list[str] = []
        self.opened: list[int] = []

    def configure(self, config: object) -> None:
        pass

    def close(self) -> None:
        pass

    async def ask(self, settings: ListSource, url: str, *_: object) -> Offer | Unchanged:
        self.asked.append(url)
        has = self.have[url]
        if isinstance(has, Exception):
            raise has
        if has is None:
            return Unchanged({})
        descriptor = anonymous_file("text")
        os.write(descriptor, has.encode())
        self.opened.append(descriptor)
        return Offer(settings, descriptor, has, url, {})


class ScriptedPlane:
    """A plane with one list; an offer is taken unless its text is refused."""

    def __init__(self, folder: Path) -> None:
        self.settings = ListSource.model_validate({"source": (FIRST, SECOND), "refresh": "1h"})
        self.records = ListRecords(GenerationStore(folder))
        self.events = Events()
        self.changed = asyncio.Event()
        self.refused: dict[str, Exception] = {}
        self.taken: list[str] = []
        self.current = self._state(None, ())

    def _state(self, compiled: CompiledList | None, accepted: tuple[Accepted, ...]) -> Any:
        found = LoadedList("partner", "url", self.settings, compiled, None)
        lists = SimpleNamespace(loaded=(found,), accepted=accepted)
        config = SimpleNamespace(policies={}, groups={})
        return SimpleNamespace(lists=lists, config=config, number=len(self.taken))

    async def change_lists(
        self, offers: dict[str, Offer], *_: object, dry_run: bool = False, **__: object
    ) -> Any:
        offer = offers["partner"]
        if offer.sha256 in self.refused:
            raise self.refused[offer.sha256]
        compiled = CompiledList(Key(offer.sha256, "auto", None, ""), 0, _version(offer.sha256))
        accepted = Accepted("partner", offer.source, -1, compiled, None, self.settings)
        self.taken.append(offer.sha256)
        state = self._state(compiled, (accepted,))
        if not dry_run:
            self.current = state
        return state


def _version(sha256: str) -> Any:
    return {
        "sha256": sha256,
        "size": 1,
        "format": "domains",
        "names": 7,
        "addresses": 0,
        "dropped": {},
        "passed_over": {},
        "notes": [],
        "parts": [],
    }


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedMirrors]:
    mirrors = ScriptedMirrors()
    monkeypatch.setattr(module, "Mirrors", lambda: mirrors)
    yield mirrors
    for descriptor in mirrors.opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def update(
    plane: ScriptedPlane, *, dry_run: bool = False
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the result for the list, and every event."""
    events: list[dict[str, Any]] = []

    async def run() -> None:
        updater = Updater(plane)  # type: ignore[arg-type]
        await updater.update(["partner"], "test", "", events.append, dry_run=dry_run)

    asyncio.run(run())
    assert events[-1]["event"] == "done"
    return next(event for event in events if event["event"] == "result"), events


def test_the_first_mirror_that_has_a_version_is_enough(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock
) -> None:
    mirrors.have = {FIRST: "new", SECOND: "other"}
    plane = ScriptedPlane(tmp_path)
    result, events = update(plane)
    assert (result["result"], result["source"], result["names"]) == ("ok", FIRST, 7)
    assert mirrors.asked == [FIRST]
    assert plane.taken == ["new"]
    assert [event.get("stage") for event in events if event["event"] == "stage"] == [
        "fetching",
        "compiling",
    ]


@pytest.mark.parametrize(
    "broken",
    [FetchError("connection refused"), Refused("html", "it is an HTML page")],
    ids=["failed", "refused"],
)
def test_what_one_mirror_lacks_the_next_may_have(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock, broken: Exception
) -> None:
    mirrors.have = {FIRST: broken, SECOND: "new"}
    plane = ScriptedPlane(tmp_path)
    result, _ = update(plane)
    assert (result["result"], result["source"]) == ("ok", SECOND)
    assert plane.events.list_updates == {("partner", "ok"): 1}


def test_a_version_that_the_guards_refuse_is_looked_for_elsewhere(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock
) -> None:
    mirrors.have = {FIRST: "shrunk", SECOND: "new"}
    plane = ScriptedPlane(tmp_path)
    plane.refused = {"shrunk": Refused("shrink", "it lost names")}
    result, _ = update(plane)
    assert result["result"] == "ok"
    assert plane.taken == ["new"]
    assert plane.events.list_refused == {("partner", "shrink"): 1}


def test_when_no_mirror_has_any_every_reason_is_told(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock
) -> None:
    mirrors.have = {FIRST: FetchError("first is down"), SECOND: "shrunk"}
    plane = ScriptedPlane(tmp_path)
    change = {"added": 0, "removed": 1, "added_sample": [], "removed_sample": ["a.example"]}
    plane.refused = {"shrunk": OfferRefused("shrink", "it lost names", change)}  # type: ignore[arg-type]
    result, _ = update(plane)
    assert (result["result"], result["reason"]) == ("refused", "shrink")
    assert result["message"] == f"{FIRST}: first is down; {SECOND}: it lost names"
    assert result["source"] == SECOND
    assert result["removed_sample"] == ["a.example"]
    record = plane.records.get("partner")
    assert record.last is not None
    assert (record.last.result, record.last.reason, record.failures) == ("refused", "shrink", 1)


def test_a_version_that_is_there_already_is_confirmed(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock
) -> None:
    mirrors.have = {FIRST: None}
    plane = ScriptedPlane(tmp_path)
    result, _ = update(plane)
    record = plane.records.get("partner")
    assert result["result"] == "unchanged"
    assert record.last is not None
    assert (record.last.result, record.last.at) == ("unchanged", NOW)
    assert record.next_try is not None
    assert abs(record.next_try - NOW - REFRESH) <= REFRESH * JITTER


def test_a_dry_run_leaves_no_trace(tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock) -> None:
    mirrors.have = {FIRST: FetchError("down"), SECOND: "new"}
    plane = ScriptedPlane(tmp_path)
    before = plane.current
    result, _ = update(plane, dry_run=True)
    assert (result["result"], result["added"], result["names"]) == ("would-change", 7, 7)
    mirrors.have = {FIRST: FetchError("down"), SECOND: Refused("html", "no list")}
    assert update(plane, dry_run=True)[0]["result"] == "refused"
    assert plane.current is before
    assert plane.records.get("partner").last is None
    assert not plane.events.list_updates
    assert not plane.events.list_refused


def test_a_held_list_is_not_asked_for(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock
) -> None:
    plane = ScriptedPlane(tmp_path)
    held = plane.records.get("partner")
    object.__setattr__(held, "hold", Hold(1, NOW, "root", ""))
    result, _ = update(plane)
    assert result["result"] == "held"
    assert mirrors.asked == []


def test_a_held_list_is_never_due(tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock) -> None:
    async def run() -> None:
        plane = ScriptedPlane(tmp_path)
        object.__setattr__(plane.records.get("partner"), "hold", Hold(1, NOW, "root", ""))
        updater = Updater(plane)  # type: ignore[arg-type]
        assert updater._fetched() == []
        plane.records.read("partner")
        assert [found.name for found in updater._fetched()] == ["partner"]

    asyncio.run(run())


def test_a_fault_of_ours_costs_one_try(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock
) -> None:
    mirrors.have = {FIRST: ZeroDivisionError()}
    plane = ScriptedPlane(tmp_path)
    result, _ = update(plane)
    assert (result["result"], plane.records.get("partner").failures) == ("failed", 1)
    assert "report it" in result["message"]


@pytest.mark.parametrize(
    ("error", "first"),
    [(FetchError("down"), FIRST_DELAY), (Refused("html", "no list"), REFUSED_DELAY)],
    ids=["failed", "refused"],
)
def test_tries_are_repeated_ever_later_but_no_later_than_the_interval(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock, error: Exception, first: float
) -> None:
    mirrors.have = {FIRST: FetchError("down"), SECOND: error}
    plane = ScriptedPlane(tmp_path)
    for failures in range(12):
        update(plane)
        next_try = plane.records.get("partner").next_try
        assert next_try is not None
        expected = min(first * 2**failures, REFRESH)
        assert abs(next_try - clock.now - expected) <= expected * JITTER


async def _ran(plane: ScriptedPlane, until: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.create_task(Updater(plane).run())  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(10):
            await until()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("next_try", "due"),
    [(None, True), (NOW - 1, True), (NOW + 600, False), (NOW + 2 * REFRESH, True)],
    ids=["never", "past", "soon", "by a clock that was wrong"],
)
def test_lists_are_asked_for_when_they_are_due(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock, next_try: float | None, due: bool
) -> None:
    mirrors.have = {FIRST: "new"}

    async def run() -> None:
        plane = ScriptedPlane(tmp_path)
        last = LastResult(NOW, "failed", "", "", FIRST)
        plane.records.note_failure("partner", last, next_try=next_try)

        async def until() -> None:
            while not plane.taken and due:
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)

        await _ran(plane, until)
        assert bool(plane.taken) == due

    asyncio.run(run())


def test_a_new_config_wakes_the_updater(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock
) -> None:
    mirrors.have = {FIRST: "new"}

    async def run() -> None:
        plane = ScriptedPlane(tmp_path)
        last = LastResult(NOW, "failed", "", "", FIRST)
        plane.records.note_failure("partner", last, next_try=NOW + 600)

        async def until() -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            assert not plane.taken
            clock.now += 601
            plane.changed.set()
            while not plane.taken:
                await asyncio.sleep(0)

        await _ran(plane, until)

    asyncio.run(run())


def test_an_error_of_a_kind_that_was_not_thought_of_is_a_failure(
    tmp_path: Path, mirrors: ScriptedMirrors, clock: Clock
) -> None:
    mirrors.have = {FIRST: ListError("strange"), SECOND: ListError("strange")}
    result, _ = update(ScriptedPlane(tmp_path))
    assert result["result"] == "failed"
    assert result["message"] == f"{FIRST}: strange; {SECOND}: strange"
