"""Row 12: thousands of EDNS options, doubled cookies, options that are cut or lie of their length.

The class "many options" of the corpora has each code, alone and by the thousand.
"""

from collections.abc import Iterator

import pytest

from dnsguard.core.protocol import EdnsOption
from tests.standards.wire import message, opt, option, options, question, rcode
from tests.support.hostile_queries import NAME, Hostile, hostile_queries
from tests.support.replay import MOST, SEED, Besieged, besieged

COOKIE = option(EdnsOption.COOKIE, b"8 octets")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with besieged(tmp_path_factory.mktemp("city")) as started:
        yield started


@pytest.mark.parametrize("number", [1, 2, 300, 4_000, 16_000])
@pytest.mark.parametrize("code", [3, 10, 12, 15, 65_001])
def test_thousands_of_options_are_read_to_the_last(
    target: Besieged, code: int, number: int
) -> None:
    size = 8 if code == EdnsOption.COOKIE and number < 5_000 else 0
    many = [option(code, bytes(size))] * number
    wellformed = size > 0 or code != EdnsOption.COOKIE
    whole = message(question(NAME), additional=(opt(*many),))
    cut = message(question(NAME), additional=(opt(*many, b"\0"),))
    with target.unharmed():
        target.replay_queries(
            [
                Hostile(whole, frozenset({0} if wellformed else {1})),
                Hostile(cut, frozenset({1})),
            ],
            tcp=True,
        )


def test_no_option_is_echoed_or_passed_on_but_one_cookie(target: Besieged) -> None:
    asked = message(
        question(b"\6cookie\7example\3net\0"),
        additional=(opt(*[COOKIE] * 500, *[option(65_001, b"x")] * 500, option(3)),),
    )
    answer = target.ask(asked)
    assert rcode(answer) == "NOERROR"
    assert list(options(answer)) == [EdnsOption.COOKIE]
    sent = [one.query for one in target.upstream.received if one.name == "cookie.example.net."]
    assert sent
    assert all(EdnsOption.COOKIE not in options(query) for query in sent)
    assert all(65_001 not in options(query) for query in sent)


@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
def test_options_of_every_code_and_length(target: Besieged, *, tcp: bool) -> None:
    with target.unharmed():
        target.replay_queries(hostile_queries("many options", SEED, 4 * MOST), tcp=tcp)
