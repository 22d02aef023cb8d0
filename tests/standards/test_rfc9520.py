"""RFC 9520: what nobody can answer is not asked for without end."""

from collections import Counter

from tests.standards.subject import DEAD_ZONE, Client, Subject


def test_a_one_query_is_at_most_three_tries_of_an_upstream(
    subject: Subject, client: Client
) -> None:
    for rcode in ("SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"):
        name = f"{rcode.lower()}.rfc9520a.example"
        subject.tell(name, rcode=rcode)
        assert client.gist(name) == "SERVFAIL"
        tries = Counter((one.peer[0], one.transport) for one in subject.asked(name))
        assert max(tries.values()) <= 3


def test_b_a_failure_is_that_names_alone(subject: Subject, client: Client) -> None:
    failing, other = "failing.rfc9520b.example", "other.rfc9520b.example"
    subject.tell(failing, rcode="SERVFAIL")
    assert client.gist(failing) == "SERVFAIL"
    assert client.gist(other) == "192.0.2.80"
    assert client.gist(f"www.{DEAD_ZONE}") == "SERVFAIL"
    assert client.gist(f"www.{other}") == "192.0.2.80"
