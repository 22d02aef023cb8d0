import dns.message
import dns.rrset
import pytest

from dnsguard.core.answer import Answer
from dnsguard.core.protocol import AD
from tests.support.gateway import Gateway, question, records_server
from tests.support.generations import Setup

STAFF, OTHER = "10.20.0.7", "192.168.1.5"
ECH = "ech=AAb+DQACq80="


def records(gateway: Gateway, client: str, text: str) -> list[str]:
    """Return the data of the answer to a question, which is asked twice."""
    first = gateway.ask(client, question(text))
    again = gateway.ask(client, question(text))
    assert first is not None
    assert again is not None
    assert first.answer == again.answer
    return [rdata.to_text() for rrset in first.answer for rdata in rrset]


@pytest.mark.parametrize("rdatatype", ["HTTPS", "SVCB"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f'1 . alpn="h2" {ECH} ipv6hint="2001:db8::1"', '1 . alpn="h2" ipv6hint="2001:db8::1"'),
        (
            f'1 b.example. mandatory="alpn,ech" alpn="h2" {ECH}',
            '1 b.example. mandatory="alpn" alpn="h2"',
        ),
        (f'1 . mandatory="ech" {ECH}', "1 ."),
        ('1 . alpn="h2"', '1 . alpn="h2"'),
        ("0 alias.example.", "0 alias.example."),
    ],
)
def test_registered_groups_get_no_keys(rdatatype: str, before: str, after: str) -> None:
    server = records_server(
        "www.example. 300 IN CNAME a.example.", f"a.example. 300 IN {rdatatype} {before}"
    )
    gateway = Gateway(Setup(strip_ech=True).generation(), server)
    kept = Gateway(Setup().generation(), server)
    text = f"www.example. {rdatatype}"
    assert records(gateway, STAFF, text) == ["a.example.", after]
    assert records(gateway, OTHER, text) == records(kept, STAFF, text)


def test_the_answer_for_all_types_has_none_either() -> None:
    gateway = Gateway(
        Setup(strip_ech=True).generation(),
        lambda query: _with_answer(query, f"a.example. 300 IN HTTPS 1 . {ECH}"),
    )
    assert records(gateway, STAFF, "a.example. ANY") == ["1 ."]


def test_what_was_changed_is_not_authentic() -> None:
    gateway = Gateway(
        Setup(strip_ech=True).generation(), records_server(f"a.example. 300 IN HTTPS 1 . {ECH}")
    )
    forward = gateway.send(STAFF, "a.example. HTTPS")
    gateway.finish(forward)  # type: ignore[arg-type]
    [entry] = [entry for entry in gateway.resolver.cache if entry.answer is not None]
    assert isinstance(entry.answer, Answer)
    entry.answer.authentic = True
    asked = question("a.example. HTTPS")
    asked.flags |= AD
    stripped, whole = gateway.ask(STAFF, asked), gateway.ask(OTHER, asked)
    assert stripped is not None
    assert whole is not None
    assert not stripped.flags & AD
    assert whole.flags & AD


def _with_answer(query: dns.message.Message, line: str) -> dns.message.Message:
    response = dns.message.make_response(query, recursion_available=True)
    owner, ttl, rdataclass, rdatatype, rdata = line.split(None, 4)
    response.answer.append(dns.rrset.from_text(owner, int(ttl), rdataclass, rdatatype, rdata))
    return response
