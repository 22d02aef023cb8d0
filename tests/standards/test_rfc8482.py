"""RFC 8482: questions for every type."""

import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, GONE, Client, Subject

ANY = 255
EVERYTHING = ["@ 60 A 192.0.2.7", "@ 60 MX 10 mail.example.", '@ 60 TXT "all of it"']


def test_a_the_answer_is_the_upstreams(subject: Subject, client: Client) -> None:
    name = "www.rfc8482a.example"
    subject.tell(name, *EVERYTHING)
    for _ in range(2):
        answer = wire.read(client.ask(wire.query(name, ANY), tcp=True))
        assert {rrset.rdtype for rrset in answer.answer} == {1, 15, 16}
    assert subject.was_asked(name, 1)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_a_a_ban_holds_for_it_too(subject: Subject, staff: Client, *, tcp: bool) -> None:
    assert staff.gist(f"any.{BLOCKED}", "ANY", tcp=tcp) == "NODATA"
    assert staff.gist(f"any.{GONE}", "ANY", tcp=tcp) == "NXDOMAIN"
    assert subject.asked(f"any.{BLOCKED}") == []


def test_a_over_udp_it_is_no_use_to_a_reflector(subject: Subject, client: Client) -> None:
    for records in range(1, 20):
        name = f"n{records}.rfc8482a.example"
        subject.tell(name, *[f"@ 60 A 192.0.2.{number}" for number in range(records)])
        for edns in (False, True):
            asked = wire.query(name, ANY, edns=edns)
            answer = client.ask(asked)
            whole = client.ask(asked, tcp=True)
            assert len(answer) <= 3 * len(asked)
            truncated = wire.header(answer).flags & wire.TC != 0
            assert truncated is (len(whole) > 3 * len(asked))
