"""RFC 8198: denial of existence for names that were not asked."""

from tests.standards import wire
from tests.standards.subject import Client, Subject
from tests.standards.wire import DO, message, opt, question

SOA = "rfc8198a.example. 300 SOA ns.example. admin.example. 1 7200 3600 86400 60"
NSEC = "a.rfc8198a.example. 300 NSEC z.rfc8198a.example. A RRSIG NSEC"


def test_a_what_is_not_validated_proves_nothing_for_other_names(
    subject: Subject, client: Client
) -> None:
    subject.tell("b.rfc8198a.example", authority=(SOA, NSEC), rcode="NXDOMAIN")
    extra = (opt(flags=DO),)
    gone = client.ask(message(question("b.rfc8198a.example"), additional=extra))
    assert wire.rcode(gone) == "NXDOMAIN"
    there = client.ask(message(question("c.rfc8198a.example"), additional=extra))
    assert wire.rdata(there, "A") == [bytes([192, 0, 2, 80])]
    assert subject.was_asked("c.rfc8198a.example", 1)
