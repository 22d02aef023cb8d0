"""Fault row 9: the files in the state directory are empty, cut off, damaged or of the future.

A list has two versions on disk, and its server does not answer until dnsguard has started.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from dnsguard.lists.errors import ListError
from dnsguard.lists.generations import GenerationStore
from tests.faults.driver import check_health, long
from tests.support.list_city import COMMON, COUNT, NAME, City, running_city
from tests.support.list_server import (
    BLOCKED,
    FORWARDED,
    make_list,
    marker,
    metric,
    update,
    verdicts,
)

OLD, NEW = 1, 2
OWN = "own.example.org"
"""What the config itself blocks."""

CONFIG, IMAGE, SECRETS = "accepted-config.json", "lists.image", "cookie-secrets.json"
RECORD = f"lists/{NAME}/record.json"
NEWEST, OLDEST = f"lists/{NAME}/000002.zst", f"lists/{NAME}/000001.zst"
EVERY = (CONFIG, IMAGE, SECRETS, RECORD, NEWEST, OLDEST)


def without_a_bit(data: bytes) -> bytes:
    """Return a file in which one bit in the middle is another."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


def of_the_future(data: bytes) -> bytes:
    """Return a file whose version, where it has one, is one that nobody knows yet."""
    return data.replace(b'"version": 1', b'"version": 999', 1).replace(b"gsav1", b"gsav9", 1)


DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda data: data[: len(data) // 2],
    "zeros": lambda data: bytes(len(data)),
    "a bit": without_a_bit,
    "of the future": of_the_future,
}


class State(NamedTuple):
    """A server, and what is in its state directory when all is well."""

    city: City
    files: Mapping[str, bytes]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    with running_city(tmp_path_factory.mktemp("city"), block=[OWN]) as city:
        city.serve(NEW)
        assert city.update() == "ok"
        city.check(serves=NEW, keeps=[NEW, OLD])
        files = {name: (city.disk.path / name).read_bytes() for name in EVERY}
        yield State(city, files)


def test_what_is_cut_off_gives_way_to_an_older_version(state: State) -> None:
    start_after(state, dict.fromkeys((CONFIG, IMAGE, SECRETS, RECORD, NEWEST), "half"), serves=OLD)


def test_what_a_later_version_wrote_is_read_or_made_anew(state: State) -> None:
    start_after(state, dict.fromkeys(EVERY, "of the future"), serves=NEW)


def test_with_nothing_left_it_starts_and_says_what_it_does_not_enforce(state: State) -> None:
    start_after(state, dict.fromkeys(EVERY, "empty"), serves=None)


@long
@pytest.mark.parametrize(("name", "damage"), list(itertools.product(EVERY, DAMAGES)))
def test_one_damaged_file_changes_nothing(state: State, name: str, damage: str) -> None:
    start_after(state, {name: damage}, serves=NEW)


def start_after(state: State, damages: Mapping[str, str], serves: int | None) -> None:
    """Damage files and start: check which version is in force, and that all is well again soon."""
    city, server = state.city, state.city.server
    assert server.stop() == 0
    for path in filter(Path.is_file, city.disk.path.rglob("*")):
        path.unlink()  # what an earlier start has made of damaged files, too
    for name, data in state.files.items():
        damage = DAMAGES[damages[name]] if name in damages else bytes
        (city.disk.path / name).write_bytes(damage(data))
    logged = len(server.log())
    city.nginx.pause()
    try:
        server.start()
        check_verdicts(city, serves)
        enforcing = metric(server, "policy_enforcing", policy="ban")
    finally:
        city.nginx.resume()
    assert enforcing == (serves is not None)
    server.wait_for(lambda: metric(server, "policy_enforcing", policy="ban") == 1)
    assert update(server, NAME)[NAME]["result"] in {"ok", "unchanged"}
    check_verdicts(city, NEW)
    # What an image was made of is read again only when there is another image to make.
    newest = (NEW, OLD) if damages.keys() == {NEWEST} else (NEW,)
    assert whole(city)[0] in [make_list(version, count=COUNT) for version in newest]
    check_health(server, logged)


def whole(city: City) -> list[bytes]:
    """Return the versions on disk that are not damaged, the newest first."""
    store = GenerationStore(city.disk.path / "lists")
    found = []
    for generation in store.record(NAME).generations:
        with suppress(ListError):
            found.append(store.read(NAME, generation, 1 << 20))
    return found


def check_verdicts(city: City, serves: int | None) -> None:
    """Check that one version, or none, is in force, beside what the config blocks."""
    expected = dict.fromkeys((COMMON, marker(OLD), marker(NEW), "www.example.org"), FORWARDED)
    if serves is not None:
        expected |= {COMMON: BLOCKED, marker(serves): BLOCKED}
    expected[OWN] = BLOCKED
    assert verdicts(city.server, *expected) == expected
