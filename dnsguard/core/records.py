"""The records of a message, one after another: checked where they stand, nothing copied.

A name stays in the message too: the offset of its first octet stands for it. What the records
say to a query is for `response`.
"""

from dnsguard.core import octets
from dnsguard.core.answer import MAX_TTL

MAX_NEGATIVE_TTL = 10_800  # RFC 2308 section 5
MAX_POINTERS = 127  # of one name: no more than it can have labels

_MAX_POINTERS = MAX_POINTERS  # records.pxd types what is defined here, not what is imported
_MAX_TTL = MAX_TTL
_MAX_NAME = 255
_MAX_LABEL = 63
_HEADER_SIZE = 12
_FIXED = 10  # octets between a record's owner and its RDATA
_SOA_TAIL = 20
_IN = 1
_SOA = 6
_NAPTR = 35
_SVCB = 64
_HTTPS = 65
_DS, _RRSIG, _NSEC, _NSEC3 = 43, 46, 47, 50

# Types whose RDATA holds names that may be compressed (RFC 3597 section 4): how many octets
# stand before the names, and how many names there are. Only a SOA has octets after them, and
# a NAPTR has three strings before its name.
_NAMES_IN_RDATA = {
    2: (0, 1),
    3: (0, 1),
    4: (0, 1),
    5: (0, 1),
    6: (0, 2),
    7: (0, 1),
    8: (0, 1),
    9: (0, 1),
    12: (0, 1),
    14: (0, 2),
    15: (2, 1),
    17: (0, 2),
    18: (2, 1),
    21: (2, 1),
    26: (2, 2),
    33: (6, 1),
    35: (4, 1),
    36: (2, 1),
    39: (0, 1),
}
_SERVICE_PREFIX = 2  # octets of a SVCB record before its target

# SvcParams that hold addresses (RFC 9460 section 7.3).
IPV4_HINT, IPV6_HINT = 4, 6
_IPV4_HINT, _IPV6_HINT = IPV4_HINT, IPV6_HINT
_TYPES = 1 + max(_NAMES_IN_RDATA)
_PREFIXES = bytes(_NAMES_IN_RDATA.get(rdatatype, (0, 0))[0] for rdatatype in range(_TYPES))
_COUNTS = bytes(_NAMES_IN_RDATA.get(rdatatype, (0, 0))[1] for rdatatype in range(_TYPES))
_SIZES = bytes({1: 4, 28: 16}.get(rdatatype, 0) for rdatatype in range(_TYPES))  # A, AAAA


class MalformedError(Exception):
    """The message is malformed."""


