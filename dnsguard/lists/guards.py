"""What no list may block, whatever its publisher wrote: the guards a new version passes."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache, partial
from ipaddress import ip_network
from typing import TypeVar

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.core.networks import Prefix
from dnsguard.core.view import Effect
from dnsguard.lists import bundled, public_suffixes
from dnsguard.lists.formats import ADDRESS
from dnsguard.lists.rules import Action, Addresses, Names, Parsed, RuleType

MAX_SAMPLES = 10

_TOO_BROAD = frozenset({"root", "top-level", "public-suffix", "address-range"})
_MENDS = {
    **dict.fromkeys(_TOO_BROAD, "name what is meant below it"),
    "address-range": "name the smaller networks that are meant",
    "never-block": "it is not blocked at all; an exception belongs in a policy's 'allow'",
    "shared-zone": "many owners share it (blocklists/shared-zones.txt): name hosts below it",
    "safety": "devices need it (blocklists/safety.txt): a policy's 'block' can name what is meant",
    "own-network": "a local network, which no list from outside can mean",
}

# Networks that are a city's own or no single host's. ::/8 has the unspecified and the loopback
# address, mapped IPv4 and the prefixes of NAT64: such a list names the IPv4 address instead.
_OWN_NETWORKS = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"),
    *("::/8", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)
_SHORTEST_PREFIX = {4: 8, 16: 16}

_BROAD_EXCEPTION = "an exception this broad undoes most of its list"
_SHARED_SUFFIX = "many owners share names below it (public suffix list)"

_Key = TypeVar("_Key", bytes, Prefix)

# The last octets of a name tell nearly every name from all protected ones in one look-up: of a
# protected name as many as it has, of these.
_TAILS = (12, 8, 6, 4, 1)


@dataclass(frozen=True, slots=True)
class Screened:
    """The rules of a version that may be used, and what was kept out.

    `dropped` counts by reason: address, root, top-level, public-suffix, never-block,
    shared-zone, safety, address-range and own-network. All texts are printable.
    """

    names: Names
    addresses: Addresses
    dropped: Mapping[str, int]
    dropped_samples: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many rules there are."""
        return sum(map(len, self.names.values())) + sum(map(len, self.addresses.values()))


def screen(parsed: Parsed, never_block: Collection[bytes]) -> Screened:
    """Drop the rules that no list may hold; `never_block` are wire names.

    An exception is never dropped: it frees from its own list only. One as broad as a
    top-level domain gives a warning, and so does a rule for a company's public suffix.
    """
    guard = _NameGuard(never_block)
    findings = _Findings()
    if ADDRESS in parsed.bad:
        findings.dropped[ADDRESS] = parsed.bad[ADDRESS]
    kept_names = {
        rule_type: _without(listed, _screen_names(rule_type, listed, guard, findings))
        for rule_type, listed in parsed.names.items()
    }
    kept_addresses = {
        action: _without(listed, _screen_addresses(action, listed, findings))
        for action, listed in parsed.addresses.items()
    }
    return Screened(
        {rule_type: listed for rule_type, listed in kept_names.items() if listed},
        {action: listed for action, listed in kept_addresses.items() if listed},
        dict(findings.dropped),
        tuple(findings.samples),
        tuple(findings.warnings()),
    )


def name_entry(name: bytes, rule_type: RuleType) -> str:
    """Return a rule as an entry of a list, printable: `=x` exact, `*.x` only below x."""
    text = names.to_text(name)
    match rule_type.kind:
        case Kind.EXACT:
            text = f"={text}"
        case Kind.BELOW:
            text = f"*.{text}"
        case Kind.EMBEDDED:
            text = f"*.{text}.*"
    return text if blocks(rule_type.action) else f"@@{text}"


def address_entry(prefix: Prefix, action: Action) -> str:
    """Return an address rule as an entry of a list, a host without the length of its prefix."""
    network = ip_network(prefix, strict=False)
    text = str(network if network.prefixlen < network.max_prefixlen else network.network_address)
    return text if blocks(action) else f"@@{text}"


def blocks(action: Action) -> bool:
    """Tell whether an action blocks; if not, it is an exception."""
    return action.effect in (Effect.BLOCK, Effect.BLOCK_IMPORTANT)


class _Findings:
    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.samples: list[str] = []
        self._warnings: list[str] = []
        self._more_warnings = 0

    def drop(self, entry: Callable[[], str], reason: str) -> None:
        self.dropped[reason] += 1
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append(f"{entry()}: {reason}, {_MENDS[reason]}")

    def warn(self, entry: Callable[[], str], message: str) -> None:
        if len(self._warnings) < MAX_SAMPLES:
            self._warnings.append(f"{entry()}: {message}")
        else:
            self._more_warnings += 1

    def warnings(self) -> Iterator[str]:
        """Yield the warnings; of those past the bound, how many there are."""
        yield from self._warnings
        if self._more_warnings:
            yield f"{self._more_warnings} more entries like these"


def _without(listed: Mapping[_Key, None], dropped: list[_Key]) -> Mapping[_Key, None]:
    if not dropped:
        return listed
    kept = dict(listed)
    for key in dropped:
        del kept[key]
    return kept


