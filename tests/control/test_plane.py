"""The one way to change what is in force, with real workers that serve it."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import dns.asyncquery
import dns.message
import pytest
import uvloop

from dnsguard.config import read_sources
from dnsguard.control import plane as plane_module
from dnsguard.control.plane import ControlPlane
from dnsguard.control.sockets import open_sockets
from dnsguard.control.state import StateDirectory
from dnsguard.control.workers import Worker
from tests.support.bad_disk import BAD_DISKS, bad_disk
from tests.support.descriptors import open_descriptors
from tests.support.loops import DEADLINE
from tests.support.shell import addresses
from tests.support.workers import Endpoint

WORKERS = 2
CONFIG = """\
upstreams: ["udp://127.0.0.1:9"]
groups:
  staff: {{subnets: [127.0.0.2/32]}}
lists:
  own: {{source: own.txt}}
policies:
  ban: {{groups: [staff], lists: [own], stage: {stage}}}
local_records: ["www.example.org. 30 IN A 192.0.2.80"]
workers: 2
"""
BLOCKED = ["0.0.0.0"]
PASSED = ["192.0.2.80"]


class Running:
    """A control plane in a folder and its workers."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder = folder
        self.config = folder / "dnsguard.yaml"
        self.list = folder / "own.txt"
        self.list.write_text("example.org\n")
        self.write(CONFIG.format(stage="enforce"))
        self.plane = ControlPlane(self.config, StateDirectory(state), WORKERS)
        self.sockets = open_sockets([Endpoint()], WORKERS, [])

    def write(self, text: str) -> None:
        self.config.write_text(text)

    async def start(self) -> None:
        """Put the config in force and fill the slots."""
        plane = self.plane
        candidate = await plane.prepare(read_sources(self.config))
        await plane.start(candidate)
        await plane.write_down(candidate)
        for number in range(WORKERS):
            fds = [s.socket.fileno() for s in self.sockets if s.worker == number]
            worker = Worker(
                number, plane.pages[number], fds, plane.served_generation, dict(os.environ)
            )
            plane.workers.append(worker)
        self.tasks = [asyncio.create_task(worker.run()) for worker in plane.workers]
        async with asyncio.timeout(DEADLINE):
            for worker in plane.workers:
                await worker.listening.wait()

    async def stop(self) -> None:
        for worker in self.plane.workers:
            worker.kill()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for worker in self.plane.workers:
            if worker._process is not None:
                await worker._process.wait()
        for descriptor in self.plane.served_generation()[0]:
            os.close(descriptor)
        for page in self.plane.pages:
            page.close()
        for listening in self.sockets:
            listening.socket.close()

    async def ask(self) -> set[tuple[str, ...]]:
        """Return the different answers that a registered client gets."""
        query = dns.message.make_query("www.example.org", "A")
        port = self.sockets[0].port
        answers = await asyncio.gather(
            *(
                dns.asyncquery.udp(query, "127.0.0.1", DEADLINE, port, source="127.0.0.2")
                for _ in range(40)  # enough for the kernel to pick every worker
            )
        )
        return {tuple(addresses(answer)) for answer in answers}


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Running]:
    running = Running(folder, folder / "state")
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


def run(folder: Path, scenario: Callable[[Running], Awaitable[None]]) -> None:
    async def play() -> None:
        async with started(folder) as running:
            await scenario(running)

    uvloop.run(play())


