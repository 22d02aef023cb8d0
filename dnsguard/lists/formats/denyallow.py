"""The exceptions that `$denyallow` makes to one rule of an adblock list."""

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.core.view import Effect
from dnsguard.lists.formats.findings import Findings
from dnsguard.lists.rules import ALLOW, RuleType

_BLOCKING = frozenset({Effect.BLOCK, Effect.BLOCK_IMPORTANT})


class DenyAllow:
    """Gathers the rules with that modifier, for what it frees depends on all other rules."""

    def __init__(self) -> None:
        self._exempt: dict[bytes, frozenset[bytes]] = {}

    def add(self, name: bytes, exempt: frozenset[bytes]) -> None:
        """Add a rule and the names it does not block; the same rule twice frees what both do."""
        self._exempt[name] = self._exempt.get(name, exempt) & exempt

    def write(self, findings: Findings) -> None:
        """Write the rules, and an exception for each name that no other rule blocks."""
        blocking = [
            found
            for rule_type, found in findings.names.items()
            if rule_type.action.effect in _BLOCKING
        ]
        freed = [
            name
            for blocked, exempt in self._exempt.items()
            for name in exempt
            if name != blocked and names.is_at_or_below(name, blocked)
            if not any(suffix in found for suffix in names.suffixes(name) for found in blocking)
            if self._is_exempt_everywhere(name)
        ]
        findings.names[RuleType(Kind.SUFFIX)].update(dict.fromkeys(self._exempt))
        findings.names[RuleType(Kind.SUFFIX, ALLOW)].update(dict.fromkeys(freed))

    def _is_exempt_everywhere(self, name: bytes) -> bool:
        above = names.suffixes(name)
        return all(
            not self._exempt[suffix].isdisjoint(above) for suffix in above if suffix in self._exempt
        )
