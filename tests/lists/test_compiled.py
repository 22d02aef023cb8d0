"""The image of the lists and the file that saves it: whole, or as if it were not there."""

import errno
import hashlib
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnsguard.core.image import Group, Image, Kind, build_image
from dnsguard.core.names import from_text
from dnsguard.lists.compile import VersionDocument
from dnsguard.lists.compiled import Compiled, CompiledList, Key, load, save, seal
from tests.support.compiling import image_of, text_file
from tests.support.descriptors import open_descriptors

HEADER = struct.Struct("<8s32sQ")  # magic, digest, size of the catalogue


def version(parts: int) -> VersionDocument:
    return {
        "sha256": "ab" * 32,
        "size": 12,
        "format": "domains",
        "names": 1,
        "addresses": 0,
        "dropped": {"top-level": 1},
        "passed_over": {},
        "notes": ["line 3: é"],
        "parts": [{"effect": 0, "answer": "data", "records": [(1, 5, "c0000201")]}] * parts,
    }


@pytest.fixture
def compiled() -> Iterator[Compiled]:
    image = build_image([Group(1, Kind.SUFFIX, [from_text("example.org")])], seed=1)
    lists = {
        "own": CompiledList(Key("ab" * 32, "auto", None, "cd" * 32), 0, version(1)),
        "partner": CompiledList(Key("ef" * 32, "hosts", "exact", "cd" * 32), 1, version(2)),
    }
    made = Compiled(text_file(image), lists)
    seal(made.descriptor)
    yield made
    made.close()


@pytest.fixture
def saved(tmp_path: Path, compiled: Compiled) -> Path:
    path = tmp_path / "lists.image"
    save(path, compiled)
    return path


def reloaded(path: Path) -> Compiled:
    found = load(path)
    assert found is not None
    return found


def refused(path: Path, octets: bytes) -> bool:
    """Tell whether these octets are as if there were none."""
    path.write_bytes(octets)
    found = load(path)
    if found is not None:
        found.close()
    return found is None


def test_what_is_saved_is_loaded(saved: Path, compiled: Compiled) -> None:
    found = reloaded(saved)
    assert json.dumps(found.lists["own"].version) == json.dumps(version(1))
    assert {name: (entry.key, entry.first) for name, entry in found.lists.items()} == {
        name: (entry.key, entry.first) for name, entry in compiled.lists.items()
    }
    assert found.parts == compiled.parts == 3
    assert image_of(found) == image_of(compiled)
    [match] = Image(image_of(found)).find(from_text("www.example.org"))
    assert match.list_id == 1
    found.close()


def test_a_loaded_image_cannot_be_changed(saved: Path, compiled: Compiled) -> None:
    found = reloaded(saved)
    for descriptor in (found.descriptor, compiled.descriptor):
        for change in (lambda fd: os.pwrite(fd, b"x", 0), lambda fd: os.ftruncate(fd, 1)):
            with pytest.raises(PermissionError):
                change(descriptor)
    found.close()


def test_it_is_its_own_copy(saved: Path, compiled: Compiled) -> None:
    found = reloaded(saved)
    with saved.open("r+b") as file:
        file.seek(-20, os.SEEK_END)
        file.write(bytes(20))
    assert image_of(found) == image_of(compiled)
    found.close()


def test_what_is_not_there_or_no_file_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "nothing") is None
    assert load(tmp_path) is None


def test_any_octet_that_changed_is_noticed(saved: Path) -> None:
    whole = saved.read_bytes()
    before = open_descriptors()
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1 << position % 8
        assert refused(saved, bytes(changed)), position
    assert open_descriptors() == before


def test_any_octet_that_is_missing_or_too_much_is_noticed(saved: Path) -> None:
    whole = saved.read_bytes()
    before = open_descriptors()
    for size in range(len(whole)):
        assert refused(saved, whole[:size]), size
    assert refused(saved, whole + b"\x00")
    assert open_descriptors() == before


def test_one_of_another_version_is_none(saved: Path) -> None:
    assert refused(saved, b"dnsgsav0" + saved.read_bytes()[8:])


@pytest.mark.parametrize(
    "catalogue",
    [
        *(b"", b"[]", b"1", b"null", b"\xff", b'{"own": 1}', b'{"own": {}}'),
        b'{"own": {"key": ["a"], "first": 0, "version": {}}}',
        b'{"own": {"key": 1, "first": 0, "version": {}}}',
        b'{"own": {"key": ["a", "b", null, "c"], "version": {}}}',
    ],
)
def test_a_catalogue_that_is_none_is_none(saved: Path, catalogue: bytes) -> None:
    digest = hashlib.sha256(catalogue + b"image").digest()
    assert refused(saved, HEADER.pack(b"dnsgsav1", digest, len(catalogue)) + catalogue + b"image")


def test_a_save_that_fails_leaves_the_one_before(
    saved: Path, compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    whole = saved.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="full"):
            save(saved, Compiled(compiled.descriptor, {}))
    assert saved.read_bytes() == whole
    assert list(saved.parent.iterdir()) == [saved]
