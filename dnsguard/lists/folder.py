"""The files of one list in the state directory, and what can be made of damaged ones."""

import hashlib
import logging
import re
from contextlib import suppress
from pathlib import Path

from dnsguard.lists.compression import compress, compression, decompress
from dnsguard.lists.durable import sweep, write_durably
from dnsguard.lists.errors import ListError, Refused
from dnsguard.lists.records import (
    MAX_TIME,
    ListGeneration,
    ListRecord,
    compose_record,
    parse_record,
)

_GENERATION = re.compile(r"([0-9]{6,8})\.zst(\.damaged)?")
_MAX_RECORD = 2**26
_MAX_FOUND = 2**30  # octets of the largest generation that is found again without a record

_log = logging.getLogger(__name__)


class ListFolder:
    """`record.json` and, for each generation, `000012.zst`: the list as it was served.

    Methods raise OSError where they say nothing else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._record = path / "record.json"

    def load(self, *, to_change: bool = False) -> ListRecord:
        """Return the record without the generations whose file is gone.

        Instead of a damaged one it is made anew from the generations that are whole; who loads
        it to change it sets the damaged one aside.
        """
        try:
            with self._record.open("rb") as file:
                return parse_record(file.read(_MAX_RECORD)).with_only(self._numbers())
        except FileNotFoundError:
            pass
        except ValueError:
            _log.warning(
                "%s is damaged: the list's generations are found again, but a rollback is not: "
                "repeat it",
                self._record,
            )
            if to_change:
                _set_aside(self._record)
        return self.recognise()

    def recognise(self) -> ListRecord:
        """Return a record of the generations that are whole; only what their files tell."""
        found = [_recognise(self._generation(n), n) for n in sorted(self._numbers(), reverse=True)]
        return ListRecord(
            generations=tuple(generation for generation in found if generation),
            last_number=max(self._files().values(), default=0),
        )

    def save(self, record: ListRecord) -> None:
        """Put a record in place of the one before."""
        write_durably(self._record, compose_record(record))

    def add(self, record: ListRecord, data: bytes | memoryview) -> None:
        """Save a record whose newest generation is `data`; remove those that it does not name."""
        generation = self._generation(record.generations[0].number)
        sweep(self.path)
        write_durably(generation, compress(data))
        try:
            self.save(record)
        except OSError:
            with suppress(OSError):
                generation.unlink()
            raise
        self._remove_unnamed(record)

    def read(self, generation: ListGeneration, max_size: int) -> bytes:
        """Return a generation as it was served. Raises ListError; a damaged one is set aside."""
        path = self._generation(generation.number)
        place = f"generation {generation.number}"
        try:
            data = _read(path, max_size)
            if hashlib.sha256(data).hexdigest() == generation.sha256:
                return data
        except OSError as error:
            raise ListError(f"{place} cannot be read ({error.strerror}): mend {path}") from None
        except Refused as refused:
            if refused.reason == "size":
                raise ListError(f"{place} cannot be used: {refused}") from None
        _set_aside(path)
        raise ListError(f"{place} is damaged: update the list, or roll back to another generation")

    def _generation(self, number: int) -> Path:
        return self.path / f"{number:06d}.zst"

    def _files(self) -> dict[Path, int]:
        try:
            found = [(path, _GENERATION.fullmatch(path.name)) for path in self.path.iterdir()]
        except FileNotFoundError:
            return {}
        return {path: int(match[1]) for path, match in found if match}

    def _numbers(self) -> set[int]:
        return {n for path, n in self._files().items() if n and path == self._generation(n)}

    def _remove_unnamed(self, record: ListRecord) -> None:
        named = {self._generation(generation.number) for generation in record.generations}
        with suppress(OSError):
            for path in self._files().keys() - named:
                path.unlink()


def _read(path: Path, max_size: int) -> bytes:
    limit = max_size + max_size // 128 + 1_024  # what cannot be compressed grows a little
    with path.open("rb") as file:
        stored = file.read(limit + 1)
    if len(stored) > limit:
        raise Refused("size", f"it has more than {max_size} octets: raise max_size")
    if compression(stored) != "zstd":
        raise Refused("compression", "it is not zstd data")
    return decompress(stored, max_size)


def _recognise(path: Path, number: int) -> ListGeneration | None:
    try:
        data = _read(path, _MAX_FOUND)
        written = path.stat().st_mtime
    except (OSError, Refused):
        return None
    return ListGeneration(
        number=number,
        source="",
        accepted=min(max(written, 0), MAX_TIME),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        format="",
        names=0,
        addresses=0,
        dropped={},
        added=None,
        removed=None,
    )


def _set_aside(path: Path) -> None:
    with suppress(OSError):
        path.replace(path.with_name(path.name + ".damaged"))
