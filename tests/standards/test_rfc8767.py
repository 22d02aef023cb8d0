"""RFC 8767: answers that have expired, when there is no other."""

import dns.flags
import pytest

from dnsguard.core.forward import Forward
from tests.standards import wire
from tests.standards.clock import CLIENT, STAFF, Clocked
from tests.standards.subject import Client, Subject
from tests.support.gateway import extended_errors
from tests.support.generations import UPSTREAMS, Ban, Setup
from tests.support.loops import wait_for

NAME = "www.example.org"
SOA = "example.org. 60 SOA ns.example.org. admin.example.org. 1 7200 3600 86400 60"
DAY = 86_400
SETUP = Setup(serve_stale=DAY)
FAILURES = ["SERVFAIL", "REFUSED"]


def expired(setup: Setup = SETUP, after: float = 3600.0) -> Clocked:
    """Return a gateway whose answer expired a while ago, and whose upstream fails since."""
    gateway = Clocked(setup.generation())
    gateway.tell(f"{NAME} A", "@ 60 A 192.0.2.7")
    assert gateway.look(f"{NAME} A").answer[0].ttl == 60
    gateway.now += 60 + after
    gateway.tell(f"{NAME} A", rcode="SERVFAIL")
    return gateway


@pytest.mark.parametrize("failure", FAILURES)
def test_a_an_expired_answer_is_given_when_there_is_no_other(failure: str) -> None:
    gateway = expired()
    gateway.tell(f"{NAME} A", rcode=failure)
    answer = gateway.look(f"{NAME} A")
    assert (str(answer.answer[0][0]), answer.answer[0].ttl) == ("192.0.2.7", 30)
    assert extended_errors(answer) == [3]
    assert gateway.look(f"{NAME} A", edns=False).options == ()


def test_a_an_expired_nxdomain_says_which_it_is() -> None:
    gateway = Clocked(SETUP.generation())
    gateway.tell(f"{NAME} A", authority=(SOA,), rcode="NXDOMAIN")
    gateway.look(f"{NAME} A")
    gateway.now += 3600
    gateway.tell(f"{NAME} A", rcode="SERVFAIL")
    answer = gateway.look(f"{NAME} A")
    assert (answer.rcode(), extended_errors(answer)) == (3, [19])


def test_a_for_half_a_minute_nobody_is_asked() -> None:
    gateway = expired()
    gateway.look(f"{NAME} A")
    asked = len(gateway.asked)
    gateway.tell(f"{NAME} A", "@ 60 A 192.0.2.8")
    gateway.now += 29
    assert str(gateway.look(f"{NAME} A").answer[0][0]) == "192.0.2.7"
    assert len(gateway.asked) == asked
    gateway.now += 1
    fresh = gateway.look(f"{NAME} A")
    assert (str(fresh.answer[0][0]), extended_errors(fresh)) == ("192.0.2.8", [])


def test_a_a_client_is_not_kept_waiting() -> None:
    gateway = expired()
    forward = gateway.send(CLIENT, f"{NAME} A")
    assert isinstance(forward, Forward)
    assert forward.patience == gateway.now + 1.8
    gateway.now = forward.patience
    answer = gateway.resolver.stale(forward, gateway.now)
    assert answer is not None
    assert wire.rdata(answer, "A") == [bytes([192, 0, 2, 7])]


def test_a_a_running_gateway_does_so(subject: Subject, client: Client) -> None:
    name = "www.rfc8767a.example"
    subject.tell(name, "@ 1 A 192.0.2.7")
    assert client.gist(name) == "192.0.2.7"
    subject.tell(name, rcode="SERVFAIL")

    def is_stale() -> bool:
        answer = client.ask(wire.query(name))
        assert wire.rdata(answer, "A") == [bytes([192, 0, 2, 7])]
        return extended_errors(wire.read(answer)) == [3]

    wait_for(is_stale, "the answer has expired")


def test_b_it_is_given_no_longer_than_configured() -> None:
    gateway = expired(after=DAY - 1)
    assert gateway.look(f"{NAME} A").answer
    gateway = expired(after=DAY)
    answer = gateway.look(f"{NAME} A")
    assert (answer.rcode(), answer.answer) == (2, [])
    gateway = expired(Setup(serve_stale=0))
    assert gateway.look(f"{NAME} A").rcode() == 2


def test_b_nxdomain_takes_its_place() -> None:
    gateway = expired()
    gateway.tell(f"{NAME} A", authority=(SOA,), rcode="NXDOMAIN")
    for _ in range(2):
        answer = gateway.look(f"{NAME} A")
        assert (answer.rcode(), extended_errors(answer)) == (3, [])


@pytest.mark.parametrize("failure", FAILURES)
def test_b_a_failure_does_not(failure: str) -> None:
    gateway = expired()
    gateway.tell(f"{NAME} A", rcode=failure)
    for _ in range(3):
        assert gateway.look(f"{NAME} A").answer
        gateway.now += 31


def test_b_a_ban_comes_first() -> None:
    gateway = expired()
    assert gateway.look(f"{NAME} A", client=STAFF).answer
    banning = Setup(serve_stale=DAY, policies={"ban": Ban(block=["example.org"])})
    gateway.swap(banning.generation())
    answer = gateway.look(f"{NAME} A", client=STAFF)
    assert (str(answer.answer[0][0]), extended_errors(answer)) == ("0.0.0.0", [15])
    assert str(gateway.look(f"{NAME} A").answer[0][0]) == "192.0.2.7"


def test_b_a_ban_on_what_it_leads_to_comes_first() -> None:
    gateway = Clocked(SETUP.generation())
    gateway.tell(f"{NAME} A", "@ 60 CNAME host.example.net.", "host.example.net. 60 A 192.0.2.7")
    assert gateway.look(f"{NAME} A", client=STAFF).answer
    gateway.now += 3600
    gateway.tell(f"{NAME} A", rcode="SERVFAIL")
    banning = Setup(serve_stale=DAY, policies={"ban": Ban(block=["example.net"])})
    gateway.swap(banning.generation())
    for _ in range(2):
        answer = gateway.look(f"{NAME} A", client=STAFF)
        assert (str(answer.answer[0][0]), extended_errors(answer)) == ("0.0.0.0", [15])
        assert extended_errors(gateway.look(f"{NAME} A")) == [3]


def test_b_it_is_not_called_authentic() -> None:
    gateway = Clocked(Setup(serve_stale=DAY, trusted=UPSTREAMS).generation())
    gateway.authentic = True
    gateway.tell(f"{NAME} A", "@ 60 A 192.0.2.7")
    assert gateway.look(f"{NAME} A", do=True).flags & dns.flags.AD
    gateway.now += 61
    gateway.tell(f"{NAME} A", rcode="SERVFAIL")
    stale = gateway.look(f"{NAME} A", do=True)
    assert extended_errors(stale) == [3]
    assert not stale.flags & dns.flags.AD
