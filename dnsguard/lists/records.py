"""What is known of a list over restarts: its generations, its hold, how its updates went.

Much of it comes from a list's publisher, and all of it from a file that may be damaged. So each
value here, however it came to be, has the types it says, and text that is short and printable.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from dnsguard.lists.errors import Reason
from dnsguard.text import printable

Result = Literal["ok", "unchanged", "refused", "failed"]
"""How an update went: the `result` of `dnsguard_list_updates_total`."""

MAX_TEXT = 1_000
MAX_TIME = 2**35  # the year 3058
MAX_SAMPLES = 10
_MAX_VALIDATORS = 100
_MAX_COUNTED = 10**8
_VERSION = 1

_strict = ConfigDict(strict=True)


def _shorten(value: object) -> object:
    return printable(value[:MAX_TEXT])[:MAX_TEXT] if isinstance(value, str) else value


def _keep_unchanged(
    validators: Mapping[str, tuple[str | None, str | None]],
) -> dict[str, tuple[str | None, str | None]]:
    # Shortened or escaped they would be others, and ask for something else.
    kept = [
        (mirror, pair)
        for mirror, pair in validators.items()
        if all(_shorten(text) == text for text in (mirror, *pair))
    ]
    return dict(kept[:_MAX_VALIDATORS])


Count = Annotated[int, Field(ge=0, le=2**53)]
Time = Annotated[float, Field(ge=0, le=MAX_TIME)]
Text = Annotated[str, BeforeValidator(_shorten)]
Samples = Annotated[tuple[Text, ...], AfterValidator(lambda samples: samples[:MAX_SAMPLES])]
Validators = Annotated[Mapping[str, tuple[str | None, str | None]], AfterValidator(_keep_unchanged)]
"""ETag and Last-Modified, by the URL of the mirror that sent them."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_strict)
class ListGeneration:
    """One accepted version of a list.

    The store numbers it (1, 2, ..., never reused) and fills in the hash and the size in octets
    of the list as it was served. `added` and `removed` compare it with the one before, None
    for the first. Of a generation found without its record only what its file tells is known.
    """

    number: Count = 0
    source: Text
    accepted: Time
    sha256: Text = ""
    size: Count = 0
    format: Text
    names: Count
    addresses: Count
    dropped: Mapping[Text, Count]
    added: Count | None
    removed: Count | None
    added_sample: Samples = ()
    removed_sample: Samples = ()
    signature: Text | None = None
    """The trusted comment of its signature."""


@dataclass(frozen=True, slots=True, config=_strict)
class Hold:
    """A rollback, until it is released."""

    generation: Count
    since: Time
    actor: Text
    reason: Text


@dataclass(frozen=True, slots=True, config=_strict)
class LastResult:
    """How the latest update went; `reason` is for a refused one, else empty."""

    at: Time
    result: Result
    reason: Reason | Literal[""]
    message: Text
    source: Text


@dataclass(frozen=True, slots=True, config=_strict)
class ListRecord:
    """All that is known of a list.

    `generations` has the newest first, `confirmed` is when a source last confirmed that one,
    and `validators` are of sources that have that very one. `failures` counts updates in a row.
    """

    generations: tuple[ListGeneration, ...]
    last_number: Count = 0
    hold: Hold | None = None
    confirmed: Time | None = None
    validators: Validators = Field(default_factory=dict)
    last: LastResult | None = None
    next_try: Time | None = None
    failures: Count = 0

    @property
    def current(self) -> ListGeneration | None:
        """The newest generation; under a hold the held one, or the next older if that is gone."""
        newest = self.generations[0] if self.generations else None
        if self.hold is None:
            return newest
        held = self.hold.generation
        return next((found for found in self.generations if found.number <= held), newest)

    def with_only(self, numbers: Collection[int]) -> Self:
        """Return the record without the generations that are not there."""
        there = tuple(found for found in self.generations if found.number in numbers)
        if there[:1] == self.generations[:1]:
            return replace(self, generations=there)
        # What validators confirm is the newest, which is gone: have it sent once more.
        return replace(self, generations=there, confirmed=None, validators={})

    def without_old(self, keep: int) -> Self:
        """Return the record with the newest `keep` generations, at least two, and the current."""
        newest = self.generations[: max(keep, 2)]
        kept = (found for found in self.generations if found in newest or found == self.current)
        return replace(self, generations=tuple(kept))


@dataclass(frozen=True, slots=True, config=_strict)
class _Document:
    version: int
    record: ListRecord


_documents = TypeAdapter(_Document)


def compose_record(record: ListRecord) -> bytes:
    """Return a record as JSON."""
    return _documents.dump_json(_Document(_VERSION, record), indent=1)


def parse_record(data: bytes) -> ListRecord:
    """Return the record that `compose_record` wrote. Raises ValueError."""
    record = _documents.validate_json(data).record
    numbers = [record.last_number + 1, *(found.number for found in record.generations), 0]
    if any(newer <= older for newer, older in pairwise(numbers)):
        raise ValueError("the generations are not in order")
    if max(record.last_number, record.failures) > _MAX_COUNTED:
        raise ValueError("there is no room to count on")
    return record
