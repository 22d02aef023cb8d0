"""What a file is as a list, found by the code that lists go through when they are fetched."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnsguard.cli.amounts import show_size
from dnsguard.cli.lists.reasons import DROPPED
from dnsguard.core.image import Kind
from dnsguard.lists.compression import decompress
from dnsguard.lists.errors import ListError, Refused
from dnsguard.lists.formats import ADDRESS, parse
from dnsguard.lists.guards import Screened, blocks, screen
from dnsguard.lists.rules import Parsed
from dnsguard.lists.versions import MAX_SIZE, examine

_KINDS = {
    Kind.EXACT: "exact",
    Kind.SUFFIX: "suffix",
    Kind.BELOW: "below",
    Kind.EMBEDDED: "embedded",
}
_MATCHED = {
    "exact": "the name alone",
    "suffix": "the name and all below it",
    "below": "all below the name",
    "embedded": "the name's labels anywhere",
}


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found; `parsed` and `screened` are None when the file cannot be decompressed."""

    size: int
    sha256: str
    parsed: Parsed | None
    screened: Screened | None
    refused: Refused | None


def examine_file(
    path: Path, list_format: str, match: str | None, never_block: Collection[bytes]
) -> Examination:
    """Return what a file would be as the first version of a list. Raises ListError."""
    data = _read(path)
    parsed: Parsed | None = None
    refused: Refused | None = None
    try:
        # What is refused is shown as well, which `examine` does not return.
        parsed = parse(decompress(data, MAX_SIZE), format=list_format, match=match)
        examine(data, format=list_format, match=match, never_block=never_block, max_size=MAX_SIZE)
    except Refused as error:
        refused = error
    return Examination(
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        parsed=parsed,
        screened=None if parsed is None else screen(parsed, never_block),
        refused=refused,
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ListError(f"it cannot be read ({error.strerror})") from None
    if len(data) > MAX_SIZE:
        raise ListError(f"it is larger than {show_size(MAX_SIZE)}: no list needs that much")
    return data


def make_document(path: Path, found: Examination) -> dict[str, Any]:
    """Return what was found for a program; counts are of what would go live."""
    refused = found.refused
    document: dict[str, Any] = {
        "file": str(path),
        "size": found.size,
        "sha256": found.sha256,
        "refused": refused and {"reason": refused.reason, "message": str(refused)},
    }
    if found.parsed is not None and found.screened is not None:
        document |= {
            "format": found.parsed.format,
            "names": _names(found.screened),
            "addresses": sum(map(len, found.screened.addresses.values())),
            "exceptions": _exceptions(found.screened),
            "passed_over": dict(found.parsed.passed_over),
            "bad": _bad(found.parsed),
            "samples": [
                {"line": number, "reason": reason} for number, reason in found.parsed.samples
            ],
            "dropped": dict(found.screened.dropped),
            "dropped_samples": list(found.screened.dropped_samples),
            "warnings": list(found.screened.warnings),
        }
    return document


def describe(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of such a document for a person; each still has to be made printable."""
    yield f"{document['file']}: {show_size(document['size'])}, sha256 {document['sha256']}"
    if "format" in document:
        yield f"format {document['format']}"
        yield from _section("names", document["names"], _MATCHED)
        for noun in ("addresses", "exceptions"):
            if document[noun]:
                yield f"{noun} {document[noun]:,}"
        yield from _section("passed over", document["passed_over"])
        yield from _section("wrong", document["bad"])
        yield from (f"  line {one['line']}: {one['reason']}" for one in document["samples"])
        yield from _section("dropped", document["dropped"], DROPPED)
        yield from (f"  {sample}" for sample in document["dropped_samples"])
        if document["warnings"]:
            yield "warnings"
            yield from (f"  {warning}" for warning in document["warnings"])
    refused = document["refused"]
    yield f"refused ({refused['reason']}): {refused['message']}" if refused else "accepted"


def _section(
    title: str, counts: Mapping[str, int], meanings: Mapping[str, str] | None = None
) -> Iterator[str]:
    if counts:
        yield f"{title} {sum(counts.values()):,}"
    for key, count in counts.items():
        meaning = (meanings or {}).get(key)
        yield f"  {key} {count:,}" + (f" ({meaning})" if meaning else "")


def _names(screened: Screened) -> dict[str, int]:
    counts = Counter[str]()
    for rule_type, listed in screened.names.items():
        if blocks(rule_type.action):
            counts[_KINDS[rule_type.kind]] += len(listed)
    return dict(counts)


def _exceptions(screened: Screened) -> int:
    return sum(
        len(listed) for rule_type, listed in screened.names.items() if not blocks(rule_type.action)
    )


def _bad(parsed: Parsed) -> dict[str, int]:
    # An address is a right line in the wrong place: the guards drop it and say so.
    return {reason: count for reason, count in parsed.bad.items() if reason != ADDRESS}
