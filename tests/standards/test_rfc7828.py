"""RFC 7828: how long a TCP connection may idle."""

import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, GONE, PRINTER, Client
from tests.standards.wire import option

KEEPALIVE = 11
TEN_SECONDS = (100).to_bytes(2, "big")


@pytest.mark.parametrize("name", [PRINTER, BLOCKED, GONE, "www.rfc7828a.example"])
def test_a_who_asks_over_tcp_is_told(staff: Client, name: str) -> None:
    answer = staff.ask(wire.query(name, 1, option(KEEPALIVE)), tcp=True)
    assert wire.options(answer)[KEEPALIVE] == TEN_SECONDS
    without = staff.ask(wire.query(name), tcp=True)
    assert KEEPALIVE not in wire.options(without)


@pytest.mark.parametrize("data", [b"", TEN_SECONDS, b"long"])
def test_a_over_udp_it_means_nothing(client: Client, data: bytes) -> None:
    answer = client.ask(wire.query(PRINTER, 1, option(KEEPALIVE, data)))
    assert wire.rcode(answer) == "NOERROR"
    assert KEEPALIVE not in wire.options(answer)


@pytest.mark.parametrize("data", [TEN_SECONDS, b"x", b"long"])
def test_a_a_client_tells_no_time(client: Client, data: bytes) -> None:
    answer = client.ask(wire.query(PRINTER, 1, option(KEEPALIVE, data)), tcp=True)
    assert wire.rcode(answer) == "FORMERR"
