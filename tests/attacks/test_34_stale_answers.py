"""Stale answers: policy first, whatever happens while somebody waits for a fresh one."""

from dataclasses import replace

import pytest

from dnsguard.core.forward import Forward
from tests.standards.clock import CLIENT, STAFF, Clocked
from tests.support.gateway import extended_errors, read, said
from tests.support.generations import Ban, Setup

ASKED = "www.example.org A"
DAY = 86_400
SETUP = Setup(serve_stale=DAY)
ALIAS = ("@ 60 CNAME host.example.net.", "host.example.net. 60 A 192.0.2.7")
BANS = {"name": "example.org", "alias": "example.net"}


def expired() -> Clocked:
    """Return a gateway whose answer, an alias, expired an hour ago."""
    gateway = Clocked(SETUP.generation())
    gateway.tell(ASKED, *ALIAS)
    gateway.look(ASKED)
    gateway.now += 3660
    return gateway


def waiting(gateway: Clocked, client: str) -> Forward:
    forward = gateway.send(client, ASKED)
    assert isinstance(forward, Forward)
    return forward


def banning(name: str) -> Setup:
    return replace(SETUP, policies={"ban": Ban(block=[name])})


def gist(data: bytes | None) -> str:
    return said(read(data))


@pytest.mark.parametrize("ban", BANS)
def test_a_ban_that_comes_while_somebody_waits_holds_for_the_stale_answer(ban: str) -> None:
    gateway = expired()
    staff, other = waiting(gateway, STAFF), waiting(gateway, CLIENT)
    gateway.swap(banning(BANS[ban]).generation())
    gateway.now = staff.patience
    assert gist(gateway.resolver.stale(staff, gateway.now)) == "0.0.0.0"
    assert gist(gateway.resolver.stale(other, gateway.now)) == "host.example.net. 192.0.2.7"


@pytest.mark.parametrize("ban", BANS)
def test_a_ban_holds_for_the_fresh_answer_and_for_the_failure_that_follow(ban: str) -> None:
    for rcode in ("NOERROR", "SERVFAIL"):
        gateway = expired()
        staff = waiting(gateway, STAFF)
        gateway.resolver.stale(staff, staff.patience)
        gateway.swap(banning(BANS[ban]).generation())
        gateway.tell(ASKED, *(ALIAS if rcode == "NOERROR" else ()), rcode=rcode)
        assert gist(gateway.finish(staff)) == "0.0.0.0"
        for _ in range(3):
            gateway.now += 40
            assert gateway.say(STAFF, ASKED) == "0.0.0.0"


def test_a_ban_that_ends_ends_for_what_is_stale() -> None:
    gateway = expired()
    gateway.tell(ASKED, rcode="SERVFAIL")
    gateway.swap(banning("example.net").generation())
    assert gateway.say(STAFF, ASKED) == "0.0.0.0"
    gateway.swap(SETUP.generation())
    gateway.now += 31
    answer = gateway.look(ASKED, client=STAFF)
    assert said(answer) == "host.example.net. 192.0.2.7"
    assert extended_errors(answer) == [3]


def test_what_is_refreshed_while_somebody_waits_is_given_once_and_fresh() -> None:
    gateway = Clocked(SETUP.generation())
    gateway.tell(ASKED, "@ 60 A 192.0.2.7")
    for _ in range(8):
        gateway.look(ASKED)
    gateway.now += 59
    gateway.look(ASKED)
    [refresh] = gateway.resolver.refreshes
    gateway.now += 3600
    late = waiting(gateway, CLIENT)
    gateway.tell(ASKED, "@ 60 A 192.0.2.8")
    gateway.refresh(refresh)
    assert said(gateway.look(ASKED)) == "192.0.2.8"
    gateway.tell(ASKED, rcode="SERVFAIL")
    gateway.finish(late)
    answer = gateway.look(ASKED)
    assert (said(answer), extended_errors(answer)) == ("192.0.2.8", [])


@pytest.mark.parametrize("serve_stale", [0, DAY])
def test_a_swap_to_other_times_leaves_no_answer_that_is_too_old(serve_stale: int) -> None:
    gateway = expired()
    gateway.tell(ASKED, rcode="SERVFAIL")
    gateway.swap(replace(SETUP, serve_stale=serve_stale).generation())
    answer = gateway.look(ASKED)
    assert bool(answer.answer) == bool(serve_stale)
