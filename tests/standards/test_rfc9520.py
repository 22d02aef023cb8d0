"""RFC 9520: what nobody can answer is not asked for without end."""

from collections import Counter

from tests.standards import wire
from tests.standards.clock import Clocked
from tests.standards.subject import DEAD_ZONE, Client, Subject
from tests.support.gateway import extended_errors
from tests.support.shell import framed


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


def test_a_a_failure_is_remembered_for_two_seconds() -> None:
    gateway = Clocked()
    gateway.tell("www.example.org A", rcode="SERVFAIL")
    first = gateway.look("www.example.org A")
    tries = len(gateway.asked)
    gateway.now += 1.9
    for edns in (True, False):
        again = gateway.look("www.example.org A", edns=edns)
        assert again.rcode() == 2
        assert extended_errors(again) == ([13, *extended_errors(first)[:1]] if edns else [])
    assert len(gateway.asked) == tries


def test_a_a_hundred_clients_are_one_set_of_tries(subject: Subject, client: Client) -> None:
    name = "hundred.rfc9520a.example"
    subject.tell(name, rcode="SERVFAIL")
    client.socket(tcp=True).sendall(framed(*[wire.query(name)] * 100))
    for _ in range(100):
        assert wire.rcode(client.receive(tcp=True)) == "SERVFAIL"
    assert len(subject.asked(name)) <= 3


def test_b_it_is_over_as_soon_as_it_is_asked_again() -> None:
    gateway = Clocked()
    gateway.tell("www.example.org A", rcode="SERVFAIL")
    gateway.look("www.example.org A")
    gateway.tell("www.example.org A", "@ 60 A 192.0.2.7")
    gateway.now += 2
    assert gateway.look("www.example.org A").answer
    assert gateway.look("other.example.org A").answer
