"""What must hold between the parts of a config.

Checked on the data as read, not on the model, so that these faults are reported together
with all others. Values that are wrong in themselves are passed over: the model reports them.
"""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import TypeVar

from dnsguard.config import values
from dnsguard.config.document import Document
from dnsguard.config.problem import KeyPath, show_path
from dnsguard.config.records import parse_record
from dnsguard.config.sources import BUILTIN
from dnsguard.core.local import Record
from dnsguard.core.names import to_text
from dnsguard.core.protocol import Rdatatype
from dnsguard.text import MAX_SHOWN, quote

Finding = tuple[KeyPath, str]
Value = TypeVar("Value")

MAX_COMPARED = 200  # difflib is slow: suggestions for a typing error must stay cheap


def check_references(document: Document) -> Iterator[Finding]:
    """Yield what does not fit together, each with its place."""
    yield from _check_groups(document)
    yield from _check_policies(document)
    yield from _check_forward_zones(document)
    yield from _check_records(document)


def _check_groups(document: Document) -> Iterator[Finding]:
    first: dict[values.Network, KeyPath] = {}
    for name, group in _entries(document, "groups"):
        if not _items(group, "subnets") and not group.get("identities"):
            yield ("groups", name), "has no subnets, so no device is in it: add some"
        for index, written in enumerate(_items(group, "subnets")):
            path = ("groups", name, "subnets", index)
            subnet = _valid(values.subnet, written)
            if subnet is None:
                continue
            if subnet in first:
                where = f"{show_path(first[subnet])} ({document.place(first[subnet])})"
                yield path, f"{subnet} is already in {where}: keep one of the two"
            first.setdefault(subnet, path)


def _check_policies(document: Document) -> Iterator[Finding]:
    groups = _named(document, "groups")
    lists = _named(document, "lists")
    for name, policy in _entries(document, "policies"):
        path: KeyPath = ("policies", name)
        yield from _check_names(policy, (*path, "groups"), "group", groups)
        yield from _check_names(policy, (*path, "lists"), "list", lists)
        if not policy.get("lists") and not policy.get("block"):
            yield path, "blocks nothing: give it 'lists' or 'block'"


def _check_names(
    policy: dict[str, object], path: KeyPath, what: str, known: dict[str, object]
) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, name in enumerate(_items(policy, str(path[-1]))):
        if not isinstance(name, str):
            continue
        if name in seen:
            yield (*path, index), f"{quote(name)} is listed twice: remove one"
        seen.add(name)
        if name not in known and not (what == "list" and name.startswith(BUILTIN)):
            candidates = list(known)[:MAX_COMPARED] if len(name) <= MAX_SHOWN else []
            close = get_close_matches(name, candidates, n=1)
            mend = f"; did you mean {close[0]!r}?" if close else f": add it under '{path[-1]}'"
            yield (*path, index), f"no {what} named {quote(name)}{mend}"


def _check_forward_zones(document: Document) -> Iterator[Finding]:
    first: dict[bytes, str] = {}
    for written in _named(document, "forward_zones"):
        zone = _valid(values.domain, written)
        if zone is None:
            continue
        if zone in first:
            place = document.place(("forward_zones", first[zone]))
            message = f"the same zone as {quote(first[zone])} ({place}): keep one of the two"
            yield ("forward_zones", written), message
        first.setdefault(zone, written)


def _check_records(document: Document) -> Iterator[Finding]:
    first: dict[bytes, Record] = {}
    for index, written in enumerate(_items(document.data, "local_records")):
        record = _valid(parse_record, written)
        if record is None:
            continue
        other = first.setdefault(record.owner, record)
        if other is not record and Rdatatype.CNAME in (other.rdatatype, record.rdatatype):
            owner = to_text(record.owner)
            message = f"{owner} has a CNAME, so it can have no other record: keep one (RFC 1034)"
            yield ("local_records", index), message


def _named(document: Document, section: str) -> dict[str, object]:
    entries = document.data.get(section)
    return entries if isinstance(entries, dict) else {}


def _entries(document: Document, section: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the named entries of a section that are mappings."""
    for name, entry in _named(document, section).items():
        if isinstance(entry, dict):
            yield name, entry


def _items(mapping: dict[str, object], key: str) -> tuple[object, ...]:
    items = mapping.get(key)
    return items if isinstance(items, tuple) else ()


def _valid(read: Callable[[object], Value], written: object) -> Value | None:
    try:
        return read(written)
    except ValueError:
        return None