def test_a_reload_is_in_force_everywhere_once_it_returned(tmp_path: Path) -> None:
    async def scenario(running: Running) -> None:
        for number in range(2, 12):
            stage, wanted = ("off", PASSED) if number % 2 else ("enforce", BLOCKED)
            running.write(CONFIG.format(stage=stage))
            result = await running.plane.reload("test", "flip")
            assert (result.result, result.generation) == ("ok", number)
            assert await running.ask() == {tuple(wanted)}
            assert running.plane.generation.number == number
        assert running.plane.events.reloads_ok == 10

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("broken", "path", "line"),
    [
        ("upstreams: [\n", "", 2),
        (CONFIG.format(stage="sometimes"), "policies.ban.stage", 7),
        (CONFIG.format(stage="off").replace("[staff]", "[stuff]"), "policies.ban.groups[0]", 7),
        (CONFIG.format(stage="off").replace("workers: 2", "workers: 3"), "workers", 9),
    ],
)
def test_a_refused_reload_changes_nothing(
    tmp_path: Path, broken: str, path: str, line: int
) -> None:
    async def scenario(running: Running) -> None:
        running.write(broken)
        result = await running.plane.reload("test", "break")
        plane = running.plane
        assert result.result == "refused"
        assert result.generation == 1
        assert (result.problems[0].path, result.problems[0].line) == (path, line)
        assert plane.events.reloads_refused == 1
        assert plane.last_change.result == "refused"
        assert plane.fallback == result.problems
        assert await running.ask() == {tuple(BLOCKED)}
        running.write(CONFIG.format(stage="off"))
        assert (await plane.reload("test", "mend")).generation == 2
        assert plane.fallback == ()
        assert await running.ask() == {tuple(PASSED)}

    run(tmp_path, scenario)


def test_a_fault_of_ours_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault for the test")

    async def scenario(running: Running) -> None:
        monkeypatch.setattr(running.plane, "prepare", fail)
        result = await running.plane.reload("test", "break")
        assert (result.result, result.generation) == ("refused", 1)
        assert "internal error (ZeroDivisionError)" in result.problems[0].message
        assert await running.ask() == {tuple(BLOCKED)}
        monkeypatch.undo()
        assert (await running.plane.reload("test", "mend")).result == "ok"

    run(tmp_path, scenario)


def test_a_reload_that_gets_no_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOMEM, "no memory for the test")

    async def scenario(running: Running) -> None:
        monkeypatch.setattr(os, "memfd_create", fail)
        result = await running.plane.reload("test", "starve")
        assert (result.result, result.generation) == ("refused", 1)
        assert await running.ask() == {tuple(BLOCKED)}
        monkeypatch.undo()
        assert (await running.plane.reload("test", "mend")).generation == 2

    run(tmp_path, scenario)


def test_a_list_that_vanishes_goes_on_in_force_and_is_warned_of(tmp_path: Path) -> None:
    async def scenario(running: Running) -> None:
        running.list.unlink()
        result = await running.plane.reload("test", "vanish")
        assert result.result == "ok"
        assert any("last good version" in warning.message for warning in result.warnings)
        assert await running.ask() == {tuple(BLOCKED)}

    run(tmp_path, scenario)


def test_a_reload_counts_what_each_file_came_to(tmp_path: Path) -> None:
    more = CONFIG.replace("{{source: own.txt}}", "{{source: own.txt}}\n  two: {{source: two.txt}}")
    more = more.replace("lists: [own]", "lists: [own, two]").format(stage="enforce")

    async def scenario(running: Running) -> None:
        def counted() -> dict[tuple[str, str], int]:
            return dict(running.plane.events.list_updates)

        two = tmp_path / "two.txt"
        two.write_text("two.example\n")
        running.write(more)
        await running.plane.reload("test", "two lists")
        assert counted() == {("own", "ok"): 1, ("own", "unchanged"): 1, ("two", "ok"): 1}
        confirmed = running.plane.records.get("own").confirmed
        two.write_text("other.example\n")
        await running.plane.reload("test", "one of two changes")
        assert counted() == {("own", "ok"): 1, ("own", "unchanged"): 2, ("two", "ok"): 2}
        assert running.plane.records.get("own").confirmed != confirmed
        two.write_text("")
        await running.plane.reload("test", "one of two is bad")
        assert counted()["two", "refused"] == 1
        assert running.plane.events.list_refused == {("two", "empty"): 1}

    run(tmp_path, scenario)


