"""The lists in force as documents, for `lists show`, `status`, the page and the metrics."""

import math
import time
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from dnsguard.config import Config
from dnsguard.control.list_records import ListRecords
from dnsguard.control.loading import NEVER, LoadedList
from dnsguard.lists.records import ListGeneration, ListRecord
from dnsguard.text import printable

NOT_KEPT = "the version in force is not written yet"


def age(found: LoadedList, records: ListRecords) -> float:
    """Return how long ago a list's source last confirmed it, in seconds.

    0 for a local list that is as its file, infinite for one that was never had.
    """
    if found.kind != "url" and not found.problem:
        return 0.0
    confirmed = records.get(found.name).confirmed if found.kind == "url" else found.confirmed
    return math.inf if confirmed is None else max(0.0, time.time() - confirmed)


def problem(found: LoadedList, records: ListRecords) -> str | None:
    """Return why a list is not what its source has now, None when it is."""
    record = ListRecord(()) if found.kind == "builtin" else records.get(found.name)
    generation = in_force(found, record)
    if record.hold is not None and generation is not None:
        return f"a rollback holds generation {generation.number}"
    failed = record.last if record.last and record.last.result in {"refused", "failed"} else None
    failure = failed.message if failed and found.kind == "url" else found.problem
    if found.compiled is not None and generation is None and found.kind != "builtin":
        return f"{failure or NOT_KEPT}; {_fallback(record)}"
    if found.kind != "url":
        return failure
    if found.compiled is None:
        return f"{failure}; {NEVER}" if failure else NEVER
    if not failure:
        return None
    number = f"generation {generation.number}" if generation else "the last good version"
    return f"{failure}; {number} goes on serving"


def _fallback(record: ListRecord) -> str:
    if record.current is None:
        return "a restart would have nothing of it"
    return f"a restart would fall back on generation {record.current.number}"


def in_force(found: LoadedList, record: ListRecord) -> ListGeneration | None:
    """Return the kept generation that is in force, None when it is not kept."""
    if found.compiled is None:
        return None
    sha256 = found.compiled.key.sha256
    current = record.current
    same = [kept for kept in record.generations if kept.sha256 == sha256]
    return current if current in same else next(iter(same), None)


def show_source(source: str) -> str:
    """Return a source as it may be shown: without user, password and query string."""
    if "://" not in source:
        return source
    parts = urlsplit(source)
    host = parts.netloc.rpartition("@")[2]
    return printable(parts._replace(netloc=host, query="", fragment="").geturl())


def describe(found: LoadedList, config: Config, records: ListRecords) -> dict[str, Any]:
    """Return what an admin sees of a list; times in epoch seconds, None for what is not known."""
    record = ListRecord(()) if found.kind == "builtin" else records.get(found.name)
    generation = in_force(found, record)
    version = found.compiled.version if found.compiled else None
    policies = {
        name: policy for name, policy in config.policies.items() if found.name in policy.lists
    }
    groups = {group for policy in policies.values() for group in policy.groups}
    seconds = age(found, records)
    return {
        "name": found.name,
        "kind": found.kind,
        "source": [show_source(source) for source in found.settings.source],
        "names": version["names"] if version else 0,
        "addresses": version["addresses"] if version else 0,
        "format": version["format"] if version else None,
        "age": None if math.isinf(seconds) else seconds,
        "state": problem(found, records) or "current",
        "generation": generation.number if generation else None,
        "held": asdict(record.hold) if record.hold else None,
        "last": asdict(record.last) if record.last else None,
        "next_try": record.next_try,
        "refresh": found.settings.refresh,
        "dropped": dict(version["dropped"]) if version else {},
        "passed_over": dict(version["passed_over"]) if version else {},
        "policies": list(policies),
        "groups": [name for name in config.groups if name in groups],
    }


def describe_whole(found: LoadedList, config: Config, records: ListRecords) -> dict[str, Any]:
    """Return all there is to know of a list: its generations and limits as well."""
    record = ListRecord(()) if found.kind == "builtin" else records.get(found.name)
    settings = found.settings
    current = in_force(found, record)
    return {
        **describe(found, config, records),
        "notes": list(found.compiled.version["notes"]) if found.compiled else [],
        "generations": [
            {**asdict(generation), "current": generation is current}
            for generation in record.generations
        ],
        "limits": {
            "max_shrink": settings.max_shrink,
            "max_growth": settings.max_growth,
            "max_size": settings.max_size,
            "keep": settings.keep,
            "public_key": settings.public_key is not None,
            "sha256": settings.sha256 is not None,
        },
    }
