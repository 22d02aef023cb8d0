"""What docs/standards.md is made of rows.toml and the tests; `make pages` writes it."""

import re
from pathlib import Path

from tests.standards.rows import Row

PAGE = Path(__file__).parents[2] / "docs" / "standards.md"
INTRODUCTION = (
    "<!-- Made by `make pages` from tests/standards; a test compares. -->\n\n"
    "# Standards\n\n"
    "In the words of RFC 9499, dnsguard is a *policy-implementing resolver* that works as a "
    "*forwarder*: stub resolvers ask it, it answers from policy, local records and its cache, and "
    "asks a recursive resolver for the rest. It is authoritative for nothing and validates "
    "nothing.\n\n"
    "Each row is what a standard asks of such a resolver, in our words, and is shown by the tests "
    "named beside it. Nearly all ask a running dnsguard with two workers over UDP and TCP; those "
    "about time run in one process, on a clock that they move themselves. Where a row has a limit "
    'or says "once", that is per worker: workers share nothing but counters and secrets.\n'
)


def compose_page(rows: list[Row]) -> str:
    """Return the text of the page."""
    lines = ["| standard | row | level | what | state | shown by |", "|---|---|---|---|---|---|"]
    lines += [_compose_row(row) for row in rows]
    declined = [row for row in rows if row.declined]
    missing = [row for row in rows if row.missing]
    counted = f"{len(rows)} rows: {len(rows) - len(declined) - len(missing)} held, "
    counted += f"{len(declined)} decided against, {len(missing)} not yet."
    parts = [INTRODUCTION, counted, "", *lines, ""]
    parts += ["## Decided against", ""]
    for row in declined:
        parts += [f"**{_plain(row)}: {_lower(row.says)}** {row.declined}", ""]
    parts += ["## Not yet", ""]
    parts += [f"- {_plain(row)}: {_lower(row.says)} {row.missing}" for row in missing]
    return "\n".join(parts) + "\n"


def _compose_row(row: Row) -> str:
    says = row.says.replace("|", "\\|")
    return f"| {_linked(row)} | {row.letter} | {row.level} | {says} | {row.state} | {_tests(row)} |"


def _linked(row: Row) -> str:
    if row.standard.startswith("draft-"):
        return f"[{row.standard}](https://datatracker.ietf.org/doc/{row.standard}/)"
    return "RFC " + re.sub(
        r"\d{3,5}",
        lambda number: f"[{number[0]}](https://www.rfc-editor.org/rfc/rfc{number[0]})",
        row.standard,
    )


def _plain(row: Row) -> str:
    prefix = "" if row.standard.startswith("draft-") else "RFC "
    return f"{prefix}{row.standard}, row {row.letter}"


def _lower(says: str) -> str:
    """Return a sentence as it stands behind a colon."""
    first = says.split(" ")[0]
    return says if first.isupper() and first != "A" else says[0].lower() + says[1:]


def _tests(row: Row) -> str:
    if not row.tests:
        return ""
    names = ", ".join(f"`{test}`" for test in row.tests)
    return f"[{row.file}](../tests/standards/{row.path.name}): {names}"
