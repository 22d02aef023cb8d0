"""What became of an update of a list, in the words for a person."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dnsguard.cli.amounts import show_count, show_since
from dnsguard.cli.lists.reasons import explain
from dnsguard.cli.lists.tables import enumerate_names, show_diff

FINE = frozenset({"ok", "unchanged", "would-change"})

Result = Mapping[str, Any]


def show_last(last: Result | None, now: float) -> str:
    """Return `refused (shrink) 3 min ago`."""
    return f"{_verdict(last)} {show_since(last.get('at'), now)}" if last else "-"


def describe(result: Result, *, dry_run: bool) -> Iterator[str]:
    """Yield the lines about one list; each still has to be made printable."""
    name, said = result.get("list"), result.get("result")
    names = show_count(result.get("names") or 0, "name")
    number = result.get("generation")
    serving = names if number is None else f"generation {number}, {names}"
    if said == "ok":
        yield f"{name}: {serving} ({show_diff(result)})"
        if result.get("message"):
            yield f"  {result['message']}"
    elif said == "unchanged":
        yield f"{name}: unchanged, {serving}"
    elif said == "would-change":
        yield f"{name}: would change to {names} ({show_diff(result)})"
    elif said == "held":
        yield (
            f"{name}: held at generation {number}: "
            f"`dnsguard lists rollback {name} --release` lets updates in again"
        )
    else:
        would = "would be " if dry_run and said == "refused" else ""
        yield f"{name}: {would}{_verdict(result)}: {result.get('message')}; {_serving(result)}"
        if mend := explain(str(name), str(said), str(result.get("reason"))):
            yield f"  {mend}"
    if dry_run:
        yield from _consequences(result)


def _verdict(result: Result) -> str:
    reason = f" ({result['reason']})" if result.get("reason") else ""
    return f"{result.get('result')}{reason}"


def _serving(result: Result) -> str:
    number = result.get("generation")
    if number is not None:
        return f"generation {number} goes on serving"
    return "what it had goes on serving" if result.get("names") else "nothing of it is in force"


def _consequences(result: Result) -> Iterator[str]:
    for key in ("added", "removed"):
        if result.get(key):
            yield f"  {key} {enumerate_names(result.get(f'{key}_sample') or [], result[key])}"
    if dropped := result.get("dropped"):
        counts = (f"{reason} {count:,}" for reason, count in dropped.items())
        yield f"  dropped {', '.join(counts)}"
    if result.get("result") == "would-change":
        yield f"  policies {_some(result.get('policies'))}; groups {_some(result.get('groups'))}"


def _some(names: Sequence[object] | None) -> str:
    return enumerate_names(names) if names else "none"
