"""The hosts format: an address and the names that have it; the address is not used."""

from dnsguard.core.image import Kind
from dnsguard.lists.formats.detection import foreign_format, is_address
from dnsguard.lists.formats.entry import MAX_PLAIN, compose, parse_name
from dnsguard.lists.formats.findings import Findings
from dnsguard.lists.formats.lines import (
    COMMENT,
    MAX_LINE,
    PLAIN_NAME,
    TOO_LONG,
    decode,
    find_lines,
    plain_lines,
)
from dnsguard.lists.rules import RuleType

_LINES = plain_lines(
    rb"((?:::1?+|(?:[0-9]{1,3}\.){3}[0-9]{1,3}+)[ \t]++)(" + PLAIN_NAME + rb")" + COMMENT
)
_OWN_NAMES = frozenset(
    b"localhost localhost.localdomain localhost4 localhost4.localdomain4 localhost6"
    b" localhost6.localdomain6 local broadcasthost ip6-localhost ip6-loopback ip6-localnet"
    b" ip6-mcastprefix ip6-allnodes ip6-allrouters ip6-allhosts 0.0.0.0".split()
)
_OWN_NAME = "a system's own name"


def read(text: bytes, match: Kind | None, findings: Findings) -> None:
    """Read a hosts list: exact rules, unless the config says otherwise."""
    kind = match or Kind.EXACT
    found = findings.names[RuleType(kind)]
    for number, (address, plain, line) in enumerate(find_lines(_LINES, text), 1):
        if plain and plain not in _OWN_NAMES and len(plain) <= MAX_PLAIN:
            found[compose(plain)] = None
        elif (entry := (line or address + plain).strip()) and entry[0] not in b"#!":
            read_line(number, entry, kind, findings)


def read_line(number: int, line: bytes, kind: Kind, findings: Findings) -> None:
    """Read one line that is neither blank nor a comment."""
    try:
        fields = _names_of(line)
    except ValueError as error:
        findings.add_bad(number, str(error), line)
        return
    for field in fields:
        if field.lower() in _OWN_NAMES:
            findings.pass_over(_OWN_NAME)
            continue
        try:
            findings.names[RuleType(kind)][parse_name(decode(field))] = None
        except ValueError as error:
            findings.add_bad(number, str(error), field)


def _names_of(line: bytes) -> list[bytes]:
    if len(line) > MAX_LINE:
        raise ValueError(TOO_LONG)
    fields = line.partition(b"#")[0].split()
    if not fields or not is_address(decode(fields[0])):
        other = foreign_format(decode(line))
        raise ValueError(
            f"a line in another format: {other}" if other else "no address before the name"
        )
    if len(fields) == 1:
        raise ValueError("no name after the address")
    return fields[1:]
