"""Answers of many hops, as text: records, and which names and addresses a client learns by them.

Written from the section "The decision" of the design and kept apart from dnsguard's code. The
records are `owner type rdata`, in any order and letter case.
"""

from collections.abc import Sequence
from typing import NamedTuple

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.nsbase import NSBase
from dns.rdtypes.svcbbase import IPv4HintParam, IPv6HintParam, ParamKey, SVCBBase

from tests.support.reference import Hop

MAX_ALIASES = 16
TTL = 300
SOA = ". SOA ns.example. admin.example. 1 3600 600 86400 60"


class Record(NamedTuple):
    """A record of class IN, names in presentation form without the dot at the end."""

    owner: str
    rdatatype: str
    rdata: str

    @classmethod
    def parse(cls, text: str) -> "Record":
        """Return the record of a line such as `www.example.org A 192.0.2.1`."""
        return cls(*text.split(None, 2))

    @property
    def name(self) -> str:
        """The owner as names are compared."""
        return self.owner.lower()

    def asked(self, rdatatype: str) -> bool:
        """Tell whether who asks for a type is told this record of a name on the way."""
        return self.rdatatype == "CNAME" or rdatatype in (self.rdatatype, "ANY")

    def redirects(self, name: str, target: str | None) -> bool:
        """Tell whether this is a DNAME by which a name leads to a target."""
        if self.rdatatype != "DNAME" or not name.endswith(f".{self.name}"):
            return False
        return (name.removesuffix(self.name) + self.target).rstrip(".") == target

    @property
    def target(self) -> str:
        """Where an alias or a service binding leads to, empty for the root."""
        rdata = self.parsed()
        assert isinstance(rdata, (NSBase, SVCBBase))
        return str(rdata.target).rstrip(".").lower()

    def parsed(self) -> dns.rdata.Rdata:
        """Return the rdata as dnspython reads it."""
        return dns.rdata.from_text("IN", self.rdatatype, self.rdata, dns.name.root, False)


class Told(NamedTuple):
    """What an upstream tells: the question, and the records in their order."""

    qname: str
    rdatatype: str
    records: Sequence[Record]

    @property
    def question(self) -> str:
        """The question as text."""
        return f"{self.qname} {self.rdatatype}"

    @property
    def hops(self) -> list[Hop] | None:
        """The hops of the answer in the order in which they are judged, None if malformed."""
        return hops(self.qname, self.rdatatype, self.records)

    def serve(self, query: dns.message.Message) -> dns.message.Message:
        """Answer a query as an upstream."""
        return respond(query, self.records)


def hops(qname: str, rdatatype: str, answer: Sequence[Record]) -> list[Hop] | None:
    """Return the hops of an answer in the order in which they are judged, None if malformed."""
    names = _chain(qname.lower(), answer) if rdatatype != "CNAME" else [qname.lower()]
    if names is None:
        return None
    told: list[Record] = []
    for name in names:
        made = [r for r in answer if r.redirects(name, _target(name, answer)) and r not in told]
        told += sorted(made, key=lambda record: len(record.owner))[-1:]
        told += [r for r in answer if r.name == name and r.asked(rdatatype)]
    if answer and not told:
        return None
    return [
        Hop("name", names[0]),
        *(hop for record in told for hop in _names(record)),
        *(hop for record in told for hop in _addresses(record)),
    ]


def _chain(qname: str, answer: Sequence[Record]) -> list[str] | None:
    """Return the names from the queried one along its aliases, None for a loop or too many."""
    names = [qname]
    while (target := _target(names[-1], answer)) is not None:
        if target in names or len(names) > MAX_ALIASES:
            return None
        names.append(target)
    return names


def _target(name: str, answer: Sequence[Record]) -> str | None:
    """Return where a name leads by its alias, None if it has none."""
    aliases = (record for record in answer if record.rdatatype == "CNAME" and record.name == name)
    return next((alias.target for alias in aliases), None)


def respond(query: dns.message.Message, answer: Sequence[Record]) -> dns.message.Message:
    """Return the response with these records in this order, each as an RRset of its own.

    The SOA of a negative answer goes with all of them, so that each may be kept.
    """
    response = dns.message.make_response(query, recursion_available=True)
    response.answer = [_rrset(record) for record in answer]
    response.authority = [_rrset(Record.parse(SOA))]
    return response


def _rrset(record: Record) -> dns.rrset.RRset:
    rdata = record.parsed()
    rrset = dns.rrset.RRset(dns.name.from_text(record.owner), rdata.rdclass, rdata.rdtype)
    rrset.add(rdata, TTL)
    return rrset


def _names(record: Record) -> list[Hop]:
    """Return the name that a record leads to, if it does."""
    if record.rdatatype in ("CNAME", "DNAME"):
        return [Hop("cname", record.target)]
    if record.rdatatype in ("HTTPS", "SVCB") and record.target:  # else that is the owner itself
        return [Hop("target", record.target)]
    return []


def _addresses(record: Record) -> list[Hop]:
    """Return the addresses that a record tells."""
    if record.rdatatype in ("A", "AAAA"):
        return [Hop("address", record.rdata)]
    rdata = record.parsed()
    if not isinstance(rdata, SVCBBase):
        return []
    params = [rdata.params.get(key) for key in (ParamKey.IPV4HINT, ParamKey.IPV6HINT)]
    return [
        Hop("hint", address)
        for param in params
        if isinstance(param, (IPv4HintParam, IPv6HintParam))
        for address in param.addresses
    ]
