"""dnsguard's own syntax: a name a line, which may carry a mark that says how it matches."""

from dnsguard.core.image import Kind
from dnsguard.lists.formats.detection import without_comment
from dnsguard.lists.formats.entry import MAX_PLAIN, compose, parse_name
from dnsguard.lists.formats.findings import Findings
from dnsguard.lists.formats.lines import COMMENT, PLAIN_NAME, decode, find_lines, plain_lines
from dnsguard.lists.rules import Rule, RuleType

_LINES = plain_lines(rb"(\*\.)?+(" + PLAIN_NAME + rb")" + COMMENT)


def read(text: bytes, match: Kind | None, findings: Findings) -> None:
    """Read a domains list: suffix rules, unless the config or a mark says otherwise."""
    kind = match or Kind.SUFFIX
    unmarked = findings.names[RuleType(kind)]
    marked = findings.names[RuleType(Kind.SUFFIX)]
    for number, (mark, plain, line) in enumerate(find_lines(_LINES, text), 1):
        if plain and len(plain) <= MAX_PLAIN:
            (marked if mark else unmarked)[compose(plain)] = None
        elif (entry := (line or mark + plain).strip()) and entry[0] not in b"#!":
            _read_entry(number, entry, kind, findings)


def parse_entry(entry: str, kind: Kind) -> Rule:
    """Return the rule of one entry, of the kind given if it has no mark.

    ValueError gives a plain reason.
    """
    if entry.startswith("="):
        return Rule(parse_name(entry[1:]), Kind.EXACT)
    if entry.startswith("*.") and entry.endswith(".*"):
        return Rule(parse_name(entry[2:-2]), Kind.EMBEDDED)
    if entry.startswith("*."):
        return Rule(parse_name(entry[2:]), Kind.SUFFIX)
    return Rule(parse_name(entry), kind)


def _read_entry(number: int, entry: bytes, kind: Kind, findings: Findings) -> None:
    try:
        rule = parse_entry(without_comment(decode(entry)), kind)
    except ValueError as error:
        findings.add_bad(number, str(error), entry)
    else:
        findings.names[RuleType(rule.kind)][rule.name] = None
