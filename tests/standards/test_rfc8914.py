"""RFC 8914: Extended DNS Errors."""

import dns.edns
import dns.message
import pytest

from tests.standards import wire
from tests.standards.clock import Clocked
from tests.standards.subject import BLOCKED, DEAD_ZONE, GONE, Client
from tests.standards.wire import message, opt, question, read
from tests.support.gateway import question as asking

EDE = 15
STRANGER = "203.0.113.7"


def errors(answer: bytes | dns.message.Message) -> list[tuple[int, str]]:
    """Return the Extended DNS Errors of an answer, code and text."""
    told = read(answer) if isinstance(answer, bytes) else answer
    return [
        (int(one.code), one.text or "")
        for one in told.options
        if isinstance(one, dns.edns.EDEOption)
    ]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize(("name", "policy"), [(BLOCKED, "ban"), (f"www.{GONE}", "hide")])
@pytest.mark.parametrize("qtype", [1, 28, 65, 255, 65_280])
def test_a_a_blocked_answer_says_so(
    staff: Client, name: str, policy: str, qtype: int, *, tcp: bool
) -> None:
    answer = staff.ask(wire.query(name, qtype), tcp=tcp)
    [(code, text)] = errors(answer)
    assert code == 15
    assert policy in text
    assert text.isprintable()


def test_a_without_edns_nothing_is_said(staff: Client) -> None:
    for name in (BLOCKED, GONE, f"plain.{DEAD_ZONE}"):
        answer = staff.ask(wire.query(name, edns=False))
        assert wire.header(answer).counts[3] == 0


def test_a_why_no_upstream_answered_is_said(client: Client) -> None:
    answer = client.ask(wire.query(f"www.rfc8914a.{DEAD_ZONE}"))
    assert wire.rcode(answer) == "SERVFAIL"
    assert 23 in [code for code, _ in errors(answer)]
    assert all(text.isprintable() for _, text in errors(answer))


@pytest.mark.parametrize("code", [22, 23, 6])
def test_a_a_failure_says_the_reason_it_was_given(code: int) -> None:
    gateway = Clocked()
    gateway.look("other.example.org A")
    forward = gateway.send("192.168.1.5", "www.example.org A")
    assert not isinstance(forward, bytes)
    assert forward is not None
    answer = gateway.resolver.failure(forward, code, gateway.now)
    assert answer is not None
    assert [said for said, _ in errors(answer)] == [code]


@pytest.mark.parametrize(("told", "passed_on"), [(6, 6), (7, 7), (18, 18), (49_152, 22)])
def test_a_the_reason_of_an_upstream_is_passed_on_by_its_number(told: int, passed_on: int) -> None:
    gateway = Clocked()
    gateway.look("other.example.org A")
    gateway.tell("www.example.org A", rcode="SERVFAIL")
    gateway.error = dns.edns.EDEOption(dns.edns.EDECode.make(told), "a text that somebody wrote")
    assert errors(gateway.look("www.example.org A"))[0][0] == passed_on
    assert "somebody" not in str(errors(gateway.look("www.example.org A")))


def test_a_before_the_first_answer_of_all_it_may_be_too_early() -> None:
    gateway = Clocked()
    gateway.tell("www.example.org A", rcode="SERVFAIL")
    assert 14 in [code for code, _ in errors(gateway.look("www.example.org A"))]


def test_a_who_may_not_ask_is_told_it_is_prohibited() -> None:
    answer = Clocked().ask(STRANGER, asking("www.example.org A"))
    assert answer is not None
    assert [code for code, _ in errors(answer)] == [18]


def test_a_a_query_without_rd_is_told_that_this_is_no_authority(client: Client) -> None:
    asked = message(question("www.rfc8914a.example"), flags=0, additional=(opt(),))
    answer = client.ask(asked)
    assert wire.rcode(answer) == "REFUSED"
    assert [code for code, _ in errors(answer)] == [20]
