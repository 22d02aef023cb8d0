"""DNS rebinding: a public name that leads into the city's own networks."""

import pytest

from tests.standards.clock import Clocked
from tests.standards.subject import Client, Subject
from tests.support.generations import Setup

BOTH = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
DAY = 86_400
HELD_BACK = [
    *("A 127.0.0.1", "A 127.255.255.254", "A 10.0.0.1", "A 172.16.0.1", "A 192.168.1.1"),
    *("A 169.254.169.254", "A 100.64.0.1", "A 0.0.0.0", "A 0.1.2.3"),
    *("AAAA ::1", "AAAA ::", "AAAA fe80::1", "AAAA fd00::1", "AAAA ::ffff:10.0.0.1"),
    *("AAAA ::ffff:127.0.0.1", "AAAA 64:ff9b::a00:1", "AAAA 2002:a00:1::1"),
    *("HTTPS 1 . ipv4hint=10.0.0.1", "HTTPS 1 . ipv6hint=::1", "SVCB 1 . ipv4hint=127.0.0.1"),
    "HTTPS 1 . ipv4hint=192.0.2.7,10.0.0.1",
]


@BOTH
@pytest.mark.parametrize("record", HELD_BACK)
def test_a_public_name_leads_to_no_private_address(
    subject: Subject, client: Client, record: str, *, tcp: bool
) -> None:
    qtype = record.split()[0]
    name = f"n{HELD_BACK.index(record)}{int(tcp)}.rebound.example"
    subject.tell(name, f"@ 300 {record}")
    for _ in range(2):  # fresh, then cached
        assert client.gist(name, qtype, tcp=tcp) == "NODATA"
    assert subject.asked(name)


@pytest.mark.parametrize("beside", ["192.0.2.7", "198.51.100.1"])
def test_one_private_address_among_others_is_enough(
    subject: Subject, client: Client, beside: str
) -> None:
    name = f"n{beside.replace('.', '-')}.among.example"
    subject.tell(name, f"@ 300 A {beside}", "@ 300 A 10.0.0.1")
    assert client.gist(name) == "NODATA"


def test_nor_does_an_alias(subject: Subject, client: Client) -> None:
    name = "alias.rebound.example"
    subject.tell(name, "@ 300 CNAME host.rebound.example.", "host.rebound.example. 300 A 10.0.0.1")
    assert client.gist(name) == "NODATA"


def test_nor_an_answer_that_has_expired() -> None:
    gateway = Clocked(Setup(rebinding=True, serve_stale=DAY).generation())
    gateway.tell("www.example.org A", "@ 60 A 10.0.0.1")
    assert gateway.look("www.example.org A").answer == []
    gateway.now += 3600
    gateway.tell("www.example.org A", rcode="SERVFAIL")
    assert gateway.look("www.example.org A").answer == []


@pytest.mark.parametrize("after", [1, 3600])
def test_nor_what_was_cached_before_the_protection_was_switched_on(after: int) -> None:
    gateway = Clocked(Setup(serve_stale=DAY).generation())
    gateway.tell("www.example.org A", "@ 60 A 10.0.0.1")
    assert str(gateway.look("www.example.org A").answer[0][0]) == "10.0.0.1"
    gateway.now += after
    gateway.tell("www.example.org A", rcode="SERVFAIL")
    gateway.swap(Setup(rebinding=True, serve_stale=DAY).generation())
    assert gateway.look("www.example.org A").answer == []
