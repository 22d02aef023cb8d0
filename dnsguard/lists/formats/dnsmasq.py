"""The options of dnsmasq that block: `address=`, `local=` and `server=` (its manual page).

`/x/` means x and everything below it. A redirect to a real address is local data; `server=`
with an upstream is a forward and no matter of a list, with `#` it is an exception.
"""

import re

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.core.view import Effect
from dnsguard.lists.formats.cidr import parse_prefix
from dnsguard.lists.formats.detection import without_comment
from dnsguard.lists.formats.entry import MAX_PLAIN, compose, parse_name
from dnsguard.lists.formats.findings import Findings
from dnsguard.lists.formats.lines import PLAIN_NAME, decode, find_lines, plain_lines
from dnsguard.lists.formats.local_data import LocalData, address_record, is_sinkhole
from dnsguard.lists.rules import ALLOW, BLOCK, Action, RuleType

_LINES = plain_lines(
    rb"(address|local|server)=/(" + PLAIN_NAME + rb")/(#|0\.0\.0\.0|127\.0\.0\.1|::1?+|)"
)
_RULE = re.compile(r"(address|local|server)=/(.*)/([^/]*)").fullmatch
_OPTION = re.compile(r"[a-z0-9-]+(=.*)?").fullmatch
_NXDOMAIN = Action(Effect.BLOCK, "nxdomain")
_UNQUALIFIED = "names without a dot"
_FORWARD = "a forward"
_SETTING = "a setting of the server"


def read(text: bytes, match: Kind | None, findings: Findings) -> None:
    """Read a dnsmasq configuration: suffix rules, unless the config says otherwise."""
    kind = match or Kind.SUFFIX
    by_value = {
        (option, value): findings.names[RuleType(kind, action)]
        for option, value, action in (
            *((b"address", value, BLOCK) for value in (b"#", b"0.0.0.0", b"127.0.0.1")),
            *((b"address", value, BLOCK) for value in (b"::", b"::1")),
            *((option, b"", _NXDOMAIN) for option in (b"address", b"local", b"server")),
            (b"server", b"#", ALLOW),
            (b"local", b"#", ALLOW),
        )
    }
    data = LocalData()
    for number, (option, plain, value, line) in enumerate(find_lines(_LINES, text), 1):
        found = by_value.get((option, value))
        if found is not None and len(plain) <= MAX_PLAIN:
            found[compose(plain)] = None
        else:
            entry = line.strip() or (b"%b=/%b/%b" % (option, plain, value) if plain else b"")
            if entry and entry[0] != 0x23:
                try:
                    _read_option(decode(entry), kind, data, findings)
                except ValueError as error:
                    findings.add_bad(number, str(error), entry)
    data.write(findings)


def _read_option(entry: str, kind: Kind, data: LocalData, findings: Findings) -> None:
    entry = without_comment(entry)
    rule = _RULE(entry)
    if rule is None:
        if not _OPTION(entry):
            raise ValueError("not an option of dnsmasq")
        findings.pass_over(_SETTING)
        return
    option, domains, value = rule.groups()
    if option != "address" and value not in {"", "#"}:
        findings.pass_over(_FORWARD)
        return
    wires = [_parse_domain(domain) for domain in domains.split("/") if domain]
    if not wires:
        findings.pass_over(_UNQUALIFIED)
    packed = b"" if value in {"", "#"} else parse_prefix(value)[0]
    for wire in wires:
        if packed and not is_sinkhole(packed):
            data.add((kind, wire), address_record(packed))
        else:
            findings.names[RuleType(kind, _action(option, value))][wire] = None


def _action(option: str, value: str) -> Action:
    if not value:
        return _NXDOMAIN
    return BLOCK if option == "address" else ALLOW


def _parse_domain(domain: str) -> bytes:
    return names.ROOT if domain == "#" else parse_name(domain.removeprefix("*.").removeprefix("."))
