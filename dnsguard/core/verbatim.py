"""Answers taken from a message as they stand: nearly all, and the fastest way.

A record may stay as it is where it is part of the answer and so is every octet that its
compression pointers lead to. Those may lead to a label of the question's name or of a name in
RDATA that stays too; never to the header or a TTL, which change before a client sees them.
Anything else is for `recompose`.
"""

from dnsguard.core import octets
from dnsguard.core.answer import QNAME_OFFSET, Answer
from dnsguard.core.protocol import Rcode, Rdatatype
from dnsguard.core.records import MAX_NEGATIVE_TTL, RecordParser, bound_ttl, is_proof

MAX_NAMES = 16  # that pointers may lead to; also bounds the chain of aliases

_MAX_NAMES = MAX_NAMES  # verbatim.pxd types what is defined here, not what is imported
_MAX_NEGATIVE_TTL = MAX_NEGATIVE_TTL
_QNAME_OFFSET = QNAME_OFFSET
_NXDOMAIN = int(Rcode.NXDOMAIN)
_CNAME = int(Rdatatype.CNAME)
_SOA = int(Rdatatype.SOA)
_RRSIG = int(Rdatatype.RRSIG)
_OPT = int(Rdatatype.OPT)
_ANY = int(Rdatatype.ANY)
_IN = 1


