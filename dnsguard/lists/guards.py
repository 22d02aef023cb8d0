"""What no list may block, whatever its publisher wrote: the guards a new version passes."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.lists import bundled, public_suffixes
from dnsguard.lists.formats import ADDRESS, Parsed, Rule

MAX_LOST = 1000
MAX_LOST_PERCENT = 1
MAX_SAMPLES = 10

_MENDS = {
    "never-block": ", so it is not blocked at all; an exception belongs in a policy's 'allow'"
}


@dataclass(frozen=True, slots=True)
class Screened:
    """The rules of a version that may be used, and what was kept out.

    `dropped` counts by reason: address, root, top-level, public-suffix, never-block and
    shared-zone. `refused` says why the version as a whole must not be used, or is None.
    """

    rules: tuple[Rule, ...]
    dropped: Mapping[str, int]
    dropped_samples: tuple[str, ...]
    warnings: tuple[str, ...]
    refused: str | None


def screen(parsed: Parsed, never_block: Collection[bytes]) -> Screened:
    """Drop the rules that no list may hold, and judge the version by how many were lost.

    Lost are the dropped rules and the entries that gave no rule. A version is refused when
    it loses more than 1,000 entries or more than 1 % of them, or when it had entries and
    nothing is left. One lost entry alone never refuses a list, however short it is: 1 % of
    fewer than 100 entries would be less than one.
    """
    guard = _Guard(never_block)
    private = public_suffixes.private()
    kept: list[Rule] = []
    dropped: Counter[str] = Counter()
    samples: list[str] = []
    broad: list[Rule] = []
    for rule in parsed.rules:
        reason = guard.reason(rule)
        if reason is None:
            kept.append(rule)
            if rule.name in private:
                broad.append(rule)
            continue
        dropped[reason] += 1
        if len(samples) < MAX_SAMPLES:
            samples.append(f"{names.to_text(rule.name)}: {reason}{_MENDS.get(reason, '')}")
    lost = dropped + Counter(parsed.skipped)
    if ADDRESS in parsed.skipped:
        dropped[ADDRESS] = parsed.skipped[ADDRESS]
    return Screened(
        tuple(kept),
        dict(dropped),
        tuple(samples),
        tuple(_warnings(broad)),
        _refusal(lost, left=len(kept)),
    )


class _Guard:
    def __init__(self, never_block: Collection[bytes]) -> None:
        self._icann = public_suffixes.icann()
        self._shared = frozenset(bundled.shared_zones())
        self._never = tuple(never_block)
        self._above = frozenset(above for name in never_block for above in names.suffixes(name))
        self._within = frozenset(part for name in never_block for part in _label_runs(name))

    def reason(self, rule: Rule) -> str | None:
        """Return why a rule may not be in any list, or None."""
        name = rule.name
        if name == names.ROOT:
            return "root"
        if name[1 + name[0]] == 0:
            return "top-level"
        if name in self._icann:
            return "public-suffix"
        if self._never and self._is_never_blocked(rule):
            return "never-block"
        if name in self._shared:
            return "shared-zone"
        return None

    def _is_never_blocked(self, rule: Rule) -> bool:
        name, kind = rule
        if kind == Kind.SUFFIX and name in self._above:
            return True
        if kind == Kind.EMBEDDED and name in self._within:
            return True
        return name.endswith(self._never) and any(
            names.is_at_or_below(name, ancestor) for ancestor in self._never
        )


def _label_runs(name: bytes) -> Iterator[bytes]:
    for suffix in names.suffixes(name):
        for end in [*names.label_offsets(suffix)[1:], len(suffix) - 1]:
            yield suffix[:end] + names.ROOT


def _warnings(broad: list[Rule]) -> Iterator[str]:
    for rule in broad[:MAX_SAMPLES]:
        yield f"{names.to_text(rule.name)}: many owners share names below it (public suffix list)"
    if len(broad) > MAX_SAMPLES:
        yield f"{len(broad) - MAX_SAMPLES} more entries like these"


def _refusal(lost: Counter[str], *, left: int) -> str | None:
    count = lost.total()
    entries = count + left
    allowed = max(1, min(MAX_LOST, entries * MAX_LOST_PERCENT // 100))
    if not count or (left and count <= allowed):
        return None
    reasons = ", ".join(f"{reason}: {number}" for reason, number in lost.most_common(3))
    return (
        f"{count} of {entries} entries cannot be used ({reasons}), more than "
        f"{MAX_LOST_PERCENT} % or {MAX_LOST}: check the list's source and its `format`"
    )
