"""RFC 7871: client subnet in queries."""

import dns.edns
import dns.message
import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, Client, Subject, saying
from tests.standards.wire import option, read

STAFF_SUBNET = option(8, bytes.fromhex("000120007f000002"))
OTHER_SUBNET = option(8, bytes.fromhex("000120007f000003"))
NO_SUBNET = option(8, bytes.fromhex("00010000"))


@pytest.mark.parametrize("subnet", [STAFF_SUBNET, OTHER_SUBNET, NO_SUBNET])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_a_no_client_subnet_goes_upstream(
    subject: Subject, client: Client, subnet: bytes, *, tcp: bool
) -> None:
    name = f"n{subnet.hex()}{int(tcp)}.rfc7871a.example"
    assert 8 not in wire.options(client.ask(wire.query(name, 1, subnet), tcp=tcp))
    received, *_ = subject.asked(name)  # again, should the machine have paused
    assert wire.options(received.query) == {}


def test_a_a_client_subnet_never_decides_which_ban_applies(client: Client, staff: Client) -> None:
    name = f"subnet.{BLOCKED}"
    assert wire.rdata(client.ask(wire.query(name, 1, STAFF_SUBNET)), "A") != [bytes(4)]
    assert wire.rdata(staff.ask(wire.query(name, 1, OTHER_SUBNET)), "A") == [bytes(4)]


def test_a_a_scope_that_nobody_asked_for_means_nothing(subject: Subject, client: Client) -> None:
    def scope(response: dns.message.Message) -> None:
        response.use_edns(options=[dns.edns.ECSOption("192.0.2.0", 24, 24)])

    name = "scope.rfc7871a.example"
    subject.teach(name, saying("@ 60 A 192.0.2.7", change=scope))
    for subnet in (STAFF_SUBNET, OTHER_SUBNET):
        answer = client.ask(wire.query(name, 1, subnet))
        assert wire.options(answer) == {}
        assert wire.rdata(answer, "A") == [bytes([192, 0, 2, 7])]
    assert subject.was_asked(name, 1)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "0001",
        "000118",
        "00091800c00002",
        "00012100c0000201",
        "00011818c00002",
        "00011800c0000201",
        "00011800c000",
        "00011900c0000201",
        "0002810020010db8",
    ],
    ids=[
        "nothing",
        "a family",
        "no scope",
        "family 9",
        "33 bits of IPv4",
        "a scope",
        "too many octets",
        "too few octets",
        "bits beyond the prefix",
        "129 bits of IPv6",
    ],
)
def test_a_a_malformed_one_is_formerr(subject: Subject, client: Client, data: str) -> None:
    name = "malformed.rfc7871a.example"
    for tcp in (False, True):
        answer = client.ask(wire.query(name, 1, option(8, bytes.fromhex(data))), tcp=tcp)
        assert wire.rcode(answer) == "FORMERR"
        assert read(answer).answer == []
    assert subject.asked(name) == []