class RecordParser:
    """Parses one record of a message at each call of `parse`; made by `parse_records`.

    All but `rdatatype`, `rdataclass` and `ttl` are offsets: `owner`, `rdata`, `first_name` and
    `second_name` in RDATA (0 when there is none), `tail` behind these names, and `position`
    behind the record.
    """

    __slots__ = (
        "checked",
        "data",
        "first_name",
        "message",
        "owner",
        "position",
        "rdata",
        "rdataclass",
        "rdatatype",
        "second_name",
        "size",
        "tail",
        "ttl",
    )

    checked: int
    data: bytes
    message: bytes
    size: int
    position: int
    owner: int
    rdatatype: int
    rdataclass: int
    ttl: int
    rdata: int
    first_name: int
    second_name: int
    tail: int

    def parse(self) -> None:
        """Parse the next record. Raises MalformedError, as when there is none."""
        message = self.message
        self.owner = self.position
        fixed = self.skip_name(self.owner)
        rdata = fixed + _FIXED
        if rdata > self.size:
            raise MalformedError
        end = rdata + (message[rdata - 2] << 8 | message[rdata - 1])
        if end > self.size:
            raise MalformedError
        rdatatype = message[fixed] << 8 | message[fixed + 1]
        rdataclass = message[fixed + 2] << 8 | message[fixed + 3]
        self.rdatatype = rdatatype
        self.rdataclass = rdataclass
        self.ttl = octets.get32(message, fixed + 4)
        self.rdata = self.tail = rdata
        self.position = end
        self.first_name = self.second_name = 0
        if rdataclass == _IN:
            if rdatatype >= _TYPES:
                if rdatatype in (_SVCB, _HTTPS):
                    self._check_service()
            elif _COUNTS[rdatatype]:
                self._parse_names()
            elif _SIZES[rdatatype] and end - rdata != _SIZES[rdatatype]:
                raise MalformedError

    def skip_name(self, position: int) -> int:
        """Check the possibly compressed name at an offset and return the offset behind it.

        Raises MalformedError.
        """
        message = self.message
        if position + 2 > self.size or message[position] < 0xC0:
            return self._check_name(position)
        target = (message[position] & 0x3F) << 8 | message[position + 1]
        if target != self.checked:  # most names are a pointer where the one before led
            self._check_name(position)
            self.checked = target
        return position + 2

    def label(self, position: int) -> int:
        """Return the offset of the first label of the name at an offset, which was checked."""
        message = self.message
        while message[position] >= 0xC0:
            position = (message[position] & 0x3F) << 8 | message[position + 1]
        return position

    def same_name(self, first: int, second: int) -> bool:
        """Tell whether the names at two offsets, which were checked, differ in case at most."""
        message = self.message
        while True:
            first = self.label(first)
            second = self.label(second)
            if first == second:
                return True
            length = message[first]
            if length != message[second]:
                return False
            if length == 0:
                return True
            first += 1
            second += 1
            for at in range(length):
                octet = message[first + at]
                difference = octet ^ message[second + at]
                if difference and (difference != 0x20 or not 0x61 <= octet | 0x20 <= 0x7A):
                    return False
            first += length
            second += length

    def name(self, position: int) -> bytes:
        """Return the name at an offset, which was checked, uncompressed and in its letter case."""
        message = self.message
        labels = []
        while message[position]:
            if message[position] >= 0xC0:
                position = (message[position] & 0x3F) << 8 | message[position + 1]
                continue
            end = position + 1 + message[position]
            labels.append(message[position:end])
            position = end
        labels.append(b"\x00")
        return b"".join(labels)

    def subject(self) -> int:
        """Return the type of the RRset that the record belongs to or, as an RRSIG, signs."""
        if self.rdatatype == _RRSIG and self.position >= self.rdata + 2:
            return octets.get16(self.message, self.rdata)
        return self.rdatatype

    def _check_name(self, position: int) -> int:
        """Walk along a name; pointers must lead backwards, so every chain of them ends."""
        message = self.message
        size = self.size
        limit = position
        after = 0
        pointers = 0
        octets_of_name = 1
        while position < size:
            length = message[position]
            if length == 0:
                return after if after else position + 1
            if length < 0x40:
                position += 1 + length
                octets_of_name += 1 + length
                if octets_of_name > _MAX_NAME:
                    break
                continue
            pointers += 1
            if length < 0xC0 or position + 2 > size or pointers > _MAX_POINTERS:
                break
            if not after:
                after = position + 2
            position = (message[position] & 0x3F) << 8 | message[position + 1]
            if position >= limit:
                break
            limit = position
        raise MalformedError

    def _parse_names(self) -> None:
        rdatatype = self.rdatatype
        tail = self.rdata + _PREFIXES[rdatatype]
        if rdatatype == _NAPTR:
            tail = self._skip_strings(tail)
        self.first_name = tail
        tail = self.skip_name(tail)
        if _COUNTS[rdatatype] > 1:
            self.second_name = tail
            tail = self.skip_name(tail)
        if self.position - tail != (_SOA_TAIL if rdatatype == _SOA else 0):
            raise MalformedError
        self.tail = tail

    def _check_service(self) -> None:
        """Check that the target and the parameters of a SVCB record fill it (RFC 9460 section 2.2).

        Whoever looks for what policy judges then finds all that any client could.
        """
        message = self.message
        position = self.rdata + _SERVICE_PREFIX
        while True:
            if position >= self.position or message[position] > _MAX_LABEL:
                raise MalformedError
            length = message[position]
            position += 1 + length
            if length == 0:
                break
        if position - self.rdata - _SERVICE_PREFIX > _MAX_NAME:
            raise MalformedError
        while position < self.position:
            if position + 4 > self.position:
                raise MalformedError
            key = octets.get16(message, position)
            length = octets.get16(message, position + 2)
            if (key == _IPV4_HINT and length % 4) or (key == _IPV6_HINT and length % 16):
                raise MalformedError
            position += 4 + length
        if position != self.position:
            raise MalformedError

    def _skip_strings(self, position: int) -> int:
        """Return the offset behind the three strings of a NAPTR (RFC 3403 section 4.1)."""
        message = self.message
        for _ in range(3):
            if position >= self.position:
                raise MalformedError
            position += 1 + message[position]
        return position


def parse_records(data: bytes, position: int) -> RecordParser:
    """Return a parser of the records of a message from an offset on."""
    parser = RecordParser.__new__(RecordParser)
    parser.data = data
    parser.message = data
    parser.size = len(data)
    parser.position = position
    parser.checked = -1
    return parser


def parse_answer(question: bytes, body: bytes) -> RecordParser:
    """Return a parser of the records of an answer's body; the question leads their pointers."""
    start = _HEADER_SIZE + len(question)
    whole = octets.blank(start + len(body))
    message = whole
    octets.put32(message, 0, 0)
    octets.put32(message, 4, 0)
    octets.put32(message, 8, 0)
    octets.copy(message, _HEADER_SIZE, question, 0, len(question))
    octets.copy(message, start, body, 0, len(body))
    return parse_records(octets.whole(whole), start)


def bound_ttl(ttl: int, minimum: int, maximum: int) -> int:
    """Return a record's TTL within these bounds; one above 2^31 - 1 is 0 (RFC 2181 section 8)."""
    return max(minimum, min(0 if ttl > _MAX_TTL else ttl, maximum))


def is_proof(subject: int) -> bool:
    """Tell whether RRsets of a type prove a negative answer (RFC 2308, 4035 and 5155)."""
    return subject in (_SOA, _NSEC, _NSEC3, _DS)
