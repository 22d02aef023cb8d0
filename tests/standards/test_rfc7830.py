"""RFC 7830 and 8467: padding."""

import pytest

from dnsguard.core.forward import Forward
from dnsguard.core.protocol import Transport
from tests.standards import wire
from tests.standards.clock import STAFF, Clocked
from tests.standards.subject import BLOCKED, PRINTER, Client
from tests.standards.wire import message, opt, option, question
from tests.support.gateway import packed

PADDING = 12
ENCRYPTED = [Transport.DOT, Transport.DOH, Transport.DOQ]


def size(gateway: Clocked, asked: bytes, transport: Transport) -> int:
    """Return how long the answer to a query is."""
    answer = gateway.resolver.query(asked, packed(STAFF), transport, gateway.now)
    if isinstance(answer, Forward):
        answer = gateway.finish(answer)
    assert answer is not None
    return len(answer)


@pytest.mark.parametrize("transport", ENCRYPTED)
def test_a_every_answer_to_a_padded_query_is_padded(transport: Transport) -> None:
    gateway = Clocked()
    padding = option(PADDING, bytes(40))
    for name in ("www.example.org", "www.tiktok.com", "use-application-dns.net", "x.test"):
        for _ in range(2):
            assert size(gateway, wire.query(name, 1, padding), transport) == 468
    errors = [
        message(question("www.example.org", 252), additional=(opt(padding),)),
        message(question("www.example.org"), flags=0, additional=(opt(padding),)),
    ]
    for error in errors:
        assert size(gateway, error, transport) == 468
    large = [f'@ 60 TXT "{number:03}{"x" * 200}"' for number in range(9)]
    gateway.tell("large.example.org TXT", *large)
    assert size(gateway, wire.query("large.example.org", 16, padding), transport) % 468 == 0


@pytest.mark.parametrize("transport", ENCRYPTED)
def test_a_without_padding_in_the_query_there_is_none(transport: Transport) -> None:
    assert size(Clocked(), wire.query("www.example.org"), transport) < 100


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name", [PRINTER, BLOCKED, "www.rfc7830a.example"])
def test_a_in_the_clear_nothing_is_padded(staff: Client, name: str, *, tcp: bool) -> None:
    answer = staff.ask(wire.query(name, 1, option(PADDING, bytes(40))), tcp=tcp)
    assert wire.rcode(answer) == "NOERROR"
    assert PADDING not in wire.options(answer)
