"""Which format a list is in, told by its lines: file names and headers are often wrong."""

import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from ipaddress import ip_address
from itertools import islice

from dnsguard.lists.formats.lines import MAX_LINE

HTML = "html"
SAMPLE_LINES = 1000

_is_html = re.compile(
    rb"\s*+<(?:!--|(?:!doctype|\?xml|html|head|body|title|meta|script|center|h1|p)\b)",
    re.IGNORECASE,
).match

_FOREIGN = {
    "cidr": re.compile(
        r"[0-9a-f:.]+/\d{1,3}(\s|$)|(\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f:.]+)\s*-\s*[0-9a-f:.]+$",
        re.IGNORECASE,
    ),
    "dnsmasq": re.compile(r"(address|server|local|ipset|nftset|alias|bogus-nxdomain)="),
    "unbound": re.compile(r"(server|local-zone|local-data|local-data-ptr|forward-zone):"),
    "rpz": re.compile(
        r"\$(TTL|ORIGIN)\s|(\S+\s+)?(\d+\s+)?(IN\s+)?(CNAME|DNAME|SOA|NS|A|AAAA|TXT)\s+\S"
    ),
    "adblock": re.compile(r"\|\||@@|\[adblock|.*(##|#@#|#\?#|\^(\$|$))|.*\$\w", re.IGNORECASE),
}
_COMMENT = re.compile(r"(^|\s)#.*")


def detect_format(text: bytes) -> str:
    """Return the format most of the first lines are in: HTML for a page, domains if unknown."""
    if _is_html(text):
        return HTML
    votes: Counter[str] = Counter()
    for _, line in islice(significant_lines(text), SAMPLE_LINES):
        if len(line) <= MAX_LINE and (found := _line_format(line.decode("utf-8", "replace"))):
            votes[found] += 1
    return votes.most_common(1)[0][0] if votes else "domains"


def significant_lines(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the stripped bytes of each line that is neither blank nor a comment."""
    for number, line in enumerate(BytesIO(text), 1):
        stripped = line.strip()
        if stripped and stripped[0] not in b"#!;":
            yield number, stripped


def foreign_format(line: str) -> str | None:
    """Return the format a line is written in, None where it may be a domains or hosts list's."""
    for name, pattern in _FOREIGN.items():
        if pattern.match(line):
            return name
    return None


def is_address(text: str) -> bool:
    """Tell whether a word is an IP address, or reads as one: its last label is a number."""
    if text.rstrip(".").rpartition(".")[2].isdigit():
        return True
    if ":" not in text:
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def without_comment(line: str) -> str:
    """Return a line without its `#` comment, which begins the line or follows white space."""
    return _COMMENT.sub("", line).strip(" \t")


def _line_format(line: str) -> str | None:
    fields = without_comment(line).split()
    if len(fields) > 1 and is_address(fields[0]):
        return "hosts"
    if found := foreign_format(line):
        return found
    if len(fields) == 1:
        return "cidr" if is_address(fields[0]) else "domains"
    return None
