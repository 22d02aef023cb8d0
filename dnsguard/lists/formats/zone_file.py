"""Zone files, line by line: RFC 1035 section 5, as name servers write and read them.

The name of the zone need not be in the file: it is `$ORIGIN`'s or the SOA's owner, and where
neither tells it, names are read as below it.
"""

import re
from typing import NamedTuple

from dnsguard.core import names
from dnsguard.lists.formats.lines import decode

MAX_PARTS = 1000  # of one record

_TOKEN = re.compile(
    r'[ \t\r]*+(?:;.*+|([()])|("(?:[^"\\]|\\.)*+"|(?:[^\s;()"\\]|\\.)++)|(.))', re.DOTALL
)
_TTL = re.compile(r"[0-9]{1,10}|(?:[0-9]{1,10}[smhdw])+", re.IGNORECASE).fullmatch
_TTL_PART = re.compile(r"([0-9]+)([smhdw]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MAX_TTL = 0x7FFFFFFF
_CLASSES = {"IN", "CH", "HS", "CS"}
_is_absolute = re.compile(r"(?:[^\\]|\\.)*\.", re.DOTALL).fullmatch
_OUTSIDE = "a name outside of the zone"


class ZoneRecord(NamedTuple):
    """A record: its owner relative to the zone, in wire form, and its data as written."""

    owner: bytes
    ttl: int
    rdatatype: str
    fields: list[str]


class ZoneFile:
    """What the lines so far say about the next: origin, default TTL, owner, open parenthesis."""

    def __init__(self) -> None:
        self.last_owner: bytes | None = None
        self.ending = b"."  # the text that absolute owners end in, without the final dot
        self._apex: bytes | None = None
        self._has_soa = False
        self._origin: bytes | None = None
        self._ttl = 0
        self._parts: list[str] = []
        self._depth = 0

    @property
    def is_open(self) -> bool:
        """Whether a parenthesis is open: the next line goes on with the record."""
        return self._depth > 0

    @property
    def is_at_apex(self) -> bool:
        """Whether relative names are relative to the zone itself."""
        return self._origin == self._apex

    def close(self) -> None:
        """Give up a record whose parenthesis is not closed."""
        self._parts = []
        self._depth = 0

    def read_line(self, line: bytes) -> ZoneRecord | None:
        """Return the record that a line ends; ValueError gives a plain reason."""
        try:
            complete = self._tokenize(decode(line))
        except ValueError:
            self.close()
            raise
        if not complete:
            return None
        parts, self._parts = self._parts, []
        if parts[0].startswith("$"):
            self._follow(parts)
            return None
        return self._record(parts)

    def absolute(self, text: str) -> bytes:
        """Return the wire form of a name in record data."""
        if text == ".":
            return names.ROOT
        if _is_absolute(text):
            return names.from_text(text)
        if self._origin is None:
            raise ValueError(_OUTSIDE)
        return self._origin if text == "@" else _join(names.from_text(text), self._origin)

    def _tokenize(self, text: str) -> bool:
        if not self._parts and not self._depth and text[:1] in {" ", "\t"}:
            self._parts.append("")
        for parenthesis, word, stray in _TOKEN.findall(text.rstrip()):
            if stray:
                raise ValueError("a quote that is not closed")
            if word:
                self._parts.append(word)
            elif parenthesis:
                self._depth += 1 if parenthesis == "(" else -1
        if self._depth < 0:
            raise ValueError("a parenthesis that is not open")
        if len(self._parts) > MAX_PARTS:
            raise ValueError("a parenthesis that is not closed")
        if self._depth:
            return False
        if self._parts == [""]:
            self._parts = []
        return bool(self._parts)

    def _follow(self, parts: list[str]) -> None:
        directive = parts[0].upper()
        if len(parts) == 2 and directive == "$TTL" and _TTL(parts[1]):
            self._ttl = _seconds(parts[1])
        elif len(parts) == 2 and directive == "$ORIGIN":
            self._origin = self.absolute(parts[1])
            if self._apex is None and not self._has_soa:
                self._set_apex(self._origin)
        else:
            raise ValueError("a directive other than $ORIGIN and $TTL")

    def _record(self, parts: list[str]) -> ZoneRecord:
        owner, rest = parts[0], parts[1:]
        ttl = self._ttl
        while rest and (_TTL(rest[0]) or rest[0].upper() in _CLASSES):
            if _TTL(rest[0]):
                ttl = _seconds(rest[0])
            elif rest[0].upper() != "IN":
                raise ValueError("a class other than IN")
            rest = rest[1:]
        if not rest:
            raise ValueError("a record without a type")
        rdatatype = rest[0].upper()
        if rdatatype == "SOA" and not self._has_soa:
            self._begin(owner)
        if owner:
            self.last_owner = self._relative(owner)
        if self.last_owner is None:
            raise ValueError("a record without an owner")
        return ZoneRecord(self.last_owner, ttl, rdatatype, rest[1:])

    def _begin(self, owner: str) -> None:
        self._has_soa = True
        if owner and (_is_absolute(owner) or self._origin is not None):
            self._set_apex(self.absolute(owner))
            self._origin = self._origin or self._apex

    def _set_apex(self, apex: bytes) -> None:
        self._apex = apex
        self.ending = b"." + names.to_text(apex).encode("ascii")

    def _relative(self, text: str) -> bytes:
        """Return an owner without the name of the zone: the root is the zone's own."""
        if self._origin is None and not _is_absolute(text):
            return names.ROOT if text == "@" else names.from_text(text)
        name = self.absolute(text)
        if self._apex is None or not names.is_at_or_below(name, self._apex):
            raise ValueError(_OUTSIDE)
        return name[: len(name) - len(self._apex)] + names.ROOT


def _join(name: bytes, origin: bytes) -> bytes:
    joined = name[:-1] + origin
    if len(joined) > names.MAX_NAME:
        raise ValueError(f"the name is longer than {names.MAX_NAME} octets")
    return joined


def _seconds(text: str) -> int:
    parts = _TTL_PART.findall(text)
    return min(_MAX_TTL, sum(int(count) * _SECONDS[unit.lower()] for count, unit in parts))
