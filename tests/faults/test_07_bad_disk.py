"""Fault row 7: the disk is read-only, has no inodes left, fails, or lost a folder.

A full one is the subject of tests/scenarios/test_lists_full_disk.py.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.faults.driver import REGISTERED, SECONDS, UNREGISTERED, under_load
from tests.support.customized import customized
from tests.support.list_city import COMMON, NAME, City, running_city
from tests.support.list_server import BLOCKED, FORWARDED, one_line, update
from tests.support.steady_load import Kind

KINDS = (
    Kind("cached", UNREGISTERED, lambda turn: f"cached{turn % 8}.example.org", FORWARDED),
    Kind("fresh", UNREGISTERED, lambda turn: f"n{turn}.example.net", FORWARDED),
    Kind("blocked", REGISTERED, lambda _: COMMON, BLOCKED),
)
Fault = Callable[[City], AbstractContextManager[None]]

# What is written is on the disk only once fsync(2) says so; a broken disk is found out there.
_BROKEN_DISK = """\
import errno, os, pathlib
here = pathlib.Path(__file__).parent
real = os.fsync
def fsync(descriptor):
    if (here / "broken").exists():
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    real(descriptor)
os.fsync = fsync
"""


@contextmanager
def broken(city: City) -> Iterator[None]:
    """Have the disk fail for the length of a block."""
    flag = city.server.folder / "broken"
    flag.touch()
    try:
        yield
    finally:
        flag.unlink()


UNWRITABLE: dict[str, Fault] = {
    "Read-only file system": lambda city: city.disk.read_only(),
    "No space left on device": lambda city: city.disk.without_inodes(),
    "Input/output error": broken,
}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with running_city(tmp_path, environ=customized(tmp_path, _BROKEN_DISK)) as started:
        yield started


def test_a_version_goes_live_whatever_the_disk_does_and_is_kept_once_it_can_be(city: City) -> None:
    version = 1
    with under_load(city.server, kinds=KINDS, same_policy=False) as load:
        for reason, fault in UNWRITABLE.items():
            version += 1
            city.serve(version)
            logged = len(city.server.log())
            with fault(city):
                during = load.during(reason, lambda: change(city))
                city.check(serves=version, keeps=[1])
            during.check_right("cached", "fresh", "blocked")
            text = f"what list {NAME} came to cannot be written ({reason})"
            wait_for_log(city, text, logged)
            assert leftovers(city) == []
        assert city.server.reload().json()["result"] == "ok"
        city.check(serves=version, keeps=[version, 1])

        shutil.rmtree(city.disk.path / "lists")
        city.serve(version + 1)
        load.during("no folder", lambda: change(city)).check_right("cached", "fresh", "blocked")
        city.check(serves=version + 1, keeps=[version + 1])
    city.restart()
    city.check(serves=version + 1, keeps=[version + 1])


def wait_for_log(city: City, text: str, logged: int) -> None:
    """Wait until the log says something behind a place: it is written by a thread."""
    city.server.wait_for(lambda: text in one_line(city.server.log()[logged:]))


def change(city: City) -> None:
    """Update the list, and wait so long that what the disk does would be felt."""
    assert update(city.server, NAME)[NAME]["result"] == "ok"
    time.sleep(SECONDS)


def leftovers(city: City) -> list[Path]:
    """Return what was begun and is not whole."""
    return list(city.disk.path.rglob("*.new"))
