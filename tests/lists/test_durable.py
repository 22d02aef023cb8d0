"""Files are whole whatever happens: the old one or the new one, and nothing beside it."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from dnsguard.lists.durable import sweep, write_durably
from tests.support.child import KILLED, in_child, kill_at


@pytest.mark.parametrize("data", [b"", b"new", [b"n", b"", b"ew"], iter([b"new"])])
def test_what_is_written_is_there_and_alone(tmp_path: Path, data: bytes | list[bytes]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"much longer than the new one")
    write_durably(path, data)
    assert path.read_bytes() == (b"new" if data else b"")
    assert list(tmp_path.iterdir()) == [path]


def test_folders_are_made_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lists" / "partner" / "file"
    write_durably(path, b"new")
    for folder in path.parents[:3]:
        assert folder.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("left", [False, True], ids=["nothing left", "a write cut short"])
def test_a_secret_is_never_open_to_others(tmp_path: Path, left: bool) -> None:
    path = tmp_path / "secret"
    temporary = tmp_path / "secret.new"
    if left:
        temporary.write_bytes(b"half")

    def content() -> Iterator[bytes]:
        assert temporary.stat().st_mode & 0o777 == 0o600
        yield b"new"

    write_durably(path, content(), mode=0o600)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)


def test_a_write_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"ne"
        raise OSError("no more")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="no more"):
        write_durably(path, failing())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (path / "inner").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_durably(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_the_disk_has_the_content_before_the_name_and_the_name_before_the_end(
    tmp_path: Path,
) -> None:
    calls: list[str] = []

    def note(_frame: FrameType, event: str, called: object) -> None:
        name = getattr(called, "__name__", "")
        if event == "c_call" and name in {"mkdir", "fsync", "replace"}:
            calls.append(name)

    sys.setprofile(note)
    try:
        write_durably(tmp_path / "folder" / "file", b"new")
    finally:
        sys.setprofile(None)
    assert calls == ["mkdir", "fsync", "fsync", "replace", "fsync"]


def test_killed_at_any_step_the_file_is_the_old_or_the_new(tmp_path: Path) -> None:
    seen = []
    for step in itertools.count():
        path = tmp_path / str(step) / "file"
        path.parent.mkdir()
        path.write_bytes(b"old")

        def write(path: Path = path, step: int = step) -> None:
            kill_at(step)
            write_durably(path, [b"n", b"ew"])

        status = in_child(write)
        seen.append((status, path.read_bytes()))
        sweep(path.parent)
        assert list(path.parent.iterdir()) == [path]
        if status != KILLED:
            break
    assert seen[-1] == (0, b"new")
    assert {content for _, content in seen} == {b"old", b"new"}
    assert len(seen) > 12


def test_only_what_was_left_behind_is_swept(tmp_path: Path) -> None:
    for name in ("file", "file.new", "new", "000001.zst.new"):
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "new"}
    sweep(tmp_path / "never-made")
