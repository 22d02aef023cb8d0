"""What is known of each list, in memory and on disk: a full disk costs what survives a restart."""

import logging
import mmap
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from dnsguard.control.loading import Accepted
from dnsguard.control.selection import Offer
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import Hold, LastResult, ListGeneration, ListRecord

_log = logging.getLogger(__name__)


class ListRecords:
    """The records of the lists that are stored. What cannot be written is logged and returned."""

    def __init__(self, store: GenerationStore) -> None:
        self._store = store
        self._records: dict[str, ListRecord] = {}
        self.unwritten: dict[str, Offer] = {}
        """The versions in force that the disk did not take: they are all there is of them."""

    def get(self, name: str) -> ListRecord:
        """Return what is known of a list."""
        if name not in self._records:
            self._records[name] = self._store.record(name)
        return self._records[name]

    def read(self, name: str) -> ListRecord:
        """Return what the disk has of a list, which another process may have mended."""
        self._records.pop(name, None)
        return self.get(name)

    def accept(self, accepted: Accepted) -> str | None:
        """Keep a version that went live; return what could not be written."""
        now = time.time()
        version, difference = accepted.compiled.version, accepted.difference
        generation = ListGeneration(
            source=accepted.source,
            accepted=now,
            format=version["format"],
            names=version["names"],
            addresses=version["addresses"],
            dropped=version["dropped"],
            added=difference["added"] if difference else None,
            removed=difference["removed"] if difference else None,
            added_sample=tuple(difference["added_sample"]) if difference else (),
            removed_sample=tuple(difference["removed_sample"]) if difference else (),
            signature=accepted.signature,
        )

        def write() -> ListRecord:
            # Not closed by hand: the traceback of an error holds it still.
            text = mmap.mmap(accepted.descriptor, 0, prot=mmap.PROT_READ)
            return self._store.accept(
                accepted.name,
                generation,
                memoryview(text),
                keep=accepted.settings.keep,
                validators=accepted.validators,
                next_try=accepted.next_try,
            )

        last = LastResult(now, "ok", "", "", accepted.source)
        failure = self._change(
            accepted.name, write, last, confirmed=now, next_try=accepted.next_try
        )
        earlier = self.unwritten.pop(accepted.name, None)
        if failure is not None:
            self.unwritten[accepted.name] = Offer(
                accepted.settings,
                os.dup(accepted.descriptor),
                accepted.compiled.key.sha256,
                accepted.source,
                accepted.validators,
                accepted.signature,
                accepted.next_try,
            )
        if earlier is not None:
            os.close(earlier.descriptor)
        return failure

    def confirm(
        self,
        name: str,
        source: str,
        at: float,
        *,
        validators: Mapping[str, tuple[str | None, str | None]] | None = None,
        next_try: float | None = None,
    ) -> str | None:
        """Note that a source still has the newest generation; return what could not be written."""
        last = LastResult(at, "unchanged", "", "", source)

        def write() -> ListRecord:
            return self._store.confirm(
                name, at=at, source=source, validators=validators or {}, next_try=next_try
            )

        return self._change(name, write, last, confirmed=at, next_try=next_try)

    def note_failure(
        self, name: str, last: LastResult, *, next_try: float | None = None
    ) -> str | None:
        """Note an update that was refused or failed; return what could not be written."""

        def write() -> ListRecord:
            return self._store.note_failure(name, last, next_try=next_try)

        return self._change(name, write, last, confirmed=None, next_try=next_try)

    def hold(self, name: str, hold: Hold) -> None:
        """Have a generation in force until `release`. Raises ListError, OSError."""
        self._records[name] = self._store.hold(name, hold)

    def release(self, name: str) -> None:
        """Have the newest generation in force. Raises OSError."""
        self._records[name] = self._store.release(name)

    def _change(
        self,
        name: str,
        write: Callable[[], ListRecord],
        last: LastResult,
        *,
        confirmed: float | None,
        next_try: float | None,
    ) -> str | None:
        known = self.get(name)
        try:
            self._records[name] = write()
        except OSError as error:
            text = (
                f"what list {name} came to cannot be written ({error.strerror}): a restart would "
                "know an older state of it; check that the disk is not full and who owns it"
            )
            _log.error("%s", text)
            self._records[name] = replace(
                known,
                last=replace(last, message="; ".join(filter(None, (last.message, text)))),
                next_try=next_try,
                confirmed=known.confirmed if confirmed is None else confirmed,
                failures=known.failures + 1 if confirmed is None else 0,
            )
            return text
        return None
