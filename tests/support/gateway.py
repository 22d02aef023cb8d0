"""A worker without its IO: datagrams and a clock in, datagrams out, upstreams of records.

gateway = Gateway(generation())
gateway.say("10.20.0.7", "www.tiktok.com A")     # "0.0.0.0"
gateway.say("192.168.1.5", "www.tiktok.com A")   # "192.0.2.1"
"""

import random
from array import array
from collections.abc import Callable, Iterable
from ipaddress import ip_address

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from dnsguard.core import counters
from dnsguard.core.answer import Answer
from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation
from dnsguard.core.protocol import Transport
from dnsguard.core.randomness import Randomness
from dnsguard.core.resolver import Resolver
from dnsguard.core.retry import Retry, start
from dnsguard.core.route import Route

Server = Callable[[dns.message.Message], dns.message.Message]
"""What an upstream makes of a query."""

_EVERY_NAME = {"A": "192.0.2.1", "AAAA": "2001:db8::1", "TXT": '"hello"'}


def question(text: str, *, edns: bool = True, payload: int = 1232) -> dns.message.QueryMessage:
    """Return the query of a question such as `www.example.org A`."""
    name, rdatatype = text.split()
    if not edns:
        return dns.message.make_query(name, rdatatype, use_edns=False)
    return dns.message.make_query(name, rdatatype, use_edns=0, payload=payload)


def packed(address: str) -> bytes:
    """Return an address as the core takes it."""
    return ip_address(address).packed


def read(data: bytes | None) -> dns.message.Message | None:
    """Return what dnspython reads in a response; it must read all of it."""
    return None if data is None else dns.message.from_wire(data)


def said(message: dns.message.Message | None) -> str:
    """Return the gist of a response in a word or two: its addresses, or why there are none."""
    if message is None:
        return "silence"
    if message.flags & dns.flags.TC:
        return "truncated"
    if message.rcode() != dns.rcode.NOERROR:
        return dns.rcode.to_text(message.rcode())
    return " ".join(rdata.to_text() for rrset in message.answer for rdata in rrset) or "NODATA"


def extended_errors(message: dns.message.Message | None) -> list[int]:
    """Return the INFO-CODEs of a response (RFC 8914)."""
    options = [] if message is None else message.options
    return [int(option.code) for option in options if isinstance(option, dns.edns.EDEOption)]


def records_server(*lines: str) -> Server:
    """Return a server of these records that knows an address for every other name."""
    rrsets = [_rrset(*line.split(None, 4)) for line in lines]
    owners = {rrset.name for rrset in rrsets}

    def serve(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query, recursion_available=True)
        name, rdatatype = query.question[0].name, query.question[0].rdtype
        while alias := _find(rrsets, name, dns.rdatatype.CNAME):
            response.answer.append(alias)
            name = alias[0].target
        own = _find(rrsets, name, rdatatype)
        if own is not None:
            response.answer.append(own)
        elif name not in owners and (text := _EVERY_NAME.get(dns.rdatatype.to_text(rdatatype))):
            response.answer.append(dns.rrset.from_text(name, 300, "IN", rdatatype, text))
        else:
            soa = "ns.example. admin.example. 1 3600 600 86400 60"
            response.authority.append(dns.rrset.from_text(".", 900, "IN", "SOA", soa))
        return response

    return serve


def _rrset(owner: str, ttl: str, rdataclass: str, rdatatype: str, rdata: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(owner, int(ttl), rdataclass, rdatatype, rdata)


def _find(
    rrsets: Iterable[dns.rrset.RRset], name: dns.name.Name, rdatatype: int
) -> dns.rrset.RRset | None:
    return next((r for r in rrsets if r.name == name and r.rdtype == rdatatype), None)


class Gateway:
    """A resolver, a clock to be advanced by addition, and one server behind every upstream."""

    def __init__(self, generation: Generation, server: Server | None = None) -> None:
        self.now = 1000.0
        self.page = array("Q", bytes(8 * 20_000))
        self.server = server or records_server()
        self.generation = generation
        self.resolver = Resolver(generation.policy, generation.settings, self.page)
        self._randomness = Randomness(random.Random(5452).randbytes)

    def swap(self, generation: Generation) -> None:
        """Serve by another generation, as after a reload."""
        self.generation = generation
        self.resolver.swap(generation.policy, generation.settings)

    def say(self, client: str, text: str, *, edns: bool = True) -> str:
        """Return the gist of the answer to a question."""
        return said(self.ask(client, question(text, edns=edns)))

    def ask(
        self, client: str, query: dns.message.Message, transport: int = Transport.UDP
    ) -> dns.message.Message | None:
        """Return the response to a query, an upstream's if need be."""
        outcome = self.send(client, query, transport)
        return read(self.finish(outcome) if isinstance(outcome, Forward) else outcome)

    def send(
        self, client: str, query: dns.message.Message | str, transport: int = Transport.UDP
    ) -> bytes | Forward | None:
        """Hand a query to the resolver and return what it says."""
        message = question(query) if isinstance(query, str) else query
        return self.resolver.query(message.to_wire(), packed(client), transport, self.now)

    def finish(self, forward: Forward) -> bytes | None:
        """Return the response to a forward, by way of an upstream."""
        attempts, answer = self._exchange(forward)
        if answer is None:
            return self.resolver.failure(forward, attempts.ede, self.now)
        return self.resolver.response(forward, answer, self.now)

    def refresh(self, forward: Forward) -> None:
        """Have a forward answered for which nobody waits."""
        _, answer = self._exchange(forward)
        if answer is not None:
            self.resolver.refreshed(forward, answer, self.now)

    def _exchange(self, forward: Forward) -> tuple[Retry, Answer | None]:
        upstreams = self.generation.upstream_sets[forward.zone]
        trusted = [number for number in upstreams if self.generation.upstreams[number].trusted]
        route = Route(upstreams, self.generation.ttl_bounds, trusted=frozenset(trusted))
        attempts = start(forward.query, route, self._randomness, self.now)
        while attempt := attempts.next(self.now):
            response = self.server(dns.message.from_wire(attempt.message)).to_wire(max_size=65_535)
            attempts.result(attempt, response)
            if attempts.answer is not None:
                break
        return attempts, attempts.answer

    def hits(self, group: str, policy: str, name: str, qtype: int = 1, trigger: int = 0) -> int:
        """Return how often a list decided for a policy of a group."""
        policies = next(v for v in self.generation.policy.views if v.group == group).policies
        ranges = next(p for p in policies if p.name == policy).counters
        numbers = [number for number, known in enumerate(self.lists) if known == name]
        return self.page[ranges[numbers[0]] + counters.hit_offset(trigger, qtype)]

    @property
    def lists(self) -> list[str]:
        """Return the names of the lists in their order."""
        return [known.name for known in self.generation.policy.lists]
