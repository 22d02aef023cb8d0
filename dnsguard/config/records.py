"""The records of `local_records`: one line of zone file each, read strictly (RFC 1035 section 5).

OWNER. TTL IN TYPE RDATA, all parts written, owner and names in RDATA absolute.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from struct import pack

from dnsguard.config.values import MAX_SECONDS, domain
from dnsguard.core.local import Record
from dnsguard.text import quote

MAX_RECORD = 4_000
_EXAMPLE = "write it as in 'printer.city.example. 300 IN A 10.0.0.9'"
_STRING = re.compile(r'(?:"([^"\\]*)"|([^\s"\\;()]+))(?:\s+|$)')


def parse_record(value: object) -> Record:
    """Return the one record that a line says. Raises ValueError with the reason."""
    if not isinstance(value, str) or len(value) > MAX_RECORD or not value.isprintable():
        raise ValueError(f"must be the text of one record: {_EXAMPLE}")
    parts = value.strip().split(maxsplit=4)
    if len(parts) < 5:
        raise ValueError(f"{quote(value)} is not a record: {_EXAMPLE}")
    owner, ttl, rdataclass, rdatatype, rdata = parts
    if rdataclass.upper() != "IN" or not re.fullmatch("[0-9]{1,10}", ttl):
        raise ValueError(f"{quote(value)} has no TTL and class IN after its owner: {_EXAMPLE}")
    if int(ttl) > MAX_SECONDS:
        raise ValueError(f"the TTL {ttl} is too long: at most {MAX_SECONDS} (RFC 2181 section 8)")
    if rdatatype.upper() not in _RDATA:
        known = ", ".join(_RDATA)
        raise ValueError(f"{quote(rdatatype)} is not a type of local records: they are {known}")
    number, compose = _RDATA[rdatatype.upper()]
    return Record(_absolute(owner), number, int(ttl), compose(rdata))


def _absolute(text: str) -> bytes:
    if not text.endswith("."):
        raise ValueError(f"the name {quote(text)} must end in a dot: write {quote(text + '.')}")
    if text.startswith("*."):
        raise ValueError(f"{quote(text)}: wildcards are not supported: write each name out")
    return domain(text)


def _a(rdata: str) -> bytes:
    try:
        return IPv4Address(rdata).packed
    except ValueError:
        raise ValueError(f"{quote(rdata)} is not an IPv4 address") from None


def _aaaa(rdata: str) -> bytes:
    try:
        found = IPv6Address(rdata)
    except ValueError:
        found = None
    if found is None or found.scope_id is not None:
        raise ValueError(f"{quote(rdata)} is not an IPv6 address")
    return found.packed


def _numbers_and_name(*parts: str) -> Callable[[str], bytes]:
    """Return a composer of 16-bit numbers, named in messages, with a name after them."""

    def compose(rdata: str) -> bytes:
        fields = rdata.split()
        if len(fields) != len(parts) + 1:
            raise ValueError(f"{quote(rdata)} must be {' '.join((*parts, 'name'))}")
        target = b"\x00" if fields[-1] == "." else _absolute(fields[-1])
        return b"".join(map(_uint16, fields[:-1])) + target

    return compose


def _uint16(text: str) -> bytes:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 0xFFFF:
        raise ValueError(f"{quote(text)} is not a number from 0 to 65535")
    return pack("!H", int(text))


def _txt(rdata: str) -> bytes:
    strings = _strings(rdata)
    if any(len(string) > 255 for string in strings):
        raise ValueError("a string is longer than 255 octets: split it into several")
    return b"".join(bytes([len(string)]) + string for string in strings)


def _caa(rdata: str) -> bytes:
    fields = rdata.split(maxsplit=2)
    if len(fields) == 3 and re.fullmatch("[A-Za-z0-9]{1,15}", fields[1]):
        value = _strings(fields[2])
        if re.fullmatch("0|128", fields[0]) and len(value) == 1:
            return bytes([int(fields[0]), len(fields[1])]) + fields[1].encode() + value[0]
    raise ValueError(f"{quote(rdata)} must be as in '0 issue \"ca.example\"' (RFC 8659)")


def _strings(rdata: str) -> list[bytes]:
    strings = []
    position = 0
    while position < len(rdata):
        match = _STRING.match(rdata, position)
        if match is None or not match[0].isascii():
            raise ValueError(
                f"{quote(rdata)} must be ASCII strings in double quotes, without '\\' in them"
            )
        strings.append((match[1] if match[1] is not None else match[2]).encode())
        position = match.end()
    return strings


_RDATA: dict[str, tuple[int, Callable[[str], bytes]]] = {
    "A": (1, _a),
    "NS": (2, _numbers_and_name()),
    "CNAME": (5, _numbers_and_name()),
    "PTR": (12, _numbers_and_name()),
    "MX": (15, _numbers_and_name("preference")),
    "TXT": (16, _txt),
    "AAAA": (28, _aaaa),
    "SRV": (33, _numbers_and_name("priority", "weight", "port")),
    "CAA": (257, _caa),
}
