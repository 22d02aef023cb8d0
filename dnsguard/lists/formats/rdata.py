"""The text of record data to its uncompressed wire form (RFC 1035 section 5.1)."""

import re
from collections.abc import Callable, Sequence
from struct import pack

from dnsguard.core.protocol import Rdatatype
from dnsguard.lists.formats.cidr import parse_prefix

MAX_STRING = 255

_is_other_type = re.compile(
    r"HTTPS|SVCB|CAA|NAPTR|TLSA|SSHFP|LOC|HINFO|SPF|URI|OPENPGPKEY|SMIMEA|RP|AFSDB|APL|DHCID"
    r"|CERT|HIP|IPSECKEY|KX|EUI48|EUI64|TYPE[0-9]{1,5}"
).fullmatch
_NUMBER = re.compile("[0-9]{1,5}").fullmatch
_ESCAPE = re.compile(r"\\([0-9]{3}|.)")

ParseName = Callable[[str], bytes]
"""The text of a name, relative or not, to its wire form."""


def parse_rdata(rdatatype: str, fields: Sequence[str], parse_name: ParseName) -> tuple[int, bytes]:
    """Return the number of a type and the data that the fields say, quotes still on.

    Raises KeyError for a type that local data is not made of, ValueError with a plain reason.
    """
    if rdatatype not in _TYPES and not _is_other_type(rdatatype):
        raise ValueError("not a type of record")
    number, parse = _TYPES[rdatatype]
    return number, parse(fields, parse_name)


def _address(fields: Sequence[str], octets: int) -> bytes:
    if len(fields) != 1:
        raise ValueError("not one address")
    packed, _ = parse_prefix(fields[0])
    if len(packed) != octets:
        raise ValueError("an address of the other family")
    return packed


def _numbers_and_name(count: int) -> Callable[[Sequence[str], ParseName], bytes]:
    def parse(fields: Sequence[str], parse_name: ParseName) -> bytes:
        if len(fields) != count + 1:
            raise ValueError("record data with a part too many or too few")
        return b"".join(map(_uint16, fields[:-1])) + parse_name(fields[-1])

    return parse


def _uint16(text: str) -> bytes:
    if not _NUMBER(text) or int(text) > 0xFFFF:
        raise ValueError("not a number from 0 to 65535")
    return pack("!H", int(text))


def _strings(fields: Sequence[str], _parse_name: ParseName) -> bytes:
    if not fields:
        raise ValueError("record data with a part too many or too few")
    strings = [_unescape(field) for field in fields]
    if any(len(string) > MAX_STRING for string in strings):
        raise ValueError("a string longer than 255 octets")
    return b"".join(bytes([len(string)]) + string for string in strings)


def _unescape(field: str) -> bytes:
    if field.startswith('"'):
        field = field[1:-1]
    return _ESCAPE.sub(_unescaped, field).encode("latin-1", "replace")


def _unescaped(match: re.Match[str]) -> str:
    escaped = match[1]
    return chr(min(int(escaped), 0xFF)) if len(escaped) == 3 else escaped


_TYPES: dict[str, tuple[int, Callable[[Sequence[str], ParseName], bytes]]] = {
    "A": (Rdatatype.A, lambda fields, _: _address(fields, 4)),
    "AAAA": (Rdatatype.AAAA, lambda fields, _: _address(fields, 16)),
    "CNAME": (Rdatatype.CNAME, _numbers_and_name(0)),
    "PTR": (Rdatatype.PTR, _numbers_and_name(0)),
    "MX": (Rdatatype.MX, _numbers_and_name(1)),
    "SRV": (Rdatatype.SRV, _numbers_and_name(3)),
    "TXT": (Rdatatype.TXT, _strings),
}