def _screen_names(
    rule_type: RuleType, listed: Mapping[bytes, None], guard: "_NameGuard", findings: _Findings
) -> list[bytes]:
    dropped = []
    private = public_suffixes.private()
    kind = rule_type.kind
    for name in guard.suspects(listed):
        reason = guard.reason(name, kind)
        entry = partial(name_entry, name, rule_type)
        if not blocks(rule_type.action):
            if reason in _TOO_BROAD and kind != Kind.EXACT:
                findings.warn(entry, _BROAD_EXCEPTION)
        elif reason is not None:
            dropped.append(name)
            findings.drop(entry, reason)
        elif name in private and kind != Kind.EXACT:
            findings.warn(entry, _SHARED_SUFFIX)
    return dropped


def _screen_addresses(
    action: Action, listed: Mapping[Prefix, None], findings: _Findings
) -> list[Prefix]:
    dropped = []
    for prefix in listed:
        reason = _address_reason(prefix)
        if reason is None:
            continue
        entry = partial(address_entry, prefix, action)
        if blocks(action):
            dropped.append(prefix)
            findings.drop(entry, reason)
        elif reason in _TOO_BROAD:
            findings.warn(entry, _BROAD_EXCEPTION)
    return dropped


class _NameGuard:
    def __init__(self, never_block: Collection[bytes]) -> None:
        self._icann = public_suffixes.icann()
        self._never = _Protected(never_block)
        self._shared = _shared_zones()
        self._safety = _safety()
        private = public_suffixes.private()
        self._listed = frozenset({names.ROOT}).union(
            self._icann.names,
            private.names,
            *(zones.within for zones in (self._never, self._shared, self._safety)),
        )
        self._parents = self._icann.wildcards | private.wildcards | {names.ROOT}
        self._tails = _tails(self._never.names | self._safety.names)

    def suspects(self, listed: Mapping[bytes, None]) -> list[bytes]:
        """Return the few names for which there may be a reason, in a fixed order."""
        parents = self._parents
        found = listed.keys() & self._listed
        found.update([name for name in listed if name[name[0] + 1 :] in parents])
        for length, tails in self._tails.items():
            found.update([name for name in listed if name[-length:] in tails])
        return sorted(found)

    def reason(self, name: bytes, kind: Kind) -> str | None:
        """Return why no list may block a name, or None."""
        if name == names.ROOT:
            return "root"
        if name[1 + name[0]] == 0:
            return "top-level"
        if name in self._icann:
            return "public-suffix"
        if self._never.holds(name) or self._never.is_matched(name, kind):
            return "never-block"
        if name in self._shared.names or self._shared.is_matched(name, kind):
            return "shared-zone"
        if self._safety.holds(name) or self._safety.is_matched(name, kind):
            return "safety"
        return None


class _Protected:
    """Names that rules may not match."""

    def __init__(self, protected: Iterable[bytes]) -> None:
        self.names = frozenset(protected)
        self.above = frozenset(above for name in self.names for above in names.suffixes(name))
        self.within = frozenset(part for name in self.names for part in _label_runs(name))

    def holds(self, name: bytes) -> bool:
        """Tell whether a name is one of these or below one."""
        return any(ancestor in self.names for ancestor in names.suffixes(name))

    def is_matched(self, name: bytes, kind: Kind) -> bool:
        """Tell whether a rule that is not exact matches one of these by some of its labels."""
        if kind == Kind.EMBEDDED:
            return name in self.within
        return kind != Kind.EXACT and name in self.above


@cache
def _shared_zones() -> _Protected:
    return _Protected(bundled.shared_zones())


@cache
def _safety() -> _Protected:
    return _Protected(bundled.safety())


def _label_runs(name: bytes) -> Iterator[bytes]:
    """Yield the names made of labels of a name in a row, its ancestors among them."""
    for suffix in names.suffixes(name):
        for end in [*names.label_offsets(suffix)[1:], len(suffix) - 1]:
            yield suffix[:end] + names.ROOT


def _tails(protected: Iterable[bytes]) -> Mapping[int, Set[bytes]]:
    """Return the ends of names by their length: a name that ends otherwise is below none."""
    tails = defaultdict[int, set[bytes]](set)
    for name in protected:
        length = next(length for length in _TAILS if length <= len(name))
        tails[length].add(name[-length:])
    return tails


@cache
def _own_networks() -> Mapping[tuple[int, int], list[tuple[int, int]]]:
    """Return (network, prefix length) by (size, first octet): most addresses have no such."""
    found = defaultdict[tuple[int, int], list[tuple[int, int]]](list)
    for network in map(ip_network, _OWN_NETWORKS):
        packed = network.network_address.packed
        for octet in range(packed[0], network.broadcast_address.packed[0] + 1):
            found[len(packed), octet].append((int(network.network_address), network.prefixlen))
    return dict(found)


def _address_reason(prefix: Prefix) -> str | None:
    packed, length = prefix
    if length < _SHORTEST_PREFIX[len(packed)]:
        return "address-range"
    for own, own_length in _own_networks().get((len(packed), packed[0]), ()):
        rest = 8 * len(packed) - min(length, own_length)
        if int.from_bytes(packed) >> rest == own >> rest:
            return "own-network"
    return None
