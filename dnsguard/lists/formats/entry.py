"""One entry of a list: the text of a name to the name."""

import re

import idna

from dnsguard.core import names
from dnsguard.lists.formats.detection import foreign_format, is_address
from dnsguard.lists.formats.findings import NOT_A_NAME

MAX_PLAIN = 253

_LENGTH = [bytes([length]) for length in range(64)]
_has_name_characters = re.compile(r"[A-Za-z0-9_.-]*").fullmatch


def compose(plain: bytes) -> bytes:
    """Return the wire form of a name that PLAIN_NAME matches and that has at most 253 octets."""
    return b"".join([_LENGTH[len(label)] + label for label in plain.split(b".")]) + names.ROOT


def parse_name(text: str) -> bytes:
    """Return the wire form of a name as people write it; ValueError gives a plain reason."""
    if other := foreign_format(text):
        raise ValueError(f"a line in another format: {other}")
    if " " in text or "\t" in text:
        raise ValueError("more than one word where a name should be")
    if not text.isascii():
        text = _to_a_labels(text)
    if is_address(text):
        raise ValueError(NOT_A_NAME)
    if not _has_name_characters(text):
        raise ValueError("a character that no domain name has")
    return names.from_text(text)


def _to_a_labels(text: str) -> str:
    try:
        mapped = idna.uts46_remap(text, std3_rules=False, transitional=False)
        return ".".join(
            label if label.isascii() else idna.alabel(label).decode("ascii")
            for label in mapped.split(".")
        )
    except UnicodeError:
        raise ValueError("not an internationalised domain name (UTS 46)") from None
