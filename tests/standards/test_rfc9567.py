"""RFC 9567 and 9606: error reports, and what a resolver says of itself."""

import dns.edns
import dns.message

from tests.standards import wire
from tests.standards.subject import Client, Subject, saying
from tests.standards.wire import option

REPORT_CHANNEL, RESINFO = 18, 261
AGENT = b"\x05agent\x07example\x00"


def test_a_an_agent_for_reports_is_neither_asked_nor_passed_on(
    subject: Subject, client: Client
) -> None:
    def name_an_agent(response: dns.message.Message) -> None:
        response.use_edns(
            options=[dns.edns.GenericOption(dns.edns.OptionType(REPORT_CHANNEL), AGENT)]
        )

    name = "www.rfc9567a.example"
    subject.teach(name, saying(rcode="SERVFAIL", change=name_an_agent))
    answer = client.ask(wire.query(name, 1, option(REPORT_CHANNEL, AGENT)))
    assert wire.rcode(answer) == "SERVFAIL"
    assert REPORT_CHANNEL not in wire.options(answer)
    assert subject.asked_at_or_below("agent.example") == []


def test_b_what_a_resolver_says_of_itself_is_not_asked_of_the_upstream(
    subject: Subject, client: Client
) -> None:
    assert client.gist("resolver.arpa", "TYPE261") == "NODATA"
    assert client.gist("_dns.resolver.arpa", "TYPE261") == "NODATA"
    assert subject.asked_at_or_below("resolver.arpa") == []
    client.gist("resolver.rfc9606b.example", "TYPE261")
    assert subject.was_asked("resolver.rfc9606b.example", 1)
