"""One version of a list: from the file as served to rules that may go live, or a refusal."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

from dnsguard.lists.compression import decompress
from dnsguard.lists.errors import Reason, Refused
from dnsguard.lists.formats import ADDRESS, parse
from dnsguard.lists.guards import MAX_SAMPLES, Screened, address_entry, blocks, name_entry, screen
from dnsguard.lists.rules import ALLOW, BLOCK, Action, Addresses, Names, Parsed, RuleType

MAX_SIZE = 256 << 20
MAX_DROPPED = 1_000
MAX_DROPPED_PERCENT = 1
MAX_BAD_PERCENT = 5

_NUL_BLOCK = bytes(4)  # text in UTF-16 ends with one, in UTF-32 with three

_Group = TypeVar("_Group", bound=Hashable)
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Version:
    """A version that passed the guards; sha256 and size in octets are of the file as served.

    `dropped` counts bad lines and dropped entries by reason. `notes` are what an admin should
    know, at most ten of each kind; all texts are printable.
    """

    sha256: str
    size: int
    format: str
    names: Names
    addresses: Addresses
    dropped: Mapping[str, int]
    passed_over: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def name_count(self) -> int:
        """How many name rules there are."""
        return sum(map(len, self.names.values()))

    @property
    def address_count(self) -> int:
        """How many address rules there are."""
        return sum(map(len, self.addresses.values()))


@dataclass(frozen=True, slots=True)
class Difference:
    """How many entries one version has and another has not; samples are as in a list."""

    added: int
    removed: int
    added_sample: tuple[str, ...]
    removed_sample: tuple[str, ...]


def examine(
    data: bytes,
    *,
    format: str = "auto",  # noqa: A002 (the config's own word)
    match: str | None = None,
    never_block: Collection[bytes] = (),
    max_size: int = MAX_SIZE,
) -> Version:
    """Return a file as a version that may go live, as far as it can be judged by itself.

    `never_block` are wire names; `max_size` is in octets, after decompression. Raises Refused
    for the reasons empty, html, truncated, size, compression, bad-lines and forbidden.
    """
    text = decompress(data, max_size)
    if text.endswith(_NUL_BLOCK):
        raise Refused(
            "truncated",
            "it ends in NUL octets, as a file does whose writer crashed: fetch it again, or tell "
            "its publisher",
        )
    parsed = parse(text, format=format, match=match)
    screened = screen(parsed, never_block)
    bad = Counter({reason: count for reason, count in parsed.bad.items() if reason != ADDRESS})
    dropped = Counter(screened.dropped)
    _judge(parsed, screened, bad, dropped)
    return Version(
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        format=parsed.format,
        names=screened.names,
        addresses=screened.addresses,
        dropped=dict(bad + dropped),
        passed_over=parsed.passed_over,
        notes=(
            *_lines(parsed),
            *screened.dropped_samples,
            *screened.warnings,
        ),
    )


def check_change(count: int, before: int | None, *, max_shrink: int, max_growth: int) -> None:
    """Compare the entries of a new version with those of the one in force, if there is one.

    Limits are percentages of `before`. Raises Refused for shrink or growth.
    """
    if not before:
        return
    reason: Reason
    if 100 * (before - count) > before * max_shrink:
        reason, change, limit = "shrink", "fewer", max_shrink
    elif 100 * (count - before) > before * max_growth:
        reason, change, limit = "growth", "more", max_growth
    else:
        return
    raise Refused(
        reason,
        f"it has {count:,} entries, more than {limit} % {change} than the {before:,} in force: "
        f"ask its publisher what changed, and raise max_{reason} if that is right",
    )


def difference(before: Version, after: Version) -> Difference:
    """Compare two versions by how entries match and whether they block, not by their answers."""
    old, new = _plain_entries(before), _plain_entries(after)
    added, added_sample = _only_in(new, old)
    removed, removed_sample = _only_in(old, new)
    return Difference(added, removed, added_sample, removed_sample)


def _judge(parsed: Parsed, screened: Screened, bad: Counter[str], dropped: Counter[str]) -> None:
    if parsed.format == "html":
        raise Refused("html", "it is an HTML page, not a list: open its URL in a browser")
    left = screened.count
    entries = left + bad.total() + dropped.total()
    if not entries:
        found = "no entries"
        if parsed.passed_over:
            found = f"no entries for a resolver ({_commonest(Counter(parsed.passed_over))})"
        raise Refused(
            "empty",
            f"it has {found}: check its source and 'format', which was {parsed.format}",
        )
    max_bad = max(1, entries * MAX_BAD_PERCENT // 100)
    if bad.total() > max_bad or (not left and bad.total() > dropped.total()):
        raise Refused(
            "bad-lines",
            f"{bad.total():,} of {entries:,} entries cannot be read ({_commonest(bad)}), more than "
            f"{MAX_BAD_PERCENT} %: check its source and 'format', which was {parsed.format}; the "
            f"first is {_lines(parsed)[0]}",
        )
    max_dropped = max(1, min(MAX_DROPPED, entries * MAX_DROPPED_PERCENT // 100))
    if dropped.total() > max_dropped or not left:
        raise Refused(
            "forbidden",
            f"{dropped.total():,} of {entries:,} entries are such as no list may hold "
            f"({_commonest(dropped)}), more than {MAX_DROPPED_PERCENT} % or {MAX_DROPPED:,}: "
            "check its source, or ask its publisher to take them out; the first is "
            f"{(*screened.dropped_samples, *_lines(parsed))[0]}",
        )


def _lines(parsed: Parsed) -> tuple[str, ...]:
    return tuple(f"line {number}: {reason}" for number, reason in parsed.samples)


def _commonest(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason}: {count:,}" for reason, count in reasons.most_common(3))


_Entries = tuple[Names, Addresses]


def _plain_entries(version: Version) -> _Entries:
    return (
        _join(version.names, lambda found: RuleType(found.kind, _plain(found.action))),
        _join(version.addresses, _plain),
    )


def _plain(action: Action) -> Action:
    return BLOCK if blocks(action) else ALLOW


def _join(
    groups: Mapping[_Group, Mapping[_Key, None]], plain: Callable[[_Group], _Group]
) -> Mapping[_Group, Mapping[_Key, None]]:
    same = defaultdict[_Group, list[Mapping[_Key, None]]](list)
    for group, listed in groups.items():
        same[plain(group)].append(listed)
    return {
        group: parts[0] if len(parts) == 1 else dict.fromkeys(chain.from_iterable(parts))
        for group, parts in same.items()
    }


def _only_in(ours: _Entries, theirs: _Entries) -> tuple[int, tuple[str, ...]]:
    names = _left_out(ours[0], theirs[0])
    addresses = _left_out(ours[1], theirs[1])
    texts = chain(
        (name_entry(name, rule_type) for rule_type, found in names for name in found),
        (address_entry(prefix, action) for action, found in addresses for prefix in found),
    )
    count = sum(len(found) for _, found in names) + sum(len(found) for _, found in addresses)
    return count, tuple(islice(texts, MAX_SAMPLES))


def _left_out(
    groups: Mapping[_Group, Mapping[_Key, None]], others: Mapping[_Group, Mapping[_Key, None]]
) -> list[tuple[_Group, list[_Key]]]:
    found = []
    for group, listed in groups.items():
        other = others.get(group, {})
        found.append((group, [key for key in listed if key not in other]))
    return found
