"""List texts to rules, in every format that publishers use (blocklists/README.md).

Nothing here raises on what a list contains: a line that gives no rule is counted with its
reason. Which rules are too broad to let in is decided in `guards`.
"""

import codecs
from collections.abc import Callable, Mapping

from dnsguard.core.image import Kind
from dnsguard.lists.formats import adblock, cidr, dnsmasq, domains, hosts, rpz, unbound
from dnsguard.lists.formats.detection import HTML, detect_format
from dnsguard.lists.formats.findings import ADDRESS, Findings
from dnsguard.lists.rules import Parsed, Rule

__all__ = ["ADDRESS", "FORMATS", "parse", "parse_line"]

_Reader = Callable[[bytes, Kind | None, Findings], None]

_READERS: Mapping[str, _Reader] = {
    "domains": domains.read,
    "hosts": hosts.read,
    "adblock": adblock.read,
    "rpz": rpz.read,
    "dnsmasq": dnsmasq.read,
    "unbound": unbound.read,
    "cidr": cidr.read,
}

FORMATS = tuple(_READERS)


def parse(
    text: bytes,
    *,
    format: str = "auto",  # noqa: A002 (the config's own word)
    match: str | None = None,
) -> Parsed:
    """Return the rules of a list; never raises on content.

    `format` is auto or one of FORMATS; an HTML page is recognised whatever it is, and has the
    format "html" and no rules. `match` (exact or suffix) replaces the format's own match for
    entries that carry no mark of their own.
    """
    text = text.removeprefix(codecs.BOM_UTF8)
    found = detect_format(text)
    if found != HTML and format != "auto":
        found = format
    findings = Findings()
    if found == HTML:
        findings.add_bad(1, "an HTML page where a list should be", text[:1000].strip())
    else:
        _READERS[found](text, None if match is None else Kind[match.upper()], findings)
    return findings.parsed(found)


def parse_line(line: str) -> Rule:
    """Return the rule of one entry in dnsguard's own syntax; ValueError gives a plain reason."""
    return domains.parse_entry(line.strip(" \t\r\n"), Kind.SUFFIX)
