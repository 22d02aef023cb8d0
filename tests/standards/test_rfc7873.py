"""RFC 7873 and 9018: DNS cookies."""

from pathlib import Path

import pytest

from tests.standards import wire
from tests.standards.subject import (
    BLOCKED,
    DEAD_ZONE,
    GONE,
    OTHER,
    PRINTER,
    STAFF,
    Client,
    Subject,
)
from tests.standards.wire import message, opt, option
from tests.support.server import running

COOKIE = 10
MINE, ANOTHERS = b"mymymymy", b"hishishi"


def server_cookie(client: Client, cookie: bytes, *, tcp: bool = False) -> bytes:
    """Return what comes back for a cookie, for an answer that is there in any case."""
    answer = client.ask(wire.query(PRINTER, 1, option(COOKIE, cookie)), tcp=tcp)
    assert wire.rcode(answer) == "NOERROR"
    return wire.options(answer)[COOKIE]


def test_a_a_client_cookie_is_answered_by_a_server_cookie(staff: Client) -> None:
    for name in (PRINTER, BLOCKED, GONE, "www.rfc7873a.example", f"www.{DEAD_ZONE}"):
        answer = staff.ask(wire.query(name, 1, option(COOKIE, MINE)))
        cookie = wire.options(answer)[COOKIE]
        assert len(cookie) == 24
        assert cookie.startswith(MINE)
        assert cookie[8:12] == b"\1\0\0\0", "version and reserved (RFC 9018 section 4)"


def test_a_every_worker_knows_it_and_for_that_address_alone(subject: Subject) -> None:
    with subject.client() as client:
        cookie = server_cookie(client, MINE)
    for number in range(16):  # so many sockets meet both workers
        with subject.client() as client:
            assert server_cookie(client, cookie, tcp=number % 2 == 1) == cookie
    with subject.client(STAFF) as another:
        assert server_cookie(another, cookie)[16:] != cookie[16:]


def test_a_a_restart_keeps_it(tmp_path: Path) -> None:
    config = {"workers": 1, "local_records": [f"{PRINTER}. 300 IN A 10.0.0.9"]}
    with running(tmp_path, config) as server:
        with Client(("127.0.0.1", server.port), OTHER) as client:
            cookie = server_cookie(client, MINE)
        server.stop()
        server.start()
        with Client(("127.0.0.1", server.port), OTHER) as client:
            assert server_cookie(client, cookie) == cookie


def test_a_one_that_is_none_of_ours_is_no_error(client: Client) -> None:
    for forged in (MINE + bytes(8), MINE + b"\1" + bytes(15), MINE + bytes(32)):
        assert server_cookie(client, forged).startswith(MINE)


def test_a_a_cookie_may_be_asked_for_alone(client: Client) -> None:
    # RFC 7873 section 5.4: a query without a question.
    answer = client.ask(message(additional=(opt(option(COOKIE, MINE)),)))
    assert wire.rcode(answer) == "NOERROR"
    assert wire.header(answer).counts == (0, 0, 0, 1)
    cookie = wire.options(answer)[COOKIE]
    assert cookie.startswith(MINE)
    for held, rcode in ((cookie, "NOERROR"), (MINE + bytes(16), "BADCOOKIE")):
        answer = client.ask(message(additional=(opt(option(COOKIE, held)),)))
        assert wire.rcode(answer) == rcode


@pytest.mark.parametrize("size", [*range(8), *range(9, 16), 41, 60])
def test_a_a_cookie_of_another_length_is_formerr(client: Client, size: int) -> None:
    answer = client.ask(wire.query(PRINTER, 1, option(COOKIE, b"c" * size)))
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
    received, *_ = subject.asked(name)  # again, should the machine have paused
    assert wire.options(received.query) == {}
