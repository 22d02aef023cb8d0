"""Changes of single lists: updates, rollbacks, and what must stay as it is meanwhile."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dnsguard.config import Config, ListSource, read_sources
from dnsguard.control import plane as plane_module
from dnsguard.control.loading import OfferRefused
from dnsguard.control.plane import ControlPlane
from dnsguard.control.rollback import release, roll_back
from dnsguard.control.selection import Offer
from dnsguard.control.state import StateDirectory
from dnsguard.core.names import from_text
from dnsguard.lists.errors import ListError
from dnsguard.lists.generations import GenerationStore
from tests.support.compiling import compile_here, text_file
from tests.support.descriptors import open_descriptors

URL = "https://lists.example/tiktok.txt"
CONFIG = f"""\
upstreams: ["udp://127.0.0.1:9"]
groups:
  staff: {{subnets: [10.20.0.0/16]}}
lists:
  own: {{source: own.txt}}
  partner: {{source: "{URL}"}}
policies:
  ban: {{groups: [staff], lists: [own, partner, "builtin:tiktok"]}}
"""
FIRST = "".join(f"name{number}.example\n" for number in range(10)).encode()
SECOND = FIRST + b"new.example\n"


class City:
    """A control plane without workers, that compiles in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "dnsguard.yaml"
        self.config.write_text(CONFIG)
        (folder / "own.txt").write_text("own.example\n")
        self.plane = ControlPlane(self.config, StateDirectory(folder / "state"), 1)

    async def start(self) -> None:
        candidate = await self.plane.prepare(read_sources(self.config))
        await self.plane.start(candidate)
        await self.plane.write_down(candidate)

    def stop(self) -> None:
        for descriptor in self.plane.served_generation()[0]:
            os.close(descriptor)
        for page in self.plane.pages:
            page.close()

    @property
    def settings(self) -> ListSource:
        config: Config = self.plane.current.config
        return config.lists["partner"]

    async def update(self, text: bytes, *, dry_run: bool = False) -> None:
        """Offer a version of the fetched list."""
        descriptor = text_file(text)
        sha256 = hashlib.sha256(text).hexdigest()
        offer = Offer(self.settings, descriptor, sha256, URL, {}, next_try=99.0)
        try:
            await self.plane.change_lists({"partner": offer}, "test", "update", dry_run=dry_run)
        finally:
            os.close(descriptor)

    def blocks(self, name: str) -> bool:
        """Tell whether the generation in force blocks a name for the staff."""
        policy = self.plane.generation.policy
        view = policy.view(bytes([10, 20, 0, 1]))
        return policy.verdict(view, policy.signature(from_text(name))).blocks

    def kept(self, name: str = "partner") -> list[int]:
        """Return the generations on disk."""
        record = GenerationStore(self.folder / "state" / "lists").record(name)
        return [generation.number for generation in record.generations]


def play(folder: Path, scenario: Callable[[City], Awaitable[None]]) -> None:
    async def whole() -> None:
        city = City(folder)
        await city.start()
        try:
            await scenario(city)
        finally:
            city.stop()

    asyncio.run(whole())


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane_module, "compile_apart", compile_here)


def test_an_offer_goes_live_and_is_kept(tmp_path: Path) -> None:
    async def scenario(city: City) -> None:
        assert not city.blocks("name1.example")
        for number, text in enumerate((FIRST, SECOND), start=2):
            await city.update(text)
            assert city.plane.current.number == number
            assert city.blocks("name1.example")
        assert city.blocks("new.example")
        assert city.blocks("own.example")
        assert city.blocks("www.tiktok.com")
        assert city.kept() == [2, 1]
        assert city.plane.records.get("partner").next_try == 99.0

    play(tmp_path, scenario)


