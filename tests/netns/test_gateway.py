"""A whole gateway: real hosts, real addresses, a real name server, and dnsguard between them."""

import socket
from collections.abc import Iterator

import dns.edns
import dns.message
import dns.rcode
import pytest

from tests.netns.city import GATEWAY, LINK_LOCAL, City, city
from tests.support.asking import PATIENCE
from tests.support.gateway import read, said
from tests.support.loops import wait_for

REAL, SINKHOLE = "198.51.100.80", "0.0.0.0"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with city(tmp_path_factory.mktemp("city")) as built:
        yield built


transports = pytest.mark.parametrize("transport", ["udp", "tcp"])


@transports
@pytest.mark.parametrize("address", GATEWAY)
def test_each_answer_comes_from_the_address_asked(
    gateway: City, address: str, transport: str
) -> None:
    for client, expected in ((gateway.phone, SINKHOLE), (gateway.citizen, REAL)):
        response, source = client.ask("www.tiktok.com A", address, transport)
        assert (said(response), source) == (expected, address)
        response, source = client.ask("www.example.org A", address, transport)
        assert (said(response), source) == ("198.51.100.10", address)


@transports
def test_a_link_local_answer_leaves_by_the_interface_its_query_came_in(
    gateway: City, transport: str
) -> None:
    for client in (gateway.phone, gateway.citizen):
        response, source = client.ask("www.example.org A", LINK_LOCAL, transport)
        assert (said(response), source) == ("198.51.100.10", LINK_LOCAL)


@transports
def test_a_link_local_address_answers_clients_with_global_ones(
    gateway: City, transport: str
) -> None:
    for client, own, expected in (
        (gateway.phone, "2001:db8:20::7", SINKHOLE),
        (gateway.citizen, "fd00:99::7", REAL),
    ):
        response, source = client.ask("www.tiktok.com A", LINK_LOCAL, transport, by=own)
        assert (said(response), source) == (expected, LINK_LOCAL)


@transports
def test_who_asks_from_a_link_local_address_is_in_no_group(gateway: City, transport: str) -> None:
    # It says nothing of the network it is in: docs/limits.md has what to announce instead.
    for client in (gateway.phone, gateway.citizen):
        response, _ = client.ask("www.tiktok.com A", LINK_LOCAL, transport)
        assert said(response) == REAL


def test_the_phone_is_sinkholed_for_every_type_and_the_citizen_is_not(gateway: City) -> None:
    for address in ("10.20.0.1", "2001:db8:20::1"):
        answers = [
            said(gateway.phone.ask(f"www.tiktok.com {rdatatype}", address)[0])
            for rdatatype in ("A", "AAAA", "HTTPS")
        ]
        assert answers == [SINKHOLE, "::", "NODATA"]
    for address in ("10.99.0.1", "fd00:99::1"):
        assert said(gateway.citizen.ask("www.tiktok.com A", address)[0]) == REAL
        assert said(gateway.citizen.ask("www.tiktok.com AAAA", address)[0]) == "2001:db8::80"


@pytest.mark.parametrize(
    ("version", "size", "option"),
    [
        (4, 3000, None),
        (6, 3000, None),
        (6, 0, socket.IPV6_DSTOPTS),
        (6, 0, socket.IPV6_HOPOPTS),
        (6, 3000, socket.IPV6_DSTOPTS),
    ],
    ids=["IPv4 fragments", "IPv6 fragments", "destination options", "hop options", "both"],
)
def test_a_query_in_pieces_or_behind_other_headers_is_no_other(
    gateway: City, version: int, size: int, option: int | None
) -> None:
    padding = dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(size))
    query = dns.message.make_query("www.tiktok.com", "A", use_edns=0, options=[padding])
    wire = query.to_wire(max_size=65_535)
    for client, place, expected in (
        (gateway.phone, ("10.20.0.1", "2001:db8:20::1"), SINKHOLE),
        (gateway.citizen, ("10.99.0.1", "fd00:99::1"), REAL),
    ):
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        with client.host.socket(family, socket.SOCK_DGRAM) as asking:
            if option is not None:
                asking.setsockopt(socket.IPPROTO_IPV6, option, bytes([17, 0, 1, 4, 0, 0, 0, 0]))
            asking.settimeout(PATIENCE)
            asking.bind((client.addresses[version == 6], 0))
            asking.sendto(wire, (place[version == 6], 53))
            assert said(read(asking.recv(65_535))) == expected


