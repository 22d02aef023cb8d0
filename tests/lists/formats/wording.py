"""What a parse found, in words that a test can be written in."""

from ipaddress import ip_address

from dnsguard.core import names
from dnsguard.lists.rules import Action, Parsed


def rules(parsed: Parsed) -> list[str]:
    """Return each name rule as `[EFFECT] [ANSWER] KIND NAME`, plain blocks without effect."""
    return [
        f"{_words(rule_type.action)}{rule_type.kind.name.lower()} {names.to_text(name)}"
        for rule_type, found in parsed.names.items()
        for name in found
    ]


def addresses(parsed: Parsed) -> list[str]:
    """Return each address rule as `[EFFECT] [ANSWER] PREFIX`."""
    return [
        f"{_words(action)}{ip_address(packed)}/{length}"
        for action, found in parsed.addresses.items()
        for packed, length in found
    ]


def _words(action: Action) -> str:
    effect = action.effect.name.lower().replace("_", " ") if action.effect else ""
    return "".join(f"{word} " for word in (effect, action.answer) if word)