def test_what_is_not_asked_for_stays_as_it_is(tmp_path: Path) -> None:
    async def scenario(city: City) -> None:
        (tmp_path / "own.txt").write_text("changed.example\n")
        city.config.write_text("upstreams: [\n")
        confirmed = city.plane.records.get("own").confirmed
        await city.update(FIRST)
        assert city.blocks("own.example")
        assert not city.blocks("changed.example")
        assert city.plane.records.get("own").confirmed == confirmed
        await city.plane.change_lists({}, "test", "update", reread={"own"})
        assert not city.blocks("own.example")
        assert city.blocks("changed.example")
        assert city.blocks("name1.example")
        assert city.plane.last_change.actor == "start"

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("text", "reason"), [(b"", "empty"), (b"name1.example\n", "shrink"), (b"com\n", "forbidden")]
)
def test_a_refused_offer_changes_nothing(tmp_path: Path, text: bytes, reason: str) -> None:
    async def scenario(city: City) -> None:
        await city.update(FIRST)
        before = open_descriptors()
        with pytest.raises(OfferRefused) as caught:
            await city.update(text)
        assert caught.value.reason == reason
        assert open_descriptors() == before
        assert city.plane.current.number == 2
        assert city.blocks("name9.example")
        assert city.kept() == [1]

    play(tmp_path, scenario)


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    async def scenario(city: City) -> None:
        await city.update(FIRST)
        before = open_descriptors()
        await city.update(SECOND, dry_run=True)
        assert open_descriptors() == before
        assert city.plane.current.number == 2
        assert not city.blocks("new.example")
        assert city.kept() == [1]
        await city.update(SECOND)
        assert city.blocks("new.example")

    play(tmp_path, scenario)


def test_updates_leave_no_descriptors_behind(tmp_path: Path) -> None:
    async def scenario(city: City) -> None:
        await city.update(FIRST)
        before = len(open_descriptors())
        for text in (SECOND, FIRST, SECOND, SECOND):
            await city.update(text)
        assert len(open_descriptors()) == before

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    "change", [f'source: "{URL}", match: exact', f'source: "{URL}", sha256: {"0" * 64}']
)
def test_an_offer_for_other_settings_is_not_taken(tmp_path: Path, change: str) -> None:
    async def scenario(city: City) -> None:
        old = city.settings
        city.config.write_text(CONFIG.replace(f'source: "{URL}"', change))
        assert (await city.plane.reload("test", "")).result == "ok"
        descriptor = text_file(FIRST)
        offer = Offer(old, descriptor, hashlib.sha256(FIRST).hexdigest(), URL, {})
        with pytest.raises(ListError, match="changed meanwhile"):
            await city.plane.change_lists({"partner": offer}, "test", "")
        os.close(descriptor)
        assert not city.blocks("name1.example")

    play(tmp_path, scenario)


def test_a_rollback_holds_until_it_is_released(tmp_path: Path) -> None:
    async def scenario(city: City) -> None:
        await city.update(FIRST)
        await city.update(SECOND)
        done = await roll_back(city.plane, "partner", None, "test", "too much")
        assert (done["result"], done["generation"], done["held"]) == ("ok", 1, True)
        assert not city.blocks("new.example")
        with pytest.raises(ListError, match="rollback came first"):
            await city.update(SECOND)
        assert (await city.plane.reload("test", "")).result == "ok"
        assert not city.blocks("new.example")
        done = await release(city.plane, "partner", "test", "")
        assert (done["result"], done["generation"], done["held"]) == ("ok", 2, False)
        assert city.blocks("new.example")

    play(tmp_path, scenario)


def test_a_rollback_that_cannot_be_leaves_what_was(tmp_path: Path) -> None:
    async def scenario(city: City) -> None:
        await city.update(FIRST)
        await city.update(SECOND)
        damaged = tmp_path / "state" / "lists" / "partner" / "000001.zst"
        damaged.write_bytes(b"damaged")
        for name, number, message in (
            ("partner", 1, "cannot be used any more"),
            ("partner", 7, "no generation 7"),
            ("own", None, "no generation before"),
            ("builtin:tiktok", None, "bundled"),
        ):
            refused = await roll_back(city.plane, name, number, "test", "")
            assert refused["result"] == "refused"
            assert message in refused["message"]
            assert not refused["held"]
        assert city.blocks("new.example")
        nothing = await release(city.plane, "partner", "test", "")
        assert nothing["message"] == "nothing holds it"
        with pytest.raises(KeyError):
            await roll_back(city.plane, "nowhere", None, "test", "")

    play(tmp_path, scenario)


def test_a_rollback_of_a_file_holds_against_reloads(tmp_path: Path) -> None:
    async def scenario(city: City) -> None:
        (tmp_path / "own.txt").write_text("second.example\n")
        await city.plane.reload("test", "")
        done = await roll_back(city.plane, "own", None, "test", "")
        assert (done["result"], done["generation"]) == ("ok", 1)
        (tmp_path / "own.txt").write_text("third.example\n")
        await city.plane.reload("test", "")
        assert city.blocks("own.example")
        assert not city.blocks("third.example")
        done = await release(city.plane, "own", "test", "")
        assert (done["result"], done["generation"]) == ("ok", 3)
        assert city.blocks("third.example")

    play(tmp_path, scenario)
