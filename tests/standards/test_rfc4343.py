"""RFC 4343: letter case does not matter, and is kept."""

import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, Client, Subject
from tests.standards.wire import message, question

SPELLINGS = ("eXaMpLe.rfc4343a.eXAMPLE", "example.RFC4343A.example", "example.rfc4343a.example")


def test_a_every_spelling_is_the_same_name_to_the_cache(subject: Subject, client: Client) -> None:
    for spelling in SPELLINGS:
        asked = message(question(spelling))
        answer = client.ask(asked)
        assert answer[12 : len(asked)] == asked[12:]
        [record] = wire.read(answer).answer
        assert record.name.to_text() == f"{spelling}."
    assert subject.was_asked(SPELLINGS[-1], 1)


@pytest.mark.parametrize("name", [BLOCKED.upper(), f"WwW.{BLOCKED.title()}"])
def test_a_every_spelling_is_the_same_name_to_a_ban(staff: Client, name: str) -> None:
    asked = message(question(name))
    answer = staff.ask(asked)
    assert answer[12 : len(asked)] == asked[12:]
    assert wire.rdata(answer, "A") == [bytes(4)]


def test_a_octets_that_are_no_letters_have_no_case(subject: Subject, client: Client) -> None:
    names = [b"\x03\xc3\xa9a\x08rfc4343a\x07example\0", b"\x03\xc3\x89a\x08rfc4343a\x07example\0"]
    for name in names:
        client.ask(message(question(name)))
    asked = {received.name for received in subject.asked_at_or_below("rfc4343a.example")}
    assert len(asked) == 1 + len(names)
