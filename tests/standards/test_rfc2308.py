"""RFC 2308: negative answers, and how long they are kept."""

import pytest

from tests.standards.clock import Clocked

NAME = "gone.example.org"
SOA = "example.org. 300 SOA ns.example.org. admin.example.org. 1 7200 3600 86400 60"


def test_a_nxdomain_is_kept_for_the_minimum_of_its_soa() -> None:
    gateway = Clocked()
    gateway.tell(f"{NAME} A", authority=(SOA,), rcode="NXDOMAIN")
    for later, left in ((0, 60), (0, 60), (59, 1)):
        gateway.now += later
        answer = gateway.look(f"{NAME} A")
        assert (answer.rcode(), answer.authority[0].ttl) == (3, left)
    assert gateway.asked == [f"{NAME} A"]
    gateway.now += 1.5
    gateway.look(f"{NAME} A")
    assert len(gateway.asked) == 2


def test_a_the_ttl_of_the_soa_counts_where_it_is_less() -> None:
    gateway = Clocked()
    gateway.tell(f"{NAME} A", authority=(SOA.replace(" 300 ", " 20 "),), rcode="NXDOMAIN")
    assert gateway.look(f"{NAME} A").authority[0].ttl == 20
    gateway.now += 20
    gateway.look(f"{NAME} A")
    assert len(gateway.asked) == 2


def test_b_nodata_is_for_its_type_alone() -> None:
    gateway = Clocked()
    gateway.tell(f"{NAME} A", authority=(SOA,))
    gateway.tell(f"{NAME} AAAA", "@ 60 AAAA 2001:db8::1")
    for _ in range(2):
        assert not gateway.look(f"{NAME} A").answer
        assert gateway.look(f"{NAME} AAAA").answer
    assert gateway.asked == [f"{NAME} A", f"{NAME} AAAA"]


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_c_without_a_soa_it_is_not_kept(rcode: str) -> None:
    gateway = Clocked()
    gateway.tell(f"{NAME} A", rcode=rcode)
    for times in (1, 2):
        assert not gateway.look(f"{NAME} A").answer
        assert len(gateway.asked) == times


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_c_three_hours_are_the_longest(rcode: str) -> None:
    gateway = Clocked()
    week = SOA.replace(" 60", " 604800").replace(" 300 ", " 604800 ")
    gateway.tell(f"{NAME} A", authority=(week,), rcode=rcode)
    assert gateway.look(f"{NAME} A").authority[0].ttl == 10_800
    gateway.now += 10_800
    gateway.look(f"{NAME} A")
    assert len(gateway.asked) == 2


def test_b_nxdomain_is_for_every_type() -> None:
    gateway = Clocked()
    gateway.tell(f"{NAME} A", authority=(SOA,), rcode="NXDOMAIN")
    for qtype in ("A", "AAAA", "HTTPS", "TYPE65280"):
        assert gateway.look(f"{NAME} {qtype}").rcode() == 3
    assert gateway.asked == [f"{NAME} A"]