@transports
def test_an_address_that_the_gateway_gets_later_is_served(gateway: City, transport: str) -> None:
    number = 40 if transport == "udp" else 41
    for address, length in ((f"10.{number}.0.1", 16), (f"2001:db8:{number}::1", 64)):
        gateway.gateway.add_address(f"{address}/{length}", "vlan30")
        for client, expected in ((gateway.phone, SINKHOLE), (gateway.citizen, REAL)):
            response, source = client.ask("www.tiktok.com A", address, transport)
            assert (said(response), source) == (expected, address)


@transports
@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8:53::1", "10.20.0.1"])
def test_a_stranger_is_refused(gateway: City, address: str, transport: str) -> None:
    for name in ("www.example.org", "www.tiktok.com"):
        response, source = gateway.stranger.ask(f"{name} A", address, transport)
        assert (said(response), source) == ("REFUSED", address)


def test_nothing_blocked_ever_leaves(gateway: City) -> None:
    with gateway.capture() as capture:
        for number in range(50):
            for rdatatype in ("A", "AAAA", "HTTPS", "TXT"):
                response, _ = gateway.phone.ask(f"n{number}.tiktok.com {rdatatype}", "10.20.0.1")
                assert said(response) in {SINKHOLE, "::", "NODATA"}
        gateway.phone.ask("unblocked.example.org A", "10.20.0.1")
        asked = {str(query.question[0].name).lower() for _, query in capture.queries()}
    assert "unblocked.example.org." in asked
    assert not [name for name in asked if "tiktok" in name]


def test_ports_ids_and_letter_case_of_queries_to_the_upstream_are_random(gateway: City) -> None:
    names = [f"name-with-letters-{number}.example.org." for number in range(100)]
    with gateway.capture() as capture:
        for name in names:
            gateway.citizen.ask(f"{name} A", "10.99.0.1")
        sent = [
            (port, query.id, str(query.question[0].name))
            for port, query in capture.queries()
            if str(query.question[0].name).lower() in names
        ]
    ports, ids, questions = zip(*sent, strict=True)
    # As often as it took: a machine that pauses has a query sent again.
    assert {question.lower() for question in questions} == set(names)
    for values in (ports, ids):
        assert len(set(values)) > 90
        assert max(values) - min(values) > 30_000
    for question in questions:
        assert question not in {question.lower(), question.upper()}
    assert len({question[:18] for question in questions}) > 90


def test_without_its_upstream_the_gateway_goes_on_and_recovers_by_itself(gateway: City) -> None:
    fresh = (f"n{number}.example.org A" for number in range(1_000_000))
    for _ in range(40):  # each worker has a cache of its own, and the kernel picks the worker
        gateway.citizen.ask("cached.example.org A", "10.99.0.1")
    with gateway.cut_off():
        response, _ = gateway.citizen.ask(next(fresh), "10.99.0.1")
        assert response.rcode() == dns.rcode.SERVFAIL
        assert response.extended_errors()
        assert said(gateway.phone.ask("www.tiktok.com A", "10.20.0.1")[0]) == SINKHOLE
        cached, _ = gateway.citizen.ask("cached.example.org A", "10.99.0.1")
        assert said(cached) == "198.51.100.10"
    wait_for(
        lambda: said(gateway.citizen.ask(next(fresh), "10.99.0.1")[0]) == "198.51.100.10",
        "the upstream is asked again",
    )
