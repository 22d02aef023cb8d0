"""RFC 6672: DNAME."""

from tests.standards import wire
from tests.standards.subject import Client, Subject


def test_a_a_dname_passes_with_the_alias_made_from_it(subject: Subject, client: Client) -> None:
    name, target = "www.old.rfc6672a.example", "www.new.rfc6672a.example"
    subject.tell(
        name,
        "old.rfc6672a.example. 300 DNAME new.rfc6672a.example.",
        f"@ 300 CNAME {target}.",
        f"{target}. 300 A 192.0.2.7",
    )
    for _ in range(2):
        answer = wire.read(client.ask(wire.query(name))).answer
        assert [rrset.rdtype for rrset in answer] == [39, 5, 1]


def test_a_a_dname_answers_its_own_name_alone(subject: Subject, client: Client) -> None:
    # What one answer says of a whole tree is not believed for its other names.
    first, second = "a.tree.rfc6672a.example", "b.tree.rfc6672a.example"
    subject.tell(
        first,
        "tree.rfc6672a.example. 300 DNAME elsewhere.example.",
        "@ 300 CNAME a.elsewhere.example.",
        "a.elsewhere.example. 300 A 203.0.113.66",
    )
    client.ask(wire.query(first))
    assert client.gist(second) == "192.0.2.80"
    assert subject.was_asked(second, 1)
