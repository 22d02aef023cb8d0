"""Compiled lists: an image in memory with what is in it, and the file that saves both."""

import fcntl
import hashlib
import json
import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from struct import error as struct_error
from typing import Any, NamedTuple

from dnsguard.lists.compile import VersionDocument
from dnsguard.lists.durable import write_durably

_MAGIC = b"dnsgsav1"
_HEADER = Struct("<8s32sQ")
_CHUNK = 1 << 20
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


class Key(NamedTuple):
    """What a list was compiled from: equal keys make equal rules."""

    sha256: str
    format: str
    match: str | None
    screening: str


@dataclass(frozen=True, slots=True)
class CompiledList:
    """A list in an image; its rules have `first` and the numbers after it, one for each part."""

    key: Key
    first: int
    version: VersionDocument


@dataclass(frozen=True)
class Compiled:
    """An image in a sealed file in memory, and the lists in it by name."""

    descriptor: int
    lists: Mapping[str, CompiledList]

    @property
    def parts(self) -> int:
        """How many numbers of lists the image has."""
        return sum(len(found.version["parts"]) for found in self.lists.values())

    def close(self) -> None:
        """Give the image up; who has mapped it keeps it."""
        os.close(self.descriptor)


def seal(descriptor: int) -> None:
    """Let nobody change a file in memory any more. Raises OSError."""
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)


def save(path: Path, compiled: Compiled) -> None:
    """Save compiled lists durably. Raises OSError."""
    catalogue = json.dumps(
        {
            name: {"key": found.key, "first": found.first, "version": found.version}
            for name, found in compiled.lists.items()
        }
    ).encode()
    with mmap.mmap(compiled.descriptor, 0, prot=mmap.PROT_READ) as image:
        digest = hashlib.sha256(catalogue)
        digest.update(image)
        header = _HEADER.pack(_MAGIC, digest.digest(), len(catalogue))
        write_durably(path, _parts(header, catalogue, image))


def load(path: Path) -> Compiled | None:
    """Return saved compiled lists; None when there are none, or what is there is not whole."""
    try:
        with path.open("rb", buffering=0) as file:
            return _load(file)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, struct_error):
        return None


def _parts(header: bytes, catalogue: bytes, image: mmap.mmap) -> Iterator[bytes]:
    yield header
    yield catalogue
    for start in range(0, len(image), _CHUNK):
        yield image[start : start + _CHUNK]


def _load(file: Any) -> Compiled | None:  # noqa: ANN401, a raw file has no better type
    magic, expected, size = _HEADER.unpack(file.read(_HEADER.size))
    if magic != _MAGIC or size > os.fstat(file.fileno()).st_size:
        return None
    catalogue = file.read(size)
    digest = hashlib.sha256(catalogue)
    descriptor = os.memfd_create("dnsguard-lists", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(descriptor, "wb", buffering=0, closefd=False) as copy:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                copy.write(chunk)
        if digest.digest() != expected:
            raise ValueError
        seal(descriptor)
        lists = {
            name: CompiledList(Key(*entry["key"]), entry["first"], entry["version"])
            for name, entry in json.loads(catalogue).items()
        }
    except BaseException:
        os.close(descriptor)
        raise
    return Compiled(descriptor, lists)