class Verbatim:
    """Takes the answer and the authority section of one message, record by record."""

    __slots__ = (
        "_ancount",
        "_answered",
        "_begin",
        "_end",
        "_has_soa",
        "_left_behind",
        "_maximum",
        "_minimum",
        "_names",
        "_next_owner",
        "_nscount",
        "_owner",
        "_parser",
        "_patched",
        "_proof",
        "_qtype",
        "_stated_ttl",
        "_ttl",
        "_ttl_offsets",
    )

    def take(
        self,
        parser: RecordParser,
        ancount: int,
        nscount: int,
        qtype: int,
        minimum: int,
        maximum: int,
    ) -> bool:
        """Parse these two sections and take them; False when they cannot stay as they are.

        `minimum` and `maximum` are the bounds of TTLs. Raises MalformedError.
        """
        self._parser = parser
        self._qtype = qtype
        self._minimum = minimum
        self._maximum = maximum
        self._begin = self._end = parser.position
        self._names = [_QNAME_OFFSET]
        self._owner = 0
        self._next_owner = _QNAME_OFFSET
        self._stated_ttl = self._ttl = 0
        self._ancount = self._nscount = 0
        self._answered = self._has_soa = self._left_behind = False
        self._ttl_offsets: list[int] = []
        self._patched: bytearray | None = None
        self._proof: list[tuple[int, int, int]] | None = None
        for number in range(ancount + nscount):
            parser.parse()
            if parser.rdatatype == _OPT:
                return False
            if not (self._take_answer() if number < ancount else self._take_authority()):
                return False
        return True

    def compose(self, rcode: int) -> Answer:
        """Return the answer that the records taken make."""
        answer = Answer.__new__(Answer)
        answer.rcode = rcode
        message = self._parser.message
        if self._patched is None:
            answer.body = message[self._begin : self._end]
        else:
            patched = self._patched
            answer.body = b"" + patched[self._begin : self._end]
        answer.ancount = self._ancount
        answer.nscount = self._nscount
        answer.ttl_offsets = tuple(self._ttl_offsets)
        negative = rcode == _NXDOMAIN or not self._answered
        answer.ttl = 0 if negative and not self._has_soa else self._ttl
        answer.authentic = False
        return answer

    def _take_answer(self) -> bool:
        """Take the next record along the chain of aliases.

        All records of an owner must have one TTL, so every RRset does (RFC 2181 section 5.2).
        """
        parser = self._parser
        owner = self._pointer(parser.owner)
        if not owner or parser.rdataclass != _IN or self._qtype == _ANY:
            return False
        if owner == self._next_owner:
            self._owner = owner
            self._next_owner = 0
            self._stated_ttl = parser.ttl
        elif owner != self._owner or parser.ttl != self._stated_ttl:
            return False
        if parser.rdatatype == self._qtype:
            self._answered = True
            stays = self._take_names()
        elif parser.rdatatype == _CNAME:
            stays = self._take_alias()
        else:
            stays = parser.rdatatype == _RRSIG
        if not stays:
            return False
        self._ancount += 1
        self._keep(self._maximum)
        return True

    def _take_authority(self) -> bool:
        """Take a record that proves something; leave behind others, once no more is to come."""
        parser = self._parser
        if parser.rdataclass != _IN or not is_proof(parser.subject()):
            self._left_behind = True
            return True
        if self._left_behind:
            return False
        self._nscount += 1
        return self._take_soa() if parser.rdatatype == _SOA else self._take_proof()

    def _take_soa(self) -> bool:
        """Take the SOA that says how long a negative answer holds (RFC 2308 section 5)."""
        parser = self._parser
        if self._has_soa or self._qtype == _SOA or not self._is_above(parser.owner):
            return False
        if not self._take_names():
            return False
        self._has_soa = True
        least = octets.get32(parser.message, parser.position - 4)
        self._keep(min(self._maximum, least, _MAX_NEGATIVE_TTL))
        return True

    def _take_proof(self) -> bool:
        """Take a record of DNSSEC, unless its RRset has another TTL."""
        parser = self._parser
        if self._ancount or not self._take_name(parser.owner):
            return False
        if self._proof is None:
            self._proof = []
        for rdatatype, ttl, owner in self._proof:
            another_ttl = rdatatype == parser.rdatatype and ttl != parser.ttl
            if another_ttl and parser.same_name(owner, parser.owner):
                return False
        self._proof.append((parser.rdatatype, parser.ttl, parser.owner))
        self._keep(self._maximum)
        return True

    def _pointer(self, position: int) -> int:
        """Return where the pointer at an offset leads, 0 when there is a label."""
        message = self._parser.message
        if message[position] < 0xC0:
            return 0
        return (message[position] & 0x3F) << 8 | message[position + 1]

    def _take_alias(self) -> bool:
        parser = self._parser
        if self._next_owner:
            return False
        target = parser.label(parser.first_name)
        for name in self._names:
            if parser.same_name(name, target):
                return False
        self._next_owner = target
        return self._take_name(parser.first_name)

    def _take_names(self) -> bool:
        """Take the names in RDATA; compressed they may stay only in types of RFC 1035."""
        parser = self._parser
        if not parser.first_name:
            return True
        if parser.rdatatype >= 16 or not self._take_name(parser.first_name):
            return False
        return not parser.second_name or self._take_name(parser.second_name)

    def _take_name(self, position: int) -> bool:
        message = self._parser.message
        start = self._parser.label(position)
        while 0 < message[position] < 0x40:
            position += 1 + message[position]
        if message[position] and not self._is_label(self._pointer(position)):
            return False
        if len(self._names) >= _MAX_NAMES:
            return False
        self._names.append(start)
        return True

    def _is_label(self, offset: int) -> bool:
        """Tell whether a label of a name that stays starts at an offset."""
        message = self._parser.message
        for name in self._names:
            position = name
            while position < offset and 0 < message[position] < 0x40:
                position += 1 + message[position]
            if position == offset:
                return True
        return False

    def _is_above(self, position: int) -> bool:
        """Tell whether the name at an offset is the root or leads to the last alias's labels."""
        parser = self._parser
        message = parser.message
        if message[position] == 0:
            return True
        owner = self._pointer(position)
        position = parser.label(self._next_owner or self._owner)
        while position != owner:
            if message[position] == 0:
                return False
            position = parser.label(position + 1 + message[position])
        return True

    def _keep(self, maximum: int) -> None:
        parser = self._parser
        ttl = bound_ttl(parser.ttl, self._minimum, maximum)
        position = parser.rdata - 6
        if ttl != parser.ttl:
            if self._patched is None:
                self._patched = bytearray(parser.data)
            octets.put32(self._patched, position, ttl)
        if not self._ttl_offsets or ttl < self._ttl:
            self._ttl = ttl
        self._ttl_offsets.append(position - self._begin)
        self._end = parser.position
