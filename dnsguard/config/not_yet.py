"""What the config file promises and this version does not do: refused, never ignored.

Whoever builds one of these deletes its row here.
"""

FIELDS = frozenset(
    {
        "Listen.dot",
        "Listen.doh",
        "Listen.doq",
        "Listen.server_name",
        "Listen.certificate",
        "Listen.private_key",
        "Upstream.pins",
        "Group.identities",
        "Policy.schedule",
        "Policy.starts",
        "Policy.review",
        "Policy.ends",
        "QueryLog.what",
        "QueryLog.clients",
        "QueryLog.retention",
        "QueryLog.max_per_second",
    }
)
"""Fields that take their default only."""

UPSTREAM_SCHEMES = frozenset({"tls", "https"})

INACTIVE = frozenset({"query_log"})
"""Sections whose defaults promise something that is not done: worth a warning when written."""


def refuse(section: str, field: str, value: object, default: object) -> None:
    """Raise ValueError if a field of a section holds what is not in this version."""
    row = f"{section}.{field}"
    if row in FIELDS and value != default:
        raise ValueError(f"{field!r} is not in this version: remove it")
