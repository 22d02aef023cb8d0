"""Ghost domains and huge TTLs: no answer outlives what its upstream last said."""

import pytest

from tests.standards.clock import Clocked
from tests.support.generations import Setup

NAME = "www.example.org"
ASKED = f"{NAME} A"
SOA = "example.org. 60 SOA ns.example.org. admin.example.org. 1 7200 3600 86400 60"
DAY = 86_400


@pytest.mark.parametrize("ttl", [DAY + 1, 604_800, 2**31 - 1])
def test_a_huge_ttl_is_a_day(ttl: int) -> None:
    gateway = Clocked()
    gateway.tell(ASKED, f"@ {ttl} CNAME host.example.net.", f"host.example.net. {ttl} A 192.0.2.7")
    assert {rrset.ttl for rrset in gateway.look(ASKED).answer} == {DAY}
    gateway.tell(ASKED, authority=(SOA,), rcode="NXDOMAIN")
    gateway.now += DAY - 1
    assert {rrset.ttl for rrset in gateway.look(ASKED).answer} == {1}
    gateway.now += 1
    assert gateway.look(ASKED).rcode() == 3


def test_asking_often_keeps_no_ghost() -> None:
    gateway = Clocked(Setup(serve_stale=DAY).generation())
    gateway.tell(ASKED, "@ 3600 A 192.0.2.7", authority=("example.org. 86400 NS ns.evil.example.",))
    gateway.look(ASKED)
    gateway.tell(ASKED, authority=(SOA,), rcode="NXDOMAIN")
    end = gateway.now + 3600
    while gateway.now < end:
        if answer := gateway.look(ASKED).answer:
            assert answer[0].ttl <= end - gateway.now
        for forward in gateway.resolver.refreshes:
            gateway.refresh(forward)
        gateway.resolver.refreshes.clear()
        gateway.now += 30
    assert gateway.look(ASKED).rcode() == 3
    assert len(gateway.asked) >= 2


def test_a_refreshed_answer_has_the_new_time() -> None:
    gateway = Clocked()
    gateway.tell(ASKED, "@ 3600 A 192.0.2.7")
    gateway.look(ASKED)
    gateway.tell(ASKED, "@ 20 A 192.0.2.8")
    gateway.now += 3590
    for _ in range(10):
        gateway.look(ASKED)
    [forward] = gateway.resolver.refreshes
    gateway.refresh(forward)
    answer = gateway.look(ASKED).answer[0]
    assert (str(answer[0]), answer.ttl) == ("192.0.2.8", 20)


def test_what_cannot_be_kept_by_its_ttl_is_asked_anew() -> None:
    gateway = Clocked()
    gateway.tell(ASKED, "@ 0 A 192.0.2.7")
    for number in range(1, 4):
        assert gateway.look(ASKED).answer[0].ttl == 0
        assert len(gateway.asked) == number
