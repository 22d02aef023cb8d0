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
from dnsguard.core.image import build_image
from dnsguard.lists.compiled import Compiled, seal
from tests.support.compiling import image_of, text_file

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


def test_a_write_that_fails_leaves_the_old_whole(state: StateDirectory) -> None:
    state.keep_config(SOURCES)
    large = "x" * 10_000
    with small_files_only(4096), pytest.raises(OSError, match="File too large"):
        state.keep_config([Source("/etc/dnsguard/dnsguard.yaml", large)])
    kept = state.last_config()
    assert kept is not None
    assert kept[0] == SOURCES
    assert json.loads((state.path / "accepted-config.json").read_bytes())


def test_compiled_lists_are_kept(state: StateDirectory) -> None:
    assert state.last_compiled() is None
    image = text_file(build_image([], seed=1))
    seal(image)
    state.keep_compiled(Compiled(image, {}))
    kept = state.last_compiled()
    assert kept is not None
    assert image_of(kept) == image_of(Compiled(image, {}))
    kept.close()
    os.close(image)
    (state.path / "lists.image").write_bytes(b"damaged")
    assert state.last_compiled() is None


def test_nobody_else_may_look_in(state: StateDirectory) -> None:
    state.keep_config(SOURCES)
    assert state.path.stat().st_mode & 0o007 == 0
