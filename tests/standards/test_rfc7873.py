"""RFC 7873 and 9018: DNS cookies."""

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject
from tests.standards.wire import option

COOKIE = 10
MINE, ANOTHERS = b"mymymymy", b"hishishi"


@pytest.mark.parametrize("size", [*range(8), *range(9, 16), 41, 60])
def test_a_a_cookie_of_another_length_is_formerr(client: Client, size: int) -> None:
    answer = client.ask(wire.query("printer.city.internal", 1, option(COOKIE, b"c" * size)))
    assert wire.rcode(answer) == "FORMERR"


def test_b_no_cookie_of_a_client_goes_upstream_or_to_another(
    subject: Subject, client: Client
) -> None:
    name = "www.rfc7873b.example"
    for cookie in (MINE, ANOTHERS):
        answer = client.ask(wire.query(name, 1, option(COOKIE, cookie)))
        other = MINE if cookie == ANOTHERS else ANOTHERS
        assert other not in answer
    assert COOKIE not in wire.options(client.ask(wire.query(name)))
    [received] = subject.asked(name)
    assert wire.options(received.query) == {}
