"""An upstream's answer as `why` shows it, and as the fetching of lists reads it.

An octet chooses the type that is asked for; the rest is a message from its flags on, as
`response` has it.
"""

import json
from collections.abc import Iterator
from random import Random

from dnsguard.control.name_service import _addresses, _parse
from dnsguard.core.protocol import Ede
from dnsguard.core.response import TtlBounds, parse_response
from dnsguard.evidence.why import Inquiry
from tests.compiled import messages
from tests.fuzz.reader import Reader
from tests.support.generations import Ban, generation
from tests.support.responses import record

_TYPES = (
    *("A", "AAAA", "CNAME", "NS", "PTR", "MX", "TXT", "SOA", "SRV", "HTTPS", "SVCB", "NAPTR"),
    *("CAA", "SSHFP", "LOC", "DS", "DNSKEY", "RRSIG", "NSEC", "NSEC3", "TLSA", "HINFO", "RP"),
    *("CERT", "DNAME", "TYPE65280", "ANY"),
)
_GENERATION = generation(
    lists={"list": ["listed.example", "198.51.100.0/24"]},
    policies={"ban": Ban(allow=["free.example"])},
    rebinding=True,
)
_MAX_EXPLANATIONS = 2  # that a reply has in its OPT record
_BOUNDS = TtlBounds(1, 86_400)


def run(data: bytes) -> None:
    """Have the answer to a question of the staff's told."""
    reader = Reader(data)
    rdatatype = reader.choose(_TYPES)
    inquiry = Inquiry(_GENERATION, "www.example.org", "10.20.0.7", rdatatype)
    forward = inquiry.forward
    assert forward is not None
    asked = forward.query.question
    message = b"\0\0" + reader.octets(10).ljust(10, b"\0") + asked + reader.rest()
    response = parse_response(message, 0, asked, _BOUNDS, trusted=False)
    if response.answer is None:
        reply = inquiry.resolver.failure(forward, Ede.NO_REACHABLE_AUTHORITY, 1.0)
    else:
        reply = inquiry.resolver.response(forward, response.answer, 1.0)
    assert reply is not None
    if rdatatype in ("A", "AAAA"):  # the name service asks for nothing else
        assert all(_addresses(_parse(reply)))
    inquiry.take(reply)
    told = inquiry.explain()
    json.dumps(told)
    lines = told["answer"].split("\n")
    assert all(line.isprintable() for line in lines)
    records = int.from_bytes(reply[6:8], "big") + int.from_bytes(reply[8:10], "big")
    assert 0 <= len(lines) - len(("forwarded", "status")) - records <= _MAX_EXPLANATIONS


def seeds() -> Iterator[bytes]:
    """Records of each type with all kinds of RDATA, and answers of many."""
    random = Random(9)
    for number in range(len(_TYPES)):
        header, records = messages.response(random)
        yield bytes([number]) + header + records
    head = b"\x81\x80\0\1\0\1\0\0\0\0"
    for number, rdatatype in ((6, 16), (9, 65), (11, 35), (12, 257), (14, 29), (17, 46), (18, 47)):
        for rdata in (b"", b"\xff", bytes(20), b"\5hello\5world", b"\0\1\0\0\1\0\3\2h2"):
            yield bytes([number]) + head + record(b"\xc0\x0c", rdatatype, rdata)
