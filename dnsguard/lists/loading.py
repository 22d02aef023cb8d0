"""From where a list comes to the rules it gives: read, parse, screen."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from dnsguard.lists import bundled
from dnsguard.lists.formats import Rule, parse
from dnsguard.lists.guards import screen


class ListError(Exception):
    """The list cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class ListVersion:
    """One version of a list that passed the guards. `notes` are what an admin should know."""

    text: bytes
    rules: tuple[Rule, ...]
    dropped: Mapping[str, int]
    notes: tuple[str, ...]


def read_file(path: Path, max_size: int) -> bytes:
    """Return the text of a list file. Raises ListError."""
    try:
        with path.open("rb") as file:
            text = file.read(max_size + 1)
    except OSError as error:
        raise ListError(f"the file cannot be read ({error.strerror})") from None
    if len(text) > max_size:
        raise ListError(f"the file is larger than {max_size} octets: raise max_size or split it")
    return text


def read_builtin(name: str) -> bytes:
    """Return the text of a bundled list. Raises ListError."""
    try:
        return bundled.text(name)
    except (ValueError, OSError) as error:
        raise ListError(str(error)) from None


def examine(
    text: bytes, list_format: str, match: str | None, never_block: Collection[bytes]
) -> ListVersion:
    """Return a list's text as a usable version. Raises ListError when the guards refuse it."""
    parsed = parse(text, format=list_format, match=match)
    screened = screen(parsed, never_block)
    if screened.refused is not None:
        raise ListError(screened.refused)
    notes = [f"line {number}: {reason}" for number, reason in parsed.samples]
    notes += [*screened.dropped_samples, *screened.warnings]
    return ListVersion(
        text=text,
        rules=screened.rules,
        dropped={**parsed.skipped, **screened.dropped},
        notes=tuple(notes),
    )
