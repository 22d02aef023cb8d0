"""What is found in a list while it is read: names, addresses, and lines that are neither."""

from collections import Counter, defaultdict

from dnsguard.core.image import Kind
from dnsguard.core.networks import Prefix
from dnsguard.lists.rules import Action, Parsed, RuleType

ADDRESS = "address"
NOT_A_NAME = "an IP address where a name should be"
MAX_SAMPLES = 10
MAX_EXCERPT = 60

Owner = tuple[Kind, bytes] | Prefix
"""What an action is of: a name and how it matches, or an address."""


class Findings:
    """Filled line by line by the reader of a format; addresses among names count as ADDRESS."""

    def __init__(self) -> None:
        self.names: defaultdict[RuleType, dict[bytes, None]] = defaultdict(dict)
        self.addresses: defaultdict[Action, dict[Prefix, None]] = defaultdict(dict)
        self._bad: Counter[str] = Counter()
        self._passed_over: Counter[str] = Counter()
        self._samples: list[tuple[int, str]] = []

    def add(self, owner: Owner, action: Action) -> None:
        """Add a name or an address."""
        first, second = owner
        if isinstance(first, Kind) and isinstance(second, bytes):
            self.names[RuleType(first, action)][second] = None
        elif isinstance(first, bytes) and isinstance(second, int):
            self.addresses[action][first, second] = None

    def add_names(self, rule_type: RuleType, names: dict[bytes, None]) -> None:
        """Take names over; they are not copied where there are none of their type."""
        if known := self.names[rule_type]:
            known.update(names)
        else:
            self.names[rule_type] = names

    def add_bad(self, number: int, reason: str, raw: bytes) -> None:
        """Count a line or an entry of it that is wrong; the first ten are kept, escaped."""
        self._bad[ADDRESS if reason == NOT_A_NAME else reason] += 1
        if len(self._samples) < MAX_SAMPLES:
            text = raw[: 4 * MAX_EXCERPT].decode("utf-8", "replace")
            self._samples.append((number, f"{reason}: {ascii(text)[:MAX_EXCERPT]}"))

    def pass_over(self, reason: str) -> None:
        """Count an entry that is right but says nothing to a resolver."""
        self._passed_over[reason] += 1

    def parsed(self, format_name: str) -> Parsed:
        """Return the result; nothing is copied."""
        return Parsed(
            format=format_name,
            names={rule_type: names for rule_type, names in self.names.items() if names},
            addresses={action: found for action, found in self.addresses.items() if found},
            bad=dict(self._bad),
            passed_over=dict(self._passed_over),
            samples=tuple(self._samples),
        )