def test_a_start_from_the_saved_image_compiles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(running: Running) -> None:
        assert await running.ask() == {tuple(BLOCKED)}

    async def compile_never(*_: object) -> None:
        raise AssertionError("there is nothing to compile")

    run(tmp_path, scenario)
    monkeypatch.setattr(plane_module, "compile_apart", compile_never)
    run(tmp_path, scenario)
    image = tmp_path / "state" / "lists.image"
    damaged = image.read_bytes()
    image.write_bytes(damaged[:-1] + bytes([damaged[-1] ^ 1]))
    monkeypatch.undo()
    run(tmp_path, scenario)
    assert image.read_bytes() != damaged[:-1] + bytes([damaged[-1] ^ 1])


def test_reloads_at_once_come_one_after_the_other(tmp_path: Path) -> None:
    async def scenario(running: Running) -> None:
        results = await asyncio.gather(
            *(running.plane.reload("test", str(number)) for number in range(10))
        )
        assert sorted(result.generation for result in results) == list(range(2, 12))
        assert {worker.serving for worker in running.plane.workers} == {11}

    run(tmp_path, scenario)


def test_a_worker_killed_in_the_middle_of_reloads(tmp_path: Path) -> None:
    async def scenario(running: Running) -> None:
        for number in range(2, 8):
            pid = running.plane.workers[number % WORKERS].pid
            if pid is not None:
                os.kill(pid, 9)
            stage, wanted = ("off", PASSED) if number % 2 else ("enforce", BLOCKED)
            running.write(CONFIG.format(stage=stage))
            await running.plane.reload("test", "flip")
            assert await running.ask() == {tuple(wanted)}

    run(tmp_path, scenario)


def test_nobody_can_change_a_generation_in_force(tmp_path: Path) -> None:
    async def scenario(running: Running) -> None:
        descriptors, _ = running.plane.served_generation()
        for descriptor in descriptors:
            for size in (10, 1 << 20):
                with pytest.raises(PermissionError):
                    os.ftruncate(descriptor, size)
            with pytest.raises(PermissionError):
                os.pwrite(descriptor, b"x", 0)

    run(tmp_path, scenario)


def test_descriptors_do_not_add_up(tmp_path: Path) -> None:
    async def scenario(running: Running) -> None:
        await running.plane.reload("test", "first")
        before = len(open_descriptors())
        for _ in range(20):
            await running.plane.reload("test", "again")
        assert len(open_descriptors()) <= before + 1

    run(tmp_path, scenario)


@pytest.mark.parametrize("option", BAD_DISKS)
def test_a_disk_that_takes_nothing_stops_no_change(
    tmp_path: Path, option: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        running = Running(tmp_path, tmp_path / "disk" / "state")
        filler = "# filler\n" * 1000
        running.write(CONFIG.format(stage="enforce") + filler)
        try:
            await running.start()
            assert "cannot be written" in caplog.text
            caplog.clear()
            assert await running.ask() == {tuple(BLOCKED)}
            running.write(CONFIG.format(stage="off") + filler)
            result = await running.plane.reload("test", "flip")
            assert result.result == "ok"
            assert any("cannot be written" in warning.message for warning in result.warnings)
            assert await running.ask() == {tuple(PASSED)}
        finally:
            await running.stop()

    with bad_disk(tmp_path / "disk", option):
        uvloop.run(play())
    assert "cannot be written" in caplog.text


def test_a_reload_keeps_the_secrets_of_cookies_to_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(running: Running) -> None:
        plane = running.plane
        taken = plane.generation.settings.cookie_secrets
        assert len(taken) == 1
        assert (tmp_path / "state" / "cookie-secrets.json").is_file()
        await plane.reload("test", "again")
        assert plane.generation.settings.cookie_secrets == taken
        told = [repr(plane.current), repr(plane.generation), repr(vars(plane)), caplog.text]
        for text in told:
            assert taken[0].hex() not in text
            assert repr(taken[0])[2:-1] not in text

    caplog.set_level("DEBUG")
    run(tmp_path, scenario)
