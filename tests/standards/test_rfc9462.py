"""RFC 9462 and 9463: designated resolvers."""

import pytest

from tests.standards import wire
from tests.standards.subject import OTHER, STAFF, Subject


@pytest.mark.parametrize("source", [STAFF, OTHER])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("qtype", ["SVCB", "A", "AAAA", "HTTPS", "TXT", "ANY", "DS"])
@pytest.mark.parametrize(
    "name", ["_dns.resolver.arpa", "resolver.arpa", "a.b.resolver.arpa", "_DNS.Resolver.ARPA"]
)
def test_a_resolver_arpa_is_nodata_and_never_forwarded(
    subject: Subject, source: str, name: str, qtype: str, *, tcp: bool
) -> None:
    with subject.client(source) as client:
        answer = wire.read(client.ask(wire.query(name, wire.rdatatype(qtype)), tcp=tcp))
    assert (answer.rcode(), answer.answer) == (0, [])
    assert [rrset.rdtype for rrset in answer.authority] == [6]
    assert subject.asked_at_or_below("resolver.arpa") == []
