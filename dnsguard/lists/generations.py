"""The accepted versions of each list on disk, so that there is always a last good one."""

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dnsguard.lists.errors import ListError
from dnsguard.lists.folder import ListFolder
from dnsguard.lists.records import Hold, LastResult, ListGeneration, ListRecord

_log = logging.getLogger(__name__)


class GenerationStore:
    """A folder that has one folder for each list, by its name in the config.

    A generation's file is written before the record that names it, and removed after the first
    record that does not. So whenever the program is stopped, what the record names is whole.

    Methods that change something return the new record, or raise OSError and leave the last
    good generation. A list that leaves the config keeps its folder: it may come back.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def record(self, name: str) -> ListRecord:
        """Return what is known of a list; what is missing is empty.

        It never fails and changes nothing, so other processes may ask, too.
        """
        with self._lock:
            folder = self._list(name)
            try:
                return folder.load()
            except OSError as error:
                _log.warning("%s cannot be read: %s: mend it", folder.path, error.strerror)
            with suppress(OSError):
                return folder.recognise()
            return ListRecord(())

    def read(self, name: str, generation: ListGeneration, max_size: int) -> bytes:
        """Return a generation as it was served. Raises ListError; then try the next older one.

        A damaged one leaves the record, so that the list's source is asked for it again.
        """
        return self._list(name).read(generation, max_size)

    def accept(
        self,
        name: str,
        generation: ListGeneration,
        data: bytes | memoryview,
        *,
        keep: int,
        validators: Mapping[str, tuple[str | None, str | None]],
        next_try: float | None = None,
    ) -> ListRecord:
        """Keep a version that passed the guards; `data` is what was served.

        If that is the newest generation once more, it is confirmed and nothing else. Kept are
        the `keep` newest generations, at least two, and the one in force. `validators` are of
        the mirror that sent it; those of other mirrors end, since they confirm an older version.
        """
        with self._lock:
            folder = self._list(name)
            record = folder.load(to_change=True)
            sha256 = hashlib.sha256(data).hexdigest()
            if record.generations and record.generations[0].sha256 == sha256:
                confirmed = _confirm(
                    record, generation.accepted, generation.source, validators, next_try
                )
                folder.save(confirmed)
                return confirmed
            number = record.last_number + 1
            new = replace(generation, number=number, sha256=sha256, size=len(data))
            accepted = replace(
                record,
                generations=(new, *record.generations),
                last_number=number,
                confirmed=new.accepted,
                validators=validators,
                last=LastResult(new.accepted, "ok", "", "", new.source),
                next_try=next_try,
                failures=0,
            ).without_old(keep)
            folder.add(accepted, data)
            return accepted

    def confirm(
        self,
        name: str,
        *,
        at: float,
        source: str,
        validators: Mapping[str, tuple[str | None, str | None]] | None = None,
        next_try: float | None = None,
    ) -> ListRecord:
        """Note that a source still has the newest generation: by HTTP status 304 or its text."""
        return self._change(
            name, lambda record: _confirm(record, at, source, validators or {}, next_try)
        )

    def note_failure(
        self, name: str, last: LastResult, *, next_try: float | None = None
    ) -> ListRecord:
        """Note an update that was refused or failed."""
        return self._change(
            name,
            lambda record: replace(
                record, last=last, next_try=next_try, failures=record.failures + 1
            ),
        )

    def hold(self, name: str, hold: Hold) -> ListRecord:
        """Keep a generation in force until it is released. Raises ListError if there is none."""

        def change(record: ListRecord) -> ListRecord:
            numbers = [generation.number for generation in record.generations]
            if hold.generation not in numbers:
                known = ", ".join(map(str, numbers)) or "none"
                raise ListError(f"there is no generation {hold.generation}: there is {known}")
            return replace(record, hold=hold)

        return self._change(name, change)

    def release(self, name: str) -> ListRecord:
        """Have the newest generation in force again."""
        return self._change(name, lambda record: replace(record, hold=None))

    def _change(self, name: str, change: Callable[[ListRecord], ListRecord]) -> ListRecord:
        with self._lock:
            folder = self._list(name)
            record = change(folder.load(to_change=True))
            folder.save(record)
            return record

    def _list(self, name: str) -> ListFolder:
        return ListFolder(self.folder / name)


def _confirm(
    record: ListRecord,
    at: float,
    source: str,
    validators: Mapping[str, tuple[str | None, str | None]],
    next_try: float | None,
) -> ListRecord:
    last = LastResult(at, "unchanged", "", "", source)
    tried = replace(record, last=last, next_try=next_try, failures=0)
    if not record.generations:
        # It went meanwhile: with validators, its source would not send it once more.
        return tried
    return replace(tried, confirmed=at, validators={**record.validators, **validators})
