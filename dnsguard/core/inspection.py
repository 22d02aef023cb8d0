"""What policy says of a question and of what its answer leads to: its signatures.

Only what a client could go by is a hop: the aliases, the targets of services, the addresses
and address hints. Who is named elsewhere (MX, SRV, NS) is asked for by name and judged then.
"""

from dnsguard.core import octets
from dnsguard.core.answer import Answer
from dnsguard.core.cache import Entry
from dnsguard.core.policy import Policy
from dnsguard.core.protocol import Rdatatype
from dnsguard.core.records import IPV4_HINT, IPV6_HINT, RecordParser, parse_answer
from dnsguard.core.view import Trigger

_A = int(Rdatatype.A)  # inspection.pxd types what is defined here, not what is imported
_CNAME = int(Rdatatype.CNAME)
_AAAA = int(Rdatatype.AAAA)
_DNAME = int(Rdatatype.DNAME)
_SVCB = int(Rdatatype.SVCB)
_HTTPS = int(Rdatatype.HTTPS)
_TO_CNAME = int(Trigger.CNAME)
_TO_TARGET = int(Trigger.TARGET)
_TO_ADDRESS = int(Trigger.ADDRESS)
_TO_HINT = int(Trigger.HINT)
_IPV4_HINT = IPV4_HINT
_IPV6_HINT = IPV6_HINT
_IPV4_SIZE = 4
_IPV6_SIZE = 16
_IN = 1
_SERVICE_PREFIX = 2  # octets of a SVCB record before its target
_PARAMETER_PREFIX = 4  # octets of a SvcParam before its value
_KEY_SUFFIX = 5  # octets of a question's key after its name

Hops = list[tuple[int, bytes]]
"""Triggers, each with a lower-case wire name or a packed address; names come first."""


def sign(policy: Policy, entry: Entry) -> None:
    """Look up what policy says of an entry's question, and of its answer if there is one."""
    name = octets.cut(entry.key, 0, len(entry.key) - _KEY_SUFFIX)
    while entry.epoch != policy.epoch:
        epoch = policy.epoch
        name_signature = signature = policy.signature(name)
        if entry.answer is not None:
            signature = inspect(policy, entry, name_signature, entry.answer)
        entry.name_signature = name_signature
        entry.signature = signature
        entry.epoch = epoch  # last, so that nothing counts as judged that is not


def inspect(policy: Policy, entry: Entry, name_signature: int, answer: Answer) -> int:
    """Return the signature of an answer to the question of an entry."""
    hops = find_hops(octets.cut(entry.key, 0, len(entry.key) - 1), answer)
    if entry.local:  # the city's own addresses are its own affair
        hops = [hop for hop in hops if hop[0] < _TO_ADDRESS]
    return policy.extend(name_signature, hops) if hops else name_signature


def find_hops(question: bytes, answer: Answer) -> Hops:
    """Return the hops of an answer to a question: its names in order, then its addresses."""
    names: Hops = []
    addresses: Hops = []
    parser = parse_answer(question, answer.body)
    for _ in range(answer.ancount):
        parser.parse()
        if parser.rdataclass != _IN:
            continue
        rdatatype = parser.rdatatype
        if rdatatype in (_A, _AAAA):
            address = octets.cut(parser.data, parser.rdata, parser.position)
            addresses.append((_TO_ADDRESS, address))
        elif rdatatype in (_CNAME, _DNAME):
            names.append((_TO_CNAME, parser.name(parser.first_name).lower()))
        elif rdatatype in (_SVCB, _HTTPS):
            _add_service(parser, names, addresses)
    if names:
        names.extend(addresses)
        return names
    return addresses


def _add_service(parser: RecordParser, names: Hops, addresses: Hops) -> None:
    """Add the target and the hints of a SVCB record, which the parser has checked."""
    data = parser.data
    message = data
    position = start = parser.rdata + _SERVICE_PREFIX
    while message[position]:
        position += 1 + message[position]
    position += 1
    if position - start > 1:  # else the target is the owner itself
        names.append((_TO_TARGET, octets.cut(data, start, position).lower()))
    while position < parser.position:
        key = octets.get16(message, position)
        position += _PARAMETER_PREFIX
        end = position + octets.get16(message, position - 2)
        size = _IPV4_SIZE if key == _IPV4_HINT else _IPV6_SIZE
        if key in (_IPV4_HINT, _IPV6_HINT):
            for at in range(position, end, size):
                addresses.append((_TO_HINT, octets.cut(data, at, at + size)))
        position = end
