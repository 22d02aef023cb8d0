"""What survives a restart, and that whatever happens leaves whole files."""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dnsguard.config import Source
from dnsguard.control.state import StateDirectory

SOURCES = (Source("/etc/dnsguard/dnsguard.yaml", "a: b\n"), Source("/etc/x.yaml", "é: 1\n"))


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")


@contextmanager
def small_files_only(size: int) -> Iterator[None]:
    """Make every write past a size fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_last_config_kept_is_the_one_read(state: StateDirectory) -> None:
    assert state.last_config() is None
    state.keep_config(SOURCES[:1])
    state.keep_config(SOURCES)
    kept = state.last_config()
    assert kept is not None
    assert kept[0] == SOURCES


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"{", b"\xff", b"[]", b"{}", b"1", b'{"sources": 1}'),
        *(b'{"sources": [{}], "accepted": 1}', b'{"sources": [], "accepted": "x"}'),
    ],
)
def test_a_damaged_record_is_none(state: StateDirectory, damage: bytes) -> None:
    state.keep_config(SOURCES)
    (state.path / "accepted-config.json").write_bytes(damage)
    assert state.last_config() is None


def test_lists_are_kept_by_name(state: StateDirectory) -> None:
    assert state.last_list("own") is None
    state.keep_list("own", b"example.org\n")
    state.keep_list("other", b"example.net\n")
    kept = state.last_list("own")
    assert kept is not None
    assert kept.text == b"example.org\n"


def test_an_unchanged_list_is_not_written_again_but_confirmed(state: StateDirectory) -> None:
    state.keep_list("own", b"example.org\n")
    path = state.path / "lists" / "own.txt"
    number = path.stat().st_ino
    os.utime(path, (1000.0, 1000.0))
    state.keep_list("own", b"example.org\n")
    kept = state.last_list("own")
    assert kept is not None
    assert kept.confirmed > 1000.0
    assert path.stat().st_ino == number


def test_a_write_that_fails_leaves_the_old_whole(state: StateDirectory) -> None:
    state.keep_config(SOURCES)
    state.keep_list("own", b"example.org\n")
    large = "x" * 10_000
    with small_files_only(4096):
        with pytest.raises(OSError, match="File too large"):
            state.keep_config([Source("/etc/dnsguard/dnsguard.yaml", large)])
        with pytest.raises(OSError, match="File too large"):
            state.keep_list("own", large.encode())
    kept = state.last_config()
    assert kept is not None
    assert kept[0] == SOURCES
    kept_list = state.last_list("own")
    assert kept_list is not None
    assert kept_list.text == b"example.org\n"
    state.keep_list("own", large.encode())
    assert json.loads((state.path / "accepted-config.json").read_bytes())


def test_nobody_else_may_look_in(state: StateDirectory) -> None:
    state.keep_config(SOURCES)
    assert state.path.stat().st_mode & 0o007 == 0
